import { z } from 'zod';
import { Name } from '../base/config/schema.js';
import { asIotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { JsonFile } from './json-file.js';

const Entry = z.strictObject({
  slot: Name,
  /** SHA-256 of the module, hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** How often it was put into quarantine without having been well in between, from 1. */
  level: z.int().positive(),
});
type Entry = z.infer<typeof Entry>;

/** Slots that are remembered; the one that was put there longest ago is forgotten. */
export const MAX_QUARANTINED = 256;

/**
 * Modules in quarantine, so that a start of the host is no new burst of faults for them. Not until when: no clock is to
 * be believed over a power cut, so a start lets a module out, and its first fault puts it back for longer.
 */
export class QuarantineStore {
  readonly #file: JsonFile<readonly Entry[]>;
  readonly #logger: Logger;
  #entries: readonly Entry[] = [];
  #written: Promise<void> = Promise.resolve();

  constructor(file: string, logger: Logger) {
    const schema = z.array(Entry).max(MAX_QUARANTINED);
    this.#file = new JsonFile({ file, schema, empty: [], hint: 'delete it' });
    this.#logger = logger;
  }

  /** What is damaged costs another burst of faults, not the start of the host. */
  async load(): Promise<void> {
    await this.#file.load().catch((thrown: unknown) => {
      this.#logger.warn(`quarantines are forgotten: ${asIotError(thrown).message}`);
    });
    this.#entries = this.#file.value;
  }

  /** 0 when that module is not known as bad in that slot; another one in the slot is forgotten then. */
  level(slot: string, digest: string): number {
    const entry = this.#entries.find((other) => other.slot === slot);
    if (entry?.digest === digest) return entry.level;
    this.forget(slot);
    return 0;
  }

  keep(slot: string, digest: string, level: number): void {
    const entry = this.#entries.find((other) => other.slot === slot);
    if (entry?.digest === digest && entry.level === level) return;
    const others = this.#entries.filter((other) => other.slot !== slot);
    this.#write([...others, { slot, digest, level }].slice(-MAX_QUARANTINED));
  }

  forget(slot: string): void {
    const others = this.#entries.filter((other) => other.slot !== slot);
    if (others.length < this.#entries.length) this.#write(others);
  }

  /** Resolves when the disk knows what this knows, or has refused to. */
  flushed(): Promise<void> {
    return this.#written;
  }

  #write(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.#written = this.#file
      .change(() => entries)
      .catch((thrown: unknown) => {
        this.#logger.warn(`quarantines are not remembered: ${asIotError(thrown).message}`);
      });
  }
}
