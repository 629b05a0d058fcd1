import { dirname, join } from 'node:path';
import type { Logger } from '../../base/logger.js';
import { type FileSystem, isDamaged, isMissing, readAll, withFile, writeAll } from './fs.js';
import { EMPTY_STATE, type StateRecord } from './record.js';
import { decodeRecord, encodeRecord, STATE_BYTES } from './record-codec.js';

const NAMES = ['state.a', 'state.b'] as const;

/**
 * Two files of fixed size, written in turn: a torn write can only hurt the older record. No name changes, so one
 * `fdatasync` is all that a write needs.
 */
export class StateFiles {
  /** Index of the file that is written next. */
  private next = 0;
  private generation = 0;

  constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
    private readonly log: Logger,
  ) {}

  /**
   * Creates the files where they are missing and reads the newest whole record. One that the disk has lost (EIO) is as
   * good as torn while the other is whole, and is put in its place anew.
   */
  async open(): Promise<StateRecord> {
    await this.fs.mkdir(this.folder);
    const records: (StateRecord | undefined)[] = [];
    const lost = new Map<string, unknown>();
    let used = false;
    for (const name of NAMES) {
      try {
        const bytes = await this.readOrCreate(name);
        used ||= bytes.some((byte) => byte !== 0);
        records.push(decodeRecord(bytes));
      } catch (thrown) {
        if (!isDamaged(thrown)) throw thrown;
        lost.set(name, thrown);
        records.push(undefined);
      }
    }
    const [a, b] = records;
    for (const [name, thrown] of lost) {
      // Never an empty record in the place of one that may be whole.
      if (a === undefined && b === undefined) throw thrown;
      this.log.error(
        `update record ${this.path(name)} cannot be read and is written anew: ${String(thrown)}`,
      );
      await this.fs.unlink(this.path(name));
      await this.create(name);
    }
    await this.fs.fsyncDir(this.folder);
    // The first time the folder itself is new.
    await this.fs.fsyncDir(dirname(this.folder));
    if (a === undefined && b === undefined && used) {
      this.log.error(`no update record in ${this.folder} is whole: starting with none`);
    }
    const newest = (b?.generation ?? -1) > (a?.generation ?? -1) ? b : a;
    this.next = newest !== undefined && newest === a ? 1 : 0;
    this.generation = newest?.generation ?? 0;
    return newest ?? EMPTY_STATE;
  }

  /**
   * Makes `record` the newest one; resolves, with its generation filled in, once it would survive a power cut.
   * After a failure the file is opened anew: the system may have dropped what a failed sync should have written.
   */
  async write(record: StateRecord): Promise<StateRecord> {
    // A failed write may have reached the disk all the same, so its number is never used again.
    this.generation += 1;
    const numbered = { ...record, generation: this.generation };
    const bytes = encodeRecord(numbered);
    await withFile(this.fs, this.path(NAMES[this.next] ?? NAMES[0]), 'update', async (file) => {
      await writeAll(file, bytes, 0);
      await file.fdatasync();
    });
    this.next = 1 - this.next;
    return numbered;
  }

  private async readOrCreate(name: string): Promise<Uint8Array> {
    try {
      return await withFile(this.fs, this.path(name), 'update', async (file) => {
        const size = await file.size();
        if (size < STATE_BYTES) await writeAll(file, new Uint8Array(STATE_BYTES - size), size);
        // A host that was killed may have written it without a sync: what is believed now has to stay.
        await file.fsync();
        return (await readAll(file, 2 * STATE_BYTES)).subarray(0, STATE_BYTES);
      });
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
    }
    await this.create(name);
    return new Uint8Array(0);
  }

  private create(name: string): Promise<void> {
    return withFile(this.fs, this.path(name), 'create', async (file) => {
      await writeAll(file, new Uint8Array(STATE_BYTES), 0);
      await file.fsync();
    });
  }

  private path(name: string): string {
    return join(this.folder, name);
  }
}
