import { asStorageError } from './fs.js';
import { EMPTY_STATE, type StateRecord } from './record.js';
import type { StateFiles } from './state-files.js';

/** The record in memory, changed one change at a time and never ahead of the disk. */
export class Store {
  private state: StateRecord = EMPTY_STATE;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly files: StateFiles) {}

  /** Reads the newest record. Rejects with E_NO_SPACE, E_INTERNAL. */
  async open(): Promise<void> {
    try {
      this.state = await this.files.open();
    } catch (thrown) {
      throw asStorageError(thrown, 'the update record was not read');
    }
  }

  get current(): StateRecord {
    return this.state;
  }

  /**
   * Applies `change` to the newest record and writes the result; resolves when it is durable. When the write fails
   * the record in memory stays what it was. Rejects with E_NO_SPACE, E_TOO_LARGE, E_INTERNAL.
   */
  change(change: (state: StateRecord) => StateRecord): Promise<StateRecord> {
    const done = this.tail.then(async () => {
      const next = change(this.state);
      if (next === this.state) return next;
      try {
        this.state = await this.files.write(next);
      } catch (thrown) {
        throw asStorageError(thrown, 'the update record was not written');
      }
      return this.state;
    });
    this.tail = done.catch(() => undefined);
    return done;
  }
}
