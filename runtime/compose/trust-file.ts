import { readFileSync, statSync } from 'node:fs';
import { asIotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { TrustDocument } from '../trust/document/document.js';
import { trustFile } from '../trust/document/file.js';
import { readTrustDocument } from '../trust/document/signed.js';

/**
 * The trust document on this machine's disk: given by whoever can write there, never by the network. Read again when
 * the file has changed, so that `iot-host keys trust` works on a running device.
 */
export class TrustFile {
  readonly #file: string | undefined;
  readonly #logger: Logger;
  readonly #changed: () => void;
  #seen = '';
  #document: TrustDocument | undefined;

  constructor(path: string | undefined, logger: Logger, changed: () => void) {
    this.#file = path === undefined ? undefined : trustFile(path);
    this.#logger = logger;
    this.#changed = changed;
  }

  /** `undefined` while the device trusts nobody. A damaged document is the same, and is logged. */
  current(): TrustDocument | undefined {
    if (this.#file === undefined) return undefined;
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    const seen = stat === undefined ? 'absent' : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
    if (seen === this.#seen) return this.#document;
    const first = this.#seen === '';
    this.#seen = seen;
    this.#document = stat === undefined ? undefined : this.#read(this.#file);
    if (!first) this.#changed();
    return this.#document;
  }

  #read(file: string): TrustDocument | undefined {
    try {
      return readTrustDocument(new Uint8Array(readFileSync(file)));
    } catch (thrown) {
      this.#logger.error(`trust document ${file} is not used: ${asIotError(thrown).message}`);
      return undefined;
    }
  }
}
