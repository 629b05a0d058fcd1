import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { BindingConfig, Name } from '../base/config/schema.js';
import { IotError } from '../base/errors.js';

const Stored = z.record(Name, z.array(BindingConfig));
type Stored = z.infer<typeof Stored>;

/** Bindings made by `iot-host bind`: kept across restarts, in front of those of the configuration file. */
export class BindingStore {
  readonly #file: string;
  #stored: Stored = {};
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** Throws E_CONFIG when the file is damaged: silently going on with fewer rights would hide it. */
  async load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw error;
    });
    try {
      this.#stored = Stored.parse(JSON.parse(text));
    } catch (thrown) {
      throw new IotError('E_CONFIG', `${this.#file} is damaged`, {
        hint: 'mend it, or delete it and bind again',
        cause: thrown,
      });
    }
  }

  /** Names of slots that have bindings here. */
  slots(): string[] {
    return Object.keys(this.#stored);
  }

  list(slot: string): BindingConfig[] {
    return Object.hasOwn(this.#stored, slot) ? (this.#stored[slot] ?? []) : [];
  }

  /** Durable when it resolves. */
  put(slot: string, binding: BindingConfig): Promise<void> {
    // One after the other: two at once would write into the same new file.
    const written = this.#writing.then(() => {
      const others = this.list(slot).filter(
        (b) => b.contract !== binding.contract || b.name !== binding.name,
      );
      return this.#write({ ...this.#stored, [slot]: [...others, binding] });
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(stored: Stored): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true });
    const fresh = `${this.#file}.new`;
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(stored, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, this.#file);
    const folder = await open(dirname(this.#file), 'r');
    await folder.sync().finally(() => folder.close());
    this.#stored = stored;
  }
}
