import { z } from 'zod';
import { Name } from '../base/config/schema.js';
import { JsonFile } from './json-file.js';

/** Slots whose actor somebody has stopped: it stays stopped when the host starts again. */
export class StoppedStore {
  readonly #file: JsonFile<string[]>;

  constructor(file: string) {
    const hint = 'delete it: then every actor is started';
    this.#file = new JsonFile({ file, schema: z.array(Name), empty: [], hint });
  }

  /** Throws E_CONFIG when the file is damaged. */
  load(): Promise<void> {
    return this.#file.load();
  }

  has(slot: string): boolean {
    return this.#file.value.includes(slot);
  }

  /** Durable when it resolves. */
  set(slot: string, stopped: boolean): Promise<void> {
    return this.#file.change((names) => {
      if (names.includes(slot) === stopped) return names;
      return stopped ? [...names, slot] : names.filter((name) => name !== slot);
    });
  }
}
