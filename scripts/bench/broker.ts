import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './port.js';

const ATTEMPTS = 200;
const PAUSE_MS = 25;

/** A Mosquitto of its own on loopback. */
export class Mosquitto {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** `noDelay`: with TCP_NODELAY; without it, its default, much of what is measured would be waiting for TCP. */
  static async start({ noDelay = true } = {}): Promise<Mosquitto> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'iot-host-bench-mosquitto-'));
    const file = join(folder, 'mosquitto.conf');
    const root = process.getuid?.() === 0 ? ['user root'] : [];
    const lines = [...root, `listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false'];
    await writeFile(file, [...lines, ...(noDelay ? ['set_tcp_nodelay true'] : []), ''].join('\n'));
    const path = `${process.env.PATH ?? ''}:/usr/sbin`;
    const child = spawn('mosquitto', ['-c', file], { stdio: 'ignore', env: { ...process.env, PATH: path } });
    const broker = new Mosquitto(`mqtt://127.0.0.1:${port}`, child, folder);
    const failed = once(child, 'error').then(([error]) => {
      throw error;
    });
    await Promise.race([failed, broker.#answers(port)]);
    return broker;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill();
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #answers(port: number): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await listens(port)) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    throw new Error(`mosquitto does not listen on port ${port}`);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
