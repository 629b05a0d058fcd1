import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIBRARY = fileURLToPath(new URL('../../../bench/witness.so', import.meta.url));

/**
 * Notes when a program drives a line, from inside of it: right after the system call, whoever runs next. On the lab's
 * only processor a program that watches from outside sees the output when all that the press set going has come to rest.
 */
export class Witness {
  readonly #path: string;
  readonly #fd: number;
  readonly #note = new BigUint64Array(2);

  constructor(name: string) {
    this.#path = join(tmpdir(), `witness-${name}`);
    writeFileSync(this.#path, new Uint8Array(this.#note.byteLength));
    this.#fd = openSync(this.#path, 'r');
  }

  /** For the program to be started with. */
  get environment(): Record<string, string> {
    return { LD_PRELOAD: LIBRARY, IOT_BENCH_WITNESS: this.#path };
  }

  /** How often a line was driven, and when the last time, by `process.hrtime.bigint()`. */
  read(): { count: bigint; at: bigint } {
    readSync(this.#fd, this.#note, 0, this.#note.byteLength, 0);
    return { count: this.#note[0] ?? 0n, at: this.#note[1] ?? 0n };
  }

  close(): void {
    closeSync(this.#fd);
    rmSync(this.#path);
  }
}
