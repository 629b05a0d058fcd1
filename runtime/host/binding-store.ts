import { z } from 'zod';
import { BindingConfig, Name } from '../base/config/schema.js';
import { JsonFile } from './json-file.js';

const Stored = z.record(Name, z.array(BindingConfig));

/** Which binding of a slot. */
export type BindingName = Pick<BindingConfig, 'contract' | 'name'>;

/** Bindings made by `iot-host bind`: kept across restarts, in front of those of the configuration file. */
export class BindingStore {
  readonly #file: JsonFile<z.infer<typeof Stored>>;

  constructor(file: string) {
    const hint = 'mend it, or delete it and bind again';
    this.#file = new JsonFile({ file, schema: Stored, empty: {}, hint });
  }

  /** Throws E_CONFIG when the file is damaged: silently going on with fewer rights would hide it. */
  load(): Promise<void> {
    return this.#file.load();
  }

  /** Names of slots that have bindings here. */
  slots(): string[] {
    return Object.keys(this.#file.value);
  }

  list(slot: string): BindingConfig[] {
    const stored = this.#file.value;
    return Object.hasOwn(stored, slot) ? (stored[slot] ?? []) : [];
  }

  /** Durable when it resolves. */
  put(slot: string, binding: BindingConfig): Promise<void> {
    return this.#replace(slot, (list) => [...list.filter((other) => !isSame(other, binding)), binding]);
  }

  /** Forgets one. Durable when it resolves. */
  remove(slot: string, binding: BindingName): Promise<void> {
    return this.#replace(slot, (list) => list.filter((other) => !isSame(other, binding)));
  }

  /** Forgets all of a slot. Durable when it resolves. */
  removeAll(slot: string): Promise<void> {
    return this.#replace(slot, () => []);
  }

  #replace(slot: string, next: (list: BindingConfig[]) => BindingConfig[]): Promise<void> {
    return this.#file.change((stored) => {
      const before = Object.hasOwn(stored, slot) ? (stored[slot] ?? []) : [];
      const list = next(before);
      if (list.length === 0 && before.length === 0) return stored;
      const { [slot]: _, ...others } = stored;
      return list.length === 0 ? others : { ...others, [slot]: list };
    });
  }
}

export function isSame(a: BindingName, b: BindingName): boolean {
  return a.contract === b.contract && a.name === b.name;
}
