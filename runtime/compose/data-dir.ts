import { randomBytes } from 'node:crypto';
import { constants, mkdir, open, readFile, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { asIotError, IotError } from '../base/errors.js';
import { toHex } from '../trust/cbor/bytes.js';
import { sha256 } from '../trust/cose/authentication.js';

const SEED_BYTES = 32;

/** The folder in which one host keeps everything, held by that host alone. */
export class DataDir {
  readonly path: string;
  readonly #lock: Server;

  private constructor(path: string, lock: Server) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes the folder if need be. Throws E_BUSY when another host has it, E_CONFIG when it cannot be used. */
  static async open(path: string): Promise<DataDir> {
    try {
      const topmost = await mkdir(path, { recursive: true, mode: 0o700 });
      if (topmost !== undefined) await syncNames(path, topmost);
    } catch (thrown) {
      const hint = 'set dataDir in iot-host.yaml to a folder that this user may write to';
      throw new IotError('E_CONFIG', `data folder ${path} cannot be made: ${asIotError(thrown).message}`, {
        hint,
      });
    }
    return new DataDir(path, await hold(path));
  }

  /** The device's own Ed25519 seed, made at the first start and never shown. Throws E_KEY when damaged. */
  async deviceSeed(): Promise<Uint8Array> {
    const file = join(this.path, 'device.key');
    const found = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new IotError('E_KEY', `device key ${file} cannot be read: ${error.message}`);
    });
    if (found?.length === SEED_BYTES) return new Uint8Array(found);
    if (found !== undefined && found.length > 0) {
      const hint = 'delete it to give the device a new identity';
      throw new IotError('E_KEY', `device key ${file} is damaged: ${found.length} bytes`, { hint });
    }
    const seed = randomBytes(SEED_BYTES);
    const handle = await open(file, 'w', 0o600);
    try {
      await handle.writeFile(seed);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return new Uint8Array(seed);
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.#lock.close(() => done()));
  }
}

/** Makes the names of `path` and of the folders above it durable, as far up as `topmost`. */
async function syncNames(path: string, topmost: string): Promise<void> {
  for (let made = resolve(path); made.length >= topmost.length; made = dirname(made)) {
    const folder = await open(dirname(made), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/**
 * A unix socket in Linux's abstract name space (unix(7)) is the lock: the kernel lets go of it when the process ends,
 * however it ends, so no stale lock can keep a device from coming back after a power cut.
 */
async function hold(path: string): Promise<Server> {
  const name = toHex(sha256(new TextEncoder().encode(await realpath(path)))).slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((held, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      const hint = 'stop the other one, or give this one a dataDir of its own';
      reject(new IotError('E_BUSY', `another iot-host runs on ${path}`, { hint }));
    });
    server.listen(`\0iot-host-${name}`, held);
  });
  server.unref();
  return server;
}
