import { IotError } from '../../base/errors.js';
import { peripheralId } from './names.js';
import type { Place, Radio, RadioEvents, ServiceInfo } from './radio.js';
import type { SimPeripheral } from './sim-peripheral.js';

interface Simulated {
  spec: SimPeripheral;
  inReach: boolean;
  connected: boolean;
  readonly subscribed: Set<string>;
  readonly silent: Set<string>;
}

/** Never settles: nobody answers. */
const SILENCE = new Promise<never>(() => {});
const keyOf = ({ service, characteristic }: Place) => `${service}/${characteristic}`;

/** An adapter and peripherals that exist in memory only. */
export class SimulatedRadio implements Radio {
  readonly #peripherals = new Map<string, Simulated>();
  #events: RadioEvents | undefined;
  #scan: { readonly duplicates: boolean } | undefined;
  readonly #told = new Set<string>();
  #power = true;
  /** Called whenever a peripheral comes within reach, or the adapter is switched. */
  readonly #waiting = new Set<() => void>();

  async start(events: RadioEvents): Promise<void> {
    this.#events = events;
    if (this.#power) events.ready();
  }

  async stop(): Promise<void> {
    for (const peripheral of this.#peripherals.values()) this.#cut(peripheral);
    this.#scan = undefined;
    this.#events = undefined;
  }

  problem(): string | undefined {
    return this.#power ? undefined : 'the simulated adapter is off';
  }

  scan(wish: { readonly duplicates: boolean } | undefined): void {
    this.#scan = wish;
    this.#told.clear();
    // Not from inside the call: what is heard is heard later.
    queueMicrotask(() => {
      for (const id of this.#peripherals.keys()) this.#advertise(id);
    });
  }

  async connect(id: string, signal: AbortSignal): Promise<void> {
    while (!this.#reachable(id)) {
      const problem = this.problem();
      if (problem !== undefined) throw new IotError('E_UNAVAILABLE', problem);
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    this.#get(id).connected = true;
  }

  async disconnect(id: string): Promise<void> {
    const peripheral = this.#peripherals.get(id);
    if (peripheral !== undefined) this.#cut(peripheral);
  }

  async discover(id: string): Promise<ServiceInfo[]> {
    return this.#get(id).spec.services.map(({ uuid, characteristics }) => ({
      uuid,
      characteristics: characteristics.map(({ uuid, properties }) => ({ uuid, properties })),
    }));
  }

  async read(id: string, at: Place): Promise<Uint8Array> {
    return this.#ask(id, at, 'read', ({ value }) => value);
  }

  async write(id: string, at: Place, value: Uint8Array, withoutResponse: boolean): Promise<void> {
    await this.#ask(id, at, withoutResponse ? 'writeWithoutResponse' : 'write', (characteristic) => {
      characteristic.value = value;
    });
  }

  async subscribe(id: string, at: Place): Promise<void> {
    await this.#ask(id, at, 'notify', () => this.#get(id).subscribed.add(keyOf(at)));
  }

  async unsubscribe(id: string, at: Place): Promise<void> {
    await this.#ask(id, at, 'notify', () => this.#get(id).subscribed.delete(keyOf(at)));
  }

  add(spec: SimPeripheral): void {
    const id = peripheralId(spec.address);
    this.vanish(id);
    const state = {
      inReach: false,
      connected: false,
      subscribed: new Set<string>(),
      silent: new Set<string>(),
    };
    this.#peripherals.set(id, { spec, ...state });
    this.appear(id);
  }

  advertise(id: string, changes: Partial<SimPeripheral>): void {
    const peripheral = this.#get(id);
    peripheral.spec = { ...peripheral.spec, ...changes };
    this.#advertise(id);
  }

  vanish(id: string): void {
    const peripheral = this.#peripherals.get(id);
    if (peripheral === undefined) return;
    peripheral.inReach = false;
    if (this.#cut(peripheral)) this.#events?.lost(id, 'connection timeout');
  }

  appear(id: string): void {
    this.#get(id).inReach = true;
    this.#wake();
    this.#advertise(id);
  }

  notify(id: string, at: Place, value: Uint8Array): void {
    this.characteristic(id, at).value = value;
    if (this.#get(id).subscribed.has(keyOf(at))) this.#events?.notification(id, at, value);
  }

  setSilent(id: string, at: Place, silent: boolean): void {
    if (silent) this.#get(id).silent.add(keyOf(at));
    else this.#get(id).silent.delete(keyOf(at));
  }

  setPower(on: boolean): void {
    if (this.#power === on) return;
    this.#power = on;
    for (const [id, peripheral] of this.#peripherals) {
      if (!on && this.#cut(peripheral)) this.#events?.lost(id, 'the adapter was switched off');
    }
    this.#wake();
    if (!on) return;
    this.scan(this.#scan);
    this.#events?.ready();
  }

  characteristic(id: string, { service, characteristic }: Place) {
    const found = this.#get(id)
      .spec.services.find(({ uuid }) => uuid === service)
      ?.characteristics.find(({ uuid }) => uuid === characteristic);
    if (found !== undefined) return found;
    throw new IotError('E_PROVIDER', `it has no characteristic ${characteristic} in a service ${service}`);
  }

  async #ask<T>(
    id: string,
    at: Place,
    property: string,
    answer: (characteristic: SimPeripheral['services'][number]['characteristics'][number]) => T,
  ): Promise<T> {
    const characteristic = this.characteristic(id, at);
    if (!characteristic.properties.includes(property)) {
      throw new IotError('E_PROVIDER', `characteristic ${at.characteristic} has no ${property}`);
    }
    return this.#get(id).silent.has(keyOf(at)) ? SILENCE : answer(characteristic);
  }

  #advertise(id: string): void {
    const { spec, connected } = this.#get(id);
    // Who is connected does not advertise.
    if (!this.#reachable(id) || connected || this.#scan === undefined) return;
    if (!this.#scan.duplicates && this.#told.has(id)) return;
    this.#told.add(id);
    const { address, name, rssi, manufacturerData, serviceData } = spec;
    const services = spec.services.map(({ uuid }) => uuid);
    this.#events?.advert({
      ...{ id, address: address.toLowerCase(), name, rssi, manufacturerData, serviceData, services },
    });
  }

  #reachable(id: string): boolean {
    return this.#power && this.#peripherals.get(id)?.inReach === true;
  }

  /** Whether there was a connection to cut. */
  #cut(peripheral: Simulated): boolean {
    const { connected } = peripheral;
    peripheral.connected = false;
    peripheral.subscribed.clear();
    return connected;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #get(id: string): Simulated {
    const peripheral = this.#peripherals.get(id);
    if (peripheral !== undefined) return peripheral;
    throw new IotError('E_USAGE', `there is no simulated peripheral ${id}`);
  }
}
