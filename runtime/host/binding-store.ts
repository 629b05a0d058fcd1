import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { BindingConfig } from '../base/config/schema.js';
import { IotError } from '../base/errors.js';

const Stored = z.record(z.string(), z.array(BindingConfig));
type Stored = z.infer<typeof Stored>;

/** Bindings made by `iot-host bind`: kept across restarts, in front of those of the configuration file. */
export class BindingStore {
  readonly #file: string;
  #stored: Stored = {};

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
  async put(slot: string, binding: BindingConfig): Promise<void> {
    const others = this.list(slot).filter((b) => b.contract !== binding.contract || b.name !== binding.name);
    this.#stored = { ...this.#stored, [slot]: [...others, binding] };
    await mkdir(dirname(this.#file), { recursive: true });
    const fresh = `${this.#file}.new`;
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(this.#stored, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, this.#file);
    const folder = await open(dirname(this.#file), 'r');
    await folder.sync().finally(() => folder.close());
  }
}
