import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  createHost,
  type Device,
  generateKey,
  type KeyPair,
  parseConfig,
  signModule,
} from '../../runtime/index.js';
import { actorFile } from './engine.js';

/** How long a device may take to be ready: on a slow kernel its broker comes later than it. */
const READY_TRIES = 300;
const READY_PAUSE_MS = 100;

/** An actor that is there from the start. */
export interface BenchActor {
  readonly name: string;
  /** File of dist/actors, without its ending; none for a slot that waits for a push. */
  readonly file?: string;
  readonly bindings?: readonly Record<string, unknown>[];
}

export interface BenchDeviceOptions {
  /** Default: the simulated one. */
  readonly board?: string;
  /** Default: the embedded one. */
  readonly broker?: string;
  readonly actors: readonly BenchActor[];
  readonly providers?: readonly Record<string, unknown>[];
  /** A trust document, for a device that takes pushes; hexadecimal. */
  readonly trust?: string;
}

/** A device with signed actors in its slots, in a folder that goes with it. */
export class BenchDevice {
  private constructor(
    readonly device: Device,
    private readonly folder: string,
  ) {}

  static async start(options: BenchDeviceOptions): Promise<BenchDevice> {
    const folder = await mkdtemp(join(tmpdir(), 'iot-host-bench-'));
    const account = generateKey('account');
    const paths = new Map<string, string>();
    const actors = [];
    for (const actor of options.actors) {
      const { name, file, bindings = [] } = actor;
      const slot = { name, bindings, limits: { deadlineMs: 5_000, queue: 8_192 } };
      const key = `${file} ${JSON.stringify(bindings)}`;
      const path =
        file === undefined
          ? undefined
          : (paths.get(key) ?? (await sign(folder, `${paths.size}.wasm`, { file, bindings, account })));
      if (path !== undefined) paths.set(key, path);
      actors.push({ ...slot, ...(path === undefined ? {} : { path }) });
    }
    if (options.trust !== undefined) {
      await mkdir(join(folder, 'trust'));
      await writeFile(join(folder, 'trust', 'root.cbor'), Buffer.from(options.trust, 'hex'));
    }
    const config = {
      device: 'bench',
      board: options.board ?? 'sim',
      dataDir: './data',
      broker: options.broker ?? 'embedded://127.0.0.1:0',
      trust: {
        issuers: [account.publicKey],
        ...(options.trust === undefined ? {} : { document: './trust' }),
      },
      updates: { dwellMs: 0 },
      providers: options.providers ?? [],
      actors,
    };
    // JSON is YAML.
    const device = createHost({ config: parseConfig(join(folder, 'iot-host.yaml'), JSON.stringify(config)) });
    await device.start();
    let problems = device.problems();
    for (let tries = 0; problems.length > 0 && tries < READY_TRIES; tries++) {
      await new Promise((resolve) => setTimeout(resolve, READY_PAUSE_MS));
      problems = device.problems();
    }
    if (problems.length > 0) throw new Error(`the device is not ready: ${problems.join('; ')}`);
    return new BenchDevice(device, folder);
  }

  async stop(): Promise<void> {
    await this.device.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface Signed {
  readonly file: string;
  readonly bindings: readonly Record<string, unknown>[];
  readonly account: KeyPair;
}

/** Signs a built actor for what it is bound to; the path of the result. */
async function sign(folder: string, as: string, { file, bindings, account }: Signed): Promise<string> {
  const caps = bindings.map(({ contract }) => String(contract));
  const claims = { account, module: generateKey('module'), name: basename(file), caps, rev: 1, ver: '1.0.0' };
  const path = join(folder, as);
  await writeFile(path, signModule(await actorFile(file), claims));
  return path;
}
