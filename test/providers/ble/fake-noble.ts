import { EventEmitter } from 'node:events';
import type { Noble, NoblePeripheral } from '#runtime/providers/iot-ble/noble/api.js';

/** A peripheral as the packages show it: it advertises, and accepts every connection at once. */
class FakePeripheral extends EventEmitter {
  readonly id = 'a4c138000001';
  readonly address = 'a4:c1:38:00:00:01';
  readonly rssi = -50;
  readonly advertisement = { localName: 'thermo' };
  state = 'disconnected';
  /** What the package throws when it is to end the connection. */
  fault: Error | undefined;

  connect(done: () => void): void {
    this.state = 'connected';
    done();
    setImmediate(() => this.emit('mtu', 23));
  }

  disconnect(done?: () => void): void {
    if (this.fault !== undefined) throw this.fault;
    this.state = 'disconnected';
    this.emit('disconnect', 22);
    done?.();
  }
}

/** A package in memory, with an adapter that the test switches and one peripheral that is heard while it scans. */
export class FakeNoble extends EventEmitter implements Noble {
  readonly peripheral = new FakePeripheral();
  state = 'poweredOn';
  stops = 0;
  /** Whether the peripheral is within reach. */
  inReach = true;
  #scanning = false;

  startScanning(_services: string[], _duplicates: boolean, done: () => void): void {
    done();
    this.#scanning = true;
    this.emit('scanStart');
    setImmediate(() => this.#advertise());
  }

  stopScanning(done?: () => void): void {
    done?.();
    this.#scanning = false;
    this.emit('scanStop');
  }

  stop(): void {
    this.stops += 1;
  }

  #advertise(): void {
    if (this.#scanning && this.inReach) this.emit('discover', this.peripheral as unknown as NoblePeripheral);
  }
}
