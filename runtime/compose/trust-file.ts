import { readFileSync, statSync } from 'node:fs';
import { asIotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { trustFile } from '../trust/document/file.js';

/**
 * The trust document on this machine's disk: given by whoever can write there, never by the network. Looked at again
 * whenever it is asked for, so that `iot-host keys trust` works on a running device.
 */
export class TrustFile {
  readonly #file: string | undefined;
  readonly #logger: Logger;
  #seen = 'absent';

  constructor(path: string | undefined, logger: Logger) {
    this.#file = path === undefined ? undefined : trustFile(path);
    this.#logger = logger;
  }

  /** What stands in it, when that is something else than at the last call. A file that is gone says nothing. */
  changed(): Uint8Array | undefined {
    if (this.#file === undefined) return undefined;
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    const seen = stat === undefined ? 'absent' : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    if (stat === undefined) return undefined;
    try {
      return new Uint8Array(readFileSync(this.#file));
    } catch (thrown) {
      this.#logger.error(`trust document ${this.#file} cannot be read: ${asIotError(thrown).message}`);
      return undefined;
    }
  }
}
