import { constants } from 'node:os';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { z } from 'zod';
import { decodePayload, encodePayload } from '../../base/codec.js';
import type { Implementation } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import { MIB } from '../../base/limits.js';
import type { Logger } from '../../base/logger.js';
import type { KeyValue } from './contract.js';
import { lmdbFileProblem } from './header.js';
import { type Placed, parseEntry, parseState } from './state.js';
import { type Entry, type EntryPort, isExpired, Store } from './store.js';

const Settings = z.strictObject({
  /** Bytes of the database on disk. Default 256 MiB. */
  maxBytes: z
    .int()
    .positive()
    .default(256 * MIB),
});
type Settings = z.infer<typeof Settings>;

/** How often expired entries that nobody asks for are thrown away, in milliseconds. */
const SWEEP_MS = 60_000;
/** What LMDB reports when the disk or the user's share of it is full: the system's error numbers. */
const DISK_FULL: ReadonlySet<unknown> = new Set([constants.errno.ENOSPC, constants.errno.EDQUOT]);

/**
 * One LMDB environment, opened by the main thread and by every cell that uses it. Durability: every change is a
 * transaction of its own, written and synced (`fsync`) before the call returns; a power cut loses nothing that was
 * answered and tears nothing. That is one sync for each change: the price of it on an SD card is the card's.
 */
class LmdbPort implements EntryPort {
  readonly #db: RootDatabase<Buffer, Buffer>;
  #depth = 0;

  /** Throws E_PROVIDER when the files are damaged or cannot be written. */
  constructor(
    dataDir: string,
    private readonly maxBytes: number,
  ) {
    try {
      const problem = lmdbFileProblem(join(dataDir, 'data.mdb'));
      if (problem !== undefined) throw new Error(problem);
      this.#db = open<Buffer, Buffer>({
        path: dataDir,
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'binary',
        overlappingSync: false,
      });
    } catch (thrown) {
      throw new IotError(
        'E_PROVIDER',
        `key-value store in ${dataDir} cannot be opened: ${asIotError(thrown).message}`,
        {
          hint: `check the disk; to begin empty, move data.mdb out of ${dataDir}`,
          cause: thrown,
        },
      );
    }
  }

  transact<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#depth += 1;
    try {
      return this.#db.transactionSync(work);
    } catch (thrown) {
      throw DISK_FULL.has((thrown as { code?: unknown }).code) ? diskFull(thrown) : thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  get(space: string, key: string): Entry | undefined {
    // Another thread may have written since this thread last read.
    if (this.#depth === 0) this.#db.resetReadTxn();
    const bytes = this.#db.get(place(space, key));
    return bytes === undefined ? undefined : decodeEntry(key, bytes);
  }

  put(space: string, key: string, entry: Entry): void {
    const bytes = Buffer.from(encodePayload('cbor', entry));
    const old = this.#db.get(place(space, key))?.length ?? 0;
    const used = this.#usedBytes() + bytes.length - old;
    if (used > this.maxBytes) {
      throw new IotError(
        'E_NO_SPACE',
        `key-value store would hold ${used} bytes, more than ${this.maxBytes}`,
        {
          hint: 'raise maxBytes of the provider, or delete keys',
        },
      );
    }
    this.#db.putSync(place(space, key), bytes);
  }

  delete(space: string, key: string): void {
    this.#db.removeSync(place(space, key));
  }

  /** A damaged entry is reported to `damaged` and left out. */
  *entries(damaged: (error: unknown) => void): Iterable<Placed> {
    this.#db.resetReadTxn();
    for (const { key: bytes, value } of this.#db.getRange({ snapshot: false })) {
      const { space, key } = unplace(bytes);
      try {
        yield { space, key, entry: decodeEntry(key, value) };
      } catch (error) {
        damaged(error);
      }
    }
  }

  /** Replaces everything by `entries`, or nothing. Another implementation held them, so no bound applies. */
  replace(entries: readonly Placed[]): void {
    this.transact(() => {
      this.#db.clearSync();
      for (const { space, key, entry } of entries) {
        this.#db.putSync(place(space, key), Buffer.from(encodePayload('cbor', entry)));
      }
    });
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #usedBytes(): number {
    const stats = this.#db.getStats() as Record<string, number>;
    const { treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0, pageSize = 0 } = stats;
    return (treeBranchPageCount + treeLeafPageCount + overflowPages) * pageSize;
  }
}

class LmdbKeyValue implements KeyValue {
  readonly durable = true;
  #port: LmdbPort | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly dataDir: string,
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {
    this.#port = new LmdbPort(this.dataDir, this.settings.maxBytes);
    this.#sweep();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#port?.close();
    this.#port = undefined;
  }

  async bind(): Promise<void> {}
  async unbind(): Promise<void> {}

  space(name: string): Store {
    return new Store(this.#opened(), name);
  }

  async exportState(): Promise<unknown> {
    this.#sweep();
    return { entries: [...this.#entries()] };
  }

  async importState(state: unknown): Promise<void> {
    this.#opened().replace(parseState(state));
  }

  #entries(): Iterable<Placed> {
    return this.#opened().entries((error) => this.logger.warn(asIotError(error).message));
  }

  #sweep(): void {
    const now = Date.now();
    const expired = [...this.#entries()].filter(({ entry }) => isExpired(entry, now));
    if (expired.length === 0) return;
    const port = this.#opened();
    port.transact(() => {
      for (const { space, key } of expired) {
        const entry = port.get(space, key);
        if (entry !== undefined && isExpired(entry, now)) port.delete(space, key);
      }
    });
  }

  #opened(): LmdbPort {
    if (this.#port !== undefined) return this.#port;
    throw new IotError('E_NO_PROVIDER', 'key-value store is not running');
  }
}

function diskFull(thrown: unknown): IotError {
  return new IotError('E_NO_SPACE', 'the disk of the key-value store is full, nothing was changed', {
    hint: 'free some space on the device',
    cause: thrown,
  });
}

/** Key on disk: one byte with the length of the space, the space, the key. */
function place(space: string, key: string): Buffer {
  const name = Buffer.from(space);
  return Buffer.concat([Buffer.from([name.length]), name, Buffer.from(key)]);
}

function unplace(bytes: Buffer): { space: string; key: string } {
  const end = 1 + (bytes[0] ?? 0);
  return { space: bytes.toString('utf8', 1, end), key: bytes.toString('utf8', end) };
}

function decodeEntry(key: string, bytes: Uint8Array): Entry {
  let value: unknown;
  try {
    value = decodePayload('cbor', bytes);
  } catch {
    value = undefined;
  }
  return parseEntry(key, value);
}

export const implementation: Implementation<KeyValue, Settings> = {
  settings: Settings,
  create: (settings, env) => new LmdbKeyValue(settings, env.dataDir, env.logger),
  createInCell(settings, env) {
    const port = new LmdbPort(env.dataDir, settings.maxBytes);
    return { space: (name) => new Store(port, name), close: () => void port.close() };
  },
  cellOperations: [
    ...['Add', 'Get', 'Set', 'Del', 'Clear', 'Range', 'Push', 'ListItemDelete'],
    ...['SetAdd', 'SetRemove', 'SetUnion', 'SetIntersection', 'SetQuery', 'KeyExists'],
  ],
};
