import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createHost,
  createLogger,
  type Device,
  DeviceClient,
  type PushOutcome,
  parseConfig,
  push,
  type Signer,
  SimulatedGpio,
} from '../../runtime/index.js';
import { DemoKeys } from './keys.js';

export const DEVICE = 'pi-01';

/** What would stand in `iot-host.yaml`; ports are free ones, so that the demo disturbs nobody. */
const CONFIG = `
device: ${DEVICE}
board: sim
dataDir: ./data
broker: embedded://127.0.0.1:0
http: {port: 0}
trust: {document: ./trust}
updates: {dwellMs: 400}
providers:
  - {contract: wascc:keyvalue, use: lmdb}
actors:
  - name: blink
    bindings:
      - {contract: iot:gpio, lines: {LED: {direction: out, safe: 0}}}
      - {contract: iot:timer}
      - {contract: iot:mqtt, publish: ["home/+/state"]}
  - name: counter
    limits: {deadlineMs: 2000, queue: 4096}
    bindings:
      - {contract: wascc:keyvalue}
      - {contract: wascc:logging}
      - {contract: iot:mqtt, publish: ["home/+/state"], subscribe: ["home/cmd/#"]}
`;

/** A device with a simulated board and an embedded broker, and somebody elsewhere who holds the keys. */
export class Stage {
  readonly keys: DemoKeys;
  readonly device: Device;
  readonly client: DeviceClient;
  /** What the device's log said, newest last. */
  readonly log: readonly Record<string, unknown>[];
  readonly #folder: string;

  private constructor(
    folder: string,
    keys: DemoKeys,
    device: Device,
    client: DeviceClient,
    log: Record<string, unknown>[],
  ) {
    this.#folder = folder;
    this.keys = keys;
    this.device = device;
    this.client = client;
    this.log = log;
  }

  static async set(): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'iot-host-demo-'));
    const keys = new DemoKeys();
    await mkdir(join(folder, 'trust'));
    await writeFile(join(folder, 'trust', 'root.cbor'), keys.trustDocument());
    const log: Record<string, unknown>[] = [];
    const logger = createLogger('info', { write: (line) => void log.push(JSON.parse(line)) });
    const device = createHost({ config: parseConfig(join(folder, 'iot-host.yaml'), CONFIG), logger });
    await device.start();
    const client = await DeviceClient.connect({
      url: device.urls.broker ?? '',
      device: DEVICE,
      signer: keys.control,
    });
    return new Stage(folder, keys, device, client, log);
  }

  /** A file of its own folder, which goes with it. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  get gpio(): SimulatedGpio {
    const { provider } = this.device.host.providers.get('iot:gpio');
    if (provider instanceof SimulatedGpio) return provider;
    throw new Error('the demo needs the simulated board');
  }

  /** A push as `iot-host push` does it. */
  push(
    component: string,
    module: Uint8Array,
    more: { signers?: Signer[]; sequence?: number } = {},
  ): Promise<PushOutcome> {
    const { client } = this;
    return push({ client, module, component, signers: more.signers ?? [this.keys.release], ...more });
  }

  /** Pushes what ought to become active, and says why when it did not. */
  async install(component: string, module: Uint8Array): Promise<PushOutcome> {
    const outcome = await this.push(component, module);
    if (outcome.end !== 'active') throw outcome.error ?? new Error(`${component} ended ${outcome.end}`);
    return outcome;
  }

  /** The reason code with which a push was refused. */
  async refusal(
    component: string,
    module: Uint8Array,
    more: Parameters<Stage['push']>[2] = {},
  ): Promise<string> {
    const outcome = await this.push(component, module, more);
    return outcome.end === 'rejected' && outcome.error !== undefined
      ? outcome.error.code
      : `not refused: ${outcome.end}`;
  }

  call(actor: string, operation: string): Promise<Uint8Array> {
    return this.client
      .rpc('call', { actor, operation, payload: new Uint8Array(0) })
      .then(({ reply }) => reply);
  }

  async readyz(): Promise<number> {
    return (await fetch(`${this.device.urls.http}/readyz`)).status;
  }

  async clear(): Promise<void> {
    await this.client.close();
    await this.device.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
