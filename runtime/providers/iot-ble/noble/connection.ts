import { IotError } from '../../../base/errors.js';
import { shortUuid } from '../names.js';
import type { Place, ServiceInfo } from '../radio.js';
import type { NobleCharacteristic, NoblePeripheral } from './api.js';

/** Milliseconds for a peripheral to say goodbye. */
const GOODBYE_MS = 2_000;

const keyOf = ({ service, characteristic }: Place) => `${service}/${characteristic}`;

/** One connection, from its beginning to its end: what is found on it holds for it alone. */
export class Connection {
  #found: Promise<ServiceInfo[]> | undefined;
  readonly #characteristics = new Map<string, NobleCharacteristic>();
  readonly #listeners = new Map<string, (data: Buffer, isNotification: boolean) => void>();

  constructor(private readonly peripheral: NoblePeripheral) {}

  /** Asks the peripheral once. */
  discover(): Promise<ServiceInfo[]> {
    this.#found ??= this.#discover().catch((thrown: unknown) => {
      this.#found = undefined;
      throw thrown;
    });
    return this.#found;
  }

  /** An error that the peripheral answers with is an empty value: neither package tells them apart. */
  async read(at: Place): Promise<Uint8Array> {
    return Uint8Array.from(await (await this.#characteristic(at, ['read'])).readAsync());
  }

  async write(at: Place, value: Uint8Array, withoutResponse: boolean): Promise<void> {
    const property = withoutResponse ? 'writeWithoutResponse' : 'write';
    await (await this.#characteristic(at, [property])).writeAsync(Buffer.from(value), withoutResponse);
  }

  async subscribe(at: Place, tell: (value: Uint8Array) => void): Promise<void> {
    const characteristic = await this.#characteristic(at, ['notify', 'indicate']);
    this.#silence(at, characteristic);
    const listener = (data: Buffer, isNotification: boolean) => {
      if (isNotification) tell(Uint8Array.from(data));
    };
    this.#listeners.set(keyOf(at), listener);
    characteristic.on('data', listener);
    await characteristic.subscribeAsync();
  }

  async unsubscribe(at: Place): Promise<void> {
    const characteristic = await this.#characteristic(at, ['notify', 'indicate']);
    this.#silence(at, characteristic);
    await characteristic.unsubscribeAsync();
  }

  /** Resolves when it is over, or after a bounded wait. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      this.peripheral.disconnect(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #discover(): Promise<ServiceInfo[]> {
    const { services } = await this.peripheral.discoverAllServicesAndCharacteristicsAsync();
    return services.map((service) => ({
      uuid: shortUuid(service.uuid),
      characteristics: (service.characteristics ?? []).map((characteristic) => {
        const at = { service: shortUuid(service.uuid), characteristic: shortUuid(characteristic.uuid) };
        this.#characteristics.set(keyOf(at), characteristic);
        return { uuid: at.characteristic, properties: [...characteristic.properties] };
      }),
    }));
  }

  async #characteristic(at: Place, properties: readonly string[]): Promise<NobleCharacteristic> {
    await this.discover();
    const found = this.#characteristics.get(keyOf(at));
    if (found === undefined) {
      throw new IotError(
        'E_PROVIDER',
        `it has no characteristic ${at.characteristic} in a service ${at.service}`,
      );
    }
    // Asked all the same, the peripheral would answer with an error, which the packages keep to themselves.
    if (properties.some((property) => found.properties.includes(property))) return found;
    throw new IotError('E_PROVIDER', `characteristic ${at.characteristic} has no ${properties[0]}`);
  }

  #silence(at: Place, characteristic: NobleCharacteristic): void {
    const listener = this.#listeners.get(keyOf(at));
    if (listener !== undefined) characteristic.removeListener('data', listener);
    this.#listeners.delete(keyOf(at));
  }
}
