import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { DeviceClient, decodePayload } from '#runtime/index.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { type Ended, iotHost } from '../cli/iot-host.js';
import type { Cleanup } from '../helpers/cleanup.js';
import { CONFIG, type Config } from '../helpers/device.js';
import { type SignAs, TestKeys } from '../helpers/keys.js';
import { type UpProcess, up } from '../helpers/up.js';

/** The chip of a Raspberry Pi 4, as far as its label goes: the host takes this machine for one. */
export const PI_LABEL = 'pinctrl-bcm2711';
export const PI_LINES = 58;
/** Milliseconds that a step may take on the lab's one slow processor. */
export const PATIENCE_MS = 120_000;
const PATIENT = { timeoutMs: PATIENCE_MS };

/** What a person has: `iot-host up` on a board with pins, keys in a folder, and the command line. */
export class RealDevice {
  readonly chip = new SimChip(PI_LABEL, PI_LINES);
  readonly #keys = new TestKeys();
  #up: UpProcess | undefined;
  #client: DeviceClient | undefined;

  private constructor(private readonly folder: string) {}

  /** Starts it on `config`, laid over that of the tests; the chip goes with it. */
  static async start(cleanup: Cleanup, config: Config): Promise<RealDevice> {
    const folder = await mkdtemp(join(tmpdir(), 'iot-lab-'));
    const device = new RealDevice(folder);
    cleanup.add(async () => {
      device.chip.remove();
      await rm(folder, { recursive: true, force: true });
    });
    await mkdir(join(folder, 'trust'));
    await writeFile(join(folder, 'trust', 'root.cbor'), device.#keys.trustDocument());
    await device.#keys.save(join(folder, 'keys'));
    const whole = { ...CONFIG, board: 'raspberry-pi-4', providers: [], ...config };
    await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(whole));
    device.#up = await up(cleanup, { cwd: folder, patienceMs: PATIENCE_MS });
    const client = await DeviceClient.connect({
      ...{ url: device.broker, device: 'pi-01', signer: device.#keys.control },
    });
    cleanup.add(() => client.close());
    device.#client = client;
    return device;
  }

  get host(): UpProcess {
    if (this.#up === undefined) throw new Error('the device is off');
    return this.#up;
  }
  get broker(): string {
    return this.host.ready.urls.broker ?? '';
  }
  get client(): DeviceClient {
    if (this.#client === undefined) throw new Error('the device is off');
    return this.#client;
  }

  /** `iot-host ARGS`, at the device’s broker. */
  run(...args: string[]): Promise<Ended> {
    const env = {
      HOME: this.folder,
      PATH: process.env.PATH ?? '',
      NO_COLOR: '1',
      IOT_HOST_MDNS: 'off',
      IOT_HOST_KEYS: join(this.folder, 'keys'),
    };
    return iotHost([...args, '--device', 'pi-01', '--broker', this.broker], { home: this.folder, env });
  }

  /** The same, which has to succeed. */
  async does(...args: string[]): Promise<Ended> {
    const ended = await this.run(...args);
    expect(ended.code, `${args.join(' ')}: ${ended.stderr}`).toBe(0);
    return ended;
  }

  /** Signs an actor of dist/actors and sends it with `iot-host push`. */
  async push(actor: string, as: SignAs): Promise<Ended> {
    const file = join(this.folder, `${actor}.signed.wasm`);
    await writeFile(file, this.#keys.sign(actor, as));
    return this.run('push', file, '--name', as.name);
  }

  async install(actor: string, as: SignAs): Promise<void> {
    const { code, stderr } = await this.push(actor, as);
    expect(code, `push ${actor}: ${stderr}`).toBe(0);
  }

  async call(actor: string, operation: string, text = ''): Promise<unknown> {
    const payload = new TextEncoder().encode(text);
    const { reply } = await this.client.rpc('call', { actor, operation, payload }, PATIENT);
    return decodePayload('cbor', reply);
  }

  /** `lamp 2.0.0 running`. */
  async state(name: string): Promise<string> {
    const { actors } = await this.client.rpc('ps', {}, PATIENT);
    const found = actors.find((actor) => actor.name === name);
    return `${name} ${found?.version} ${found?.state}`;
  }
}
