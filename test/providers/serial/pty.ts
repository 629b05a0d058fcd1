import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SerialPort } from 'serialport';

/** A cable of two pseudo terminals, made by socat: `<name>` is the near end, the far end is in the test's hand. */
export class PtyCable {
  readonly near: string;
  readonly #farPath: string;
  #socat: ChildProcess | undefined;
  #far: SerialPort | undefined;
  #received: Buffer[] = [];

  constructor(folder: string, name: string) {
    this.near = join(folder, name);
    this.#farPath = join(folder, `${name}-far`);
  }

  async plug(): Promise<void> {
    const end = (path: string) => `PTY,link=${path},rawer`;
    this.#socat = spawn('socat', [end(this.near), end(this.#farPath)], { stdio: 'ignore' });
    while (!existsSync(this.near) || !existsSync(this.#farPath)) await sleep(5);
    const far = new SerialPort({ path: this.#farPath, baudRate: 115_200, autoOpen: false });
    await new Promise<void>((resolve, reject) => far.open((error) => (error ? reject(error) : resolve())));
    far.on('data', (bytes: Buffer) => this.#received.push(bytes));
    far.on('error', () => {});
    this.#far = far;
  }

  async unplug(): Promise<void> {
    const socat = this.#socat;
    this.#socat = undefined;
    if (socat === undefined) return;
    const exited = once(socat, 'exit');
    socat.kill('SIGTERM');
    await exited;
    this.#far = undefined;
  }

  async send(bytes: Uint8Array): Promise<void> {
    const far = this.#far;
    await new Promise<void>((resolve, reject) => {
      far?.write(Buffer.from(bytes), undefined, (error) => (error ? reject(error) : resolve()));
    });
  }

  async received(): Promise<Uint8Array> {
    await sleep(5);
    return new Uint8Array(Buffer.concat(this.#received.splice(0)));
  }
}
