import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { IotError } from '../base/errors.js';

export interface JsonFileParts<T> {
  readonly file: string;
  readonly schema: z.ZodType<T>;
  /** What is true while there is no file. */
  readonly empty: T;
  /** What to do about a damaged one. */
  readonly hint: string;
}

const DISK_FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);

/** A small JSON file that is replaced as a whole: after a power cut it is the old one or the new one. */
export class JsonFile<T> {
  readonly #parts: JsonFileParts<T>;
  #value: T;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: JsonFileParts<T>) {
    this.#parts = parts;
    this.#value = parts.empty;
  }

  get value(): T {
    return this.#value;
  }

  /** Throws E_CONFIG when the file is damaged: silently going on without it would hide that. */
  async load(): Promise<void> {
    const { file, schema, hint } = this.#parts;
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return;
    try {
      this.#value = schema.parse(JSON.parse(text));
    } catch (thrown) {
      throw new IotError('E_CONFIG', `${file} is damaged`, { hint, cause: thrown });
    }
  }

  /** Durable when it resolves; nothing is written when `next` gives the same value back. Rejects with E_NO_SPACE. */
  change(next: (value: T) => T): Promise<void> {
    // One after the other: two at once would write into the same new file.
    const written = this.#writing.then(() => {
      const value = next(this.#value);
      return value === this.#value ? undefined : this.#write(value);
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(value: T): Promise<void> {
    try {
      await this.#replace(value);
    } catch (thrown) {
      if (!DISK_FULL.has((thrown as NodeJS.ErrnoException).code)) throw thrown;
      const hint = 'free some space on the device';
      throw new IotError('E_NO_SPACE', `${this.#parts.file} cannot be written: the disk is full`, {
        hint,
        cause: thrown,
      });
    }
  }

  async #replace(value: T): Promise<void> {
    const { file } = this.#parts;
    await mkdir(dirname(file), { recursive: true });
    const fresh = `${file}.new`;
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
    const folder = await open(dirname(file), 'r');
    await folder.sync().finally(() => folder.close());
    this.#value = value;
  }
}
