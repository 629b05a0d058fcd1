import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FarEnd } from './far-end.js';

/** A cable of two pseudo terminals, made by socat: `<name>` is the near end, the far end is in the test's hand. */
export class PtyCable {
  readonly near: string;
  readonly far: string;
  #socat: ChildProcess | undefined;
  #far: FarEnd | undefined;

  constructor(folder: string, name: string) {
    this.near = join(folder, name);
    this.far = join(folder, `${name}-far`);
  }

  /** `held: false` leaves the far end to the test: nobody reads there. */
  async plug({ held = true } = {}): Promise<void> {
    const end = (path: string) => `PTY,link=${path},rawer`;
    this.#socat = spawn('socat', [end(this.near), end(this.far)], { stdio: 'ignore' });
    while (!existsSync(this.near) || !existsSync(this.far)) await sleep(5);
    if (held) this.#far = await FarEnd.open(this.far);
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
    if (this.#far === undefined) throw new Error('nobody holds the far end');
    await this.#far.send(bytes);
  }

  /** What has come since this was asked last; nothing while the cable is unplugged. */
  async received(): Promise<Uint8Array> {
    await sleep(5);
    return this.#far?.received() ?? new Uint8Array();
  }
}
