import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createHost,
  createLogger,
  type Device,
  DeviceClient,
  decodePayload,
  encodePayload,
  loadConfig,
  type PushOptions,
  type PushOutcome,
  push,
} from '#runtime/index.js';
import type { Cleanup } from './cleanup.js';
import { TestKeys } from './keys.js';

export type Config = Record<string, unknown>;

/** The counter's slot with everything it needs. */
export const COUNTER_SLOT = {
  name: 'counter',
  limits: { deadlineMs: 2_000, queue: 8_192 },
  bindings: [
    { contract: 'wascc:keyvalue' },
    { contract: 'wascc:logging' },
    { contract: 'iot:mqtt', publish: ['home/+/state'], subscribe: ['home/cmd/#'] },
  ],
};

/** A small configuration: nothing listens beyond loopback or on a fixed port, and probation is short. */
export const CONFIG: Config = {
  device: 'pi-01',
  board: 'sim',
  dataDir: './data',
  broker: 'embedded://127.0.0.1:0',
  http: { port: 0 },
  trust: { document: './trust' },
  clock: 'trusted',
  updates: { dwellMs: 150 },
  providers: [{ contract: 'wascc:keyvalue', use: 'lmdb' }],
  actors: [COUNTER_SLOT],
};

export interface TestDeviceOptions {
  /** Laid over `CONFIG`. */
  readonly config?: Config;
  readonly keys?: TestKeys;
}

/** A device in this process, with a folder of its own, and somebody elsewhere who holds the keys. */
export class TestDevice {
  readonly log: Record<string, unknown>[] = [];
  #device: Device | undefined;
  #client: DeviceClient | undefined;

  private constructor(
    readonly folder: string,
    readonly keys: TestKeys,
    private config: Config,
  ) {}

  /** Makes the folder with the trust document; nothing runs yet. */
  static async make(cleanup: Cleanup, options: TestDeviceOptions = {}): Promise<TestDevice> {
    const { keys = new TestKeys(), config } = options;
    const folder = await mkdtemp(join(tmpdir(), 'iot-e2e-'));
    await mkdir(join(folder, 'trust'));
    await writeFile(join(folder, 'trust', 'root.cbor'), keys.trustDocument());
    const device = new TestDevice(folder, keys, { ...CONFIG, ...config });
    await device.#write();
    cleanup.add(async () => {
      await device.off();
      await rm(folder, { recursive: true, force: true });
    });
    return device;
  }

  static async start(cleanup: Cleanup, options: TestDeviceOptions = {}): Promise<TestDevice> {
    const device = await TestDevice.make(cleanup, options);
    await device.on();
    return device;
  }

  get name(): string {
    return String(this.config.device);
  }
  get file(): string {
    return join(this.folder, 'iot-host.yaml');
  }
  get dataDir(): string {
    return join(this.folder, 'data');
  }
  get running(): Device {
    if (this.#device === undefined) throw new Error(`${this.name} is off`);
    return this.#device;
  }
  get client(): DeviceClient {
    if (this.#client === undefined) throw new Error(`${this.name} is off`);
    return this.#client;
  }
  get broker(): string {
    return this.running.urls.broker ?? '';
  }

  /** Starts on what is in the folder; `changes` are laid over the configuration for good. */
  async on(changes: Config = {}): Promise<void> {
    this.config = { ...this.config, ...changes };
    await this.#write();
    const logger = createLogger('info', { write: (line) => void this.log.push(JSON.parse(line)) });
    const device = createHost({ config: await loadConfig(this.file), logger });
    await device.start();
    this.#device = device;
    this.#client = await this.sender(this.broker);
  }

  async #write(): Promise<void> {
    // JSON is YAML.
    await writeFile(this.file, JSON.stringify(this.config, null, 2));
  }

  async off(): Promise<void> {
    await this.#client?.close();
    this.#client = undefined;
    await this.#device?.stop();
    this.#device = undefined;
  }

  /** Somebody with the keys, at a broker; the caller closes it. */
  sender(url: string): Promise<DeviceClient> {
    return DeviceClient.connect({ url, device: this.name, signer: this.keys.control });
  }

  push(component: string, module: Uint8Array, more: Partial<PushOptions> = {}): Promise<PushOutcome> {
    const client = more.client ?? this.client;
    return push({
      timeoutMs: 15_000,
      ...more,
      client,
      module,
      component,
      signers: more.signers ?? [this.keys.release],
    });
  }

  /** Pushes what ought to become active, and says why when it did not. */
  async install(
    component: string,
    module: Uint8Array,
    more: Partial<PushOptions> = {},
  ): Promise<PushOutcome> {
    const outcome = await this.push(component, module, more);
    if (outcome.end !== 'active') throw outcome.error ?? new Error(`${component} ended ${outcome.end}`);
    return outcome;
  }

  async call(actor: string, operation: string, payload = new Uint8Array(0)): Promise<Uint8Array> {
    return (await this.client.rpc('call', { actor, operation, payload })).reply;
  }

  /** What the counter has counted. */
  async count(): Promise<number> {
    return (decodePayload('cbor', await this.call('counter', 'Count')) as { count: number }).count;
  }

  async actor(name: string) {
    const { actors } = await this.client.rpc('ps', {});
    const found = actors.find((actor) => actor.name === name);
    if (found === undefined) throw new Error(`${this.name} has no actor ${name}`);
    return found;
  }

  async readyz(): Promise<number> {
    return (await fetch(`${this.running.urls.http}/readyz`)).status;
  }
}

export const cbor = (value: unknown) => encodePayload('cbor', value);
export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
export const utf8 = (s: string) => new TextEncoder().encode(s);
