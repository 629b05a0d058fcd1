import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../runtime/cli/main.js', import.meta.url));

export interface RemoteDeviceOptions {
  readonly name: string;
  /** For its configuration and its data. */
  readonly folder: string;
  readonly broker: string;
  /** Folder with a trust document. */
  readonly trust: string;
}

/** A device in a process of its own, started by `iot-host up`, from which the power can be taken. */
export class RemoteDevice {
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes its configuration: a slot `blink` that waits for a push. */
  static async make({ name, folder, broker, trust }: RemoteDeviceOptions): Promise<RemoteDevice> {
    const bindings = [
      { contract: 'iot:gpio', lines: { LED: { direction: 'out', safe: 0 } } },
      { contract: 'iot:timer' },
      { contract: 'iot:mqtt', publish: ['home/+/state'] },
    ];
    const config = {
      ...{ device: name, board: 'sim', dataDir: './data', broker, http: { port: 0 } },
      ...{ trust: { document: trust }, updates: { dwellMs: 400 }, actors: [{ name: 'blink', bindings }] },
    };
    await mkdir(folder);
    // JSON is YAML.
    await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(config));
    return new RemoteDevice(folder);
  }

  /** Resolves when it says that it is ready. */
  async on(): Promise<void> {
    const env = { PATH: process.env.PATH ?? '', HOME: this.#folder, NO_COLOR: '1' };
    const child = spawn(process.execPath, [MAIN, 'up', '--json', '--quiet'], {
      cwd: this.#folder,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    const ended = new AbortController();
    const exit = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`iot-host up ended with ${code} before it was ready`);
    });
    const ready = once(createInterface(child.stdout), 'line', { signal: ended.signal });
    try {
      await Promise.race([ready, exit]);
    } finally {
      ended.abort();
      await Promise.allSettled([ready, exit]);
    }
  }

  /** As if the plug was pulled: it gets to do nothing more. Does nothing when it is off. */
  async cut(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}
