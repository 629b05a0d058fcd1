import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The file is written at most this often, in milliseconds, and only read in between: flash cells wear out. */
const WRITE_EVERY_MS = 60_000;
/** A start on the same disk changes nothing about these; ending the host would make things worse. */
const NO_CURE: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** Whether the folder that holds the device's state still takes and gives bytes. */
export class StateProbe {
  readonly #file: string;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #content = '';
  #count = 0;
  /** What is wrong although a restart would not help. */
  problem: string | undefined;

  constructor(dataDir: string) {
    this.#file = join(dataDir, 'watchdog');
  }

  /** Rejects when a restart may help. A disk that does not answer keeps it waiting. */
  async check(): Promise<void> {
    const now = performance.now();
    if (now - this.#writtenAt >= WRITE_EVERY_MS) await this.#write(now);
    if (this.problem !== undefined) return;
    if ((await readFile(this.#file, 'utf8')) !== this.#content) throw new Error(`${this.#file} has changed`);
  }

  async #write(now: number): Promise<void> {
    const content = `${process.pid} ${++this.#count}\n`;
    try {
      await writeFile(this.#file, content, { mode: 0o600 });
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException;
      if (!NO_CURE.has(code)) throw thrown;
      this.problem = `state folder cannot be written: ${message}`;
      return;
    }
    this.problem = undefined;
    this.#content = content;
    this.#writtenAt = now;
  }
}
