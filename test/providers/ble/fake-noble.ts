import { EventEmitter } from 'node:events';
import type { Noble, NoblePeripheral } from '#runtime/providers/iot-ble/noble/api.js';
import { CHARACTERISTICS, SERVICE } from './ble.contract.js';
import { THERMO, THERMO_ID } from './sim-peripherals.js';

/** `thermo` as the packages show it: it advertises, and accepts every connection at once. */
class FakePeripheral extends EventEmitter {
  readonly id = THERMO_ID;
  readonly address = THERMO;
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

  async discoverAllServicesAndCharacteristicsAsync() {
    const value = {
      uuid: CHARACTERISTICS.value,
      properties: ['read'],
      readAsync: async () => Buffer.from('hello'),
    };
    return { services: [{ uuid: SERVICE, characteristics: [value] }] };
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

  setPower(on: boolean): void {
    this.state = on ? 'poweredOn' : 'poweredOff';
    if (!on) this.peripheral.state = 'disconnected';
    this.emit('stateChange', this.state);
  }

  /** The connection ends, and the peripheral is not heard any more. */
  vanish(): void {
    this.inReach = false;
    this.peripheral.state = 'disconnected';
    this.peripheral.emit('disconnect', 8);
  }

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
