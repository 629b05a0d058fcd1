import { IotError } from '../../base/errors.js';
import { MIB } from '../../base/limits.js';

/** What stands under a key. `expiresAt`: milliseconds since 1970; absent means never. Sets are kept sorted. */
export type Entry = { readonly expiresAt?: number | undefined } & (
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'list' | 'set'; readonly items: readonly string[] }
);

/** Where entries live. Everything within one `transact` happens or nothing does, also across threads. */
export interface EntryPort {
  transact<T>(work: () => T): T;
  get(space: string, key: string): Entry | undefined;
  put(space: string, key: string, entry: Entry): void;
  delete(space: string, key: string): void;
}

/** Bytes of a string, or of all items of one list or set. */
export const MAX_VALUE_BYTES = 1 * MIB;
const MAX_I32 = 0x7fff_ffff;
const MIN_I32 = -0x8000_0000;
const INTEGER = /^-?(0|[1-9][0-9]{0,9})$/;

/**
 * The semantics of `wascc:keyvalue`, in one place for every implementation: one key space over an `EntryPort`.
 * Throws E_PAYLOAD for an operation on the wrong kind of value and for sums beyond 32 bits, E_TOO_LARGE for values.
 */
export class Store {
  constructor(
    private readonly port: EntryPort,
    private readonly space: string,
    /** Milliseconds since 1970. */
    private readonly now: () => number = Date.now,
  ) {}

  get(key: string): string | undefined {
    return this.#string(key)?.value;
  }

  exists(key: string): boolean {
    return this.#read(key) !== undefined;
  }

  /** Replaces whatever is there, of any kind. `expires` in seconds, 0 for never. */
  set(key: string, value: string, expires: number): void {
    checkSize(key, Buffer.byteLength(value));
    const entry: Entry = { type: 'string', value };
    this.#write(key, expires === 0 ? entry : { ...entry, expiresAt: this.now() + expires * 1000 });
  }

  delete(key: string): void {
    this.port.transact(() => this.port.delete(this.space, key));
  }

  /** A missing key counts as 0; the time of expiry stays. */
  add(key: string, delta: number): number {
    return this.port.transact(() => {
      const old = this.#string(key);
      const sum = toInteger(key, old?.value ?? '0') + delta;
      if (sum > MAX_I32 || sum < MIN_I32) throw refuse(key, `would become ${sum}, beyond 32 bits`);
      this.#write(key, { type: 'string', value: String(sum), expiresAt: old?.expiresAt });
      return sum;
    });
  }

  /** Both ends included, negative counts from the end, as in Redis. */
  range(key: string, start: number, stop: number): string[] {
    const items = this.#items(key, 'list');
    const end = stop < 0 ? items.length + stop : stop;
    return items.slice(start < 0 ? Math.max(0, items.length + start) : start, Math.max(0, end + 1));
  }

  /** At the end; returns the new length. */
  push(key: string, value: string): number {
    return this.#change(key, 'list', (items) => [...items, value]);
  }

  /** Every item equal to `value`; returns the new length. */
  listDelete(key: string, value: string): number {
    return this.#change(key, 'list', (items) => items.filter((item) => item !== value));
  }

  /** Returns the new size. */
  setAdd(key: string, value: string): number {
    return this.#change(key, 'set', (items) => (items.includes(value) ? items : [...items, value].sort()));
  }

  /** Returns the new size. */
  setRemove(key: string, value: string): number {
    return this.#change(key, 'set', (items) => items.filter((item) => item !== value));
  }

  /** Sorted by code unit, so that the same set always reads the same. */
  members(key: string): string[] {
    return [...this.#items(key, 'set')];
  }

  union(keys: readonly string[]): string[] {
    return this.port.transact(() => [...new Set(keys.flatMap((key) => this.members(key)))].sort());
  }

  intersection(keys: readonly string[]): string[] {
    return this.port.transact(() => {
      const [first = [], ...rest] = keys.map((key) => this.members(key));
      const others = rest.map((items) => new Set(items));
      return first.filter((item) => others.every((other) => other.has(item)));
    });
  }

  #read(key: string): Entry | undefined {
    const entry = this.port.get(this.space, key);
    return entry !== undefined && isExpired(entry, this.now()) ? undefined : entry;
  }

  #string(key: string) {
    const entry = this.#read(key);
    if (entry === undefined || entry.type === 'string') return entry;
    throw refuse(key, `holds a ${entry.type}, not a string`);
  }

  #items(key: string, type: 'list' | 'set'): readonly string[] {
    const entry = this.#read(key);
    if (entry === undefined) return [];
    if (entry.type === type) return entry.items;
    throw refuse(key, `holds a ${entry.type}, not a ${type}`);
  }

  #change(key: string, type: 'list' | 'set', change: (items: readonly string[]) => readonly string[]) {
    return this.port.transact(() => {
      const before = this.#items(key, type);
      const items = change(before);
      if (items.length === 0) this.port.delete(this.space, key);
      else if (items !== before) {
        checkSize(
          key,
          items.reduce((sum, item) => sum + Buffer.byteLength(item), 0),
        );
        this.#write(key, { type, items, expiresAt: this.#read(key)?.expiresAt });
      }
      return items.length;
    });
  }

  #write(key: string, entry: Entry): void {
    this.port.transact(() => this.port.put(this.space, key, entry));
  }
}

export function isExpired(entry: Entry, now: number): boolean {
  return entry.expiresAt !== undefined && entry.expiresAt <= now;
}

function toInteger(key: string, text: string): number {
  if (INTEGER.test(text)) return Number(text);
  throw refuse(key, 'holds text that is not a whole number');
}

function checkSize(key: string, bytes: number): void {
  if (bytes <= MAX_VALUE_BYTES) return;
  const what = `value of key ${JSON.stringify(key)} would have ${bytes} bytes`;
  throw new IotError('E_TOO_LARGE', `${what}, more than ${MAX_VALUE_BYTES}`);
}

function refuse(key: string, why: string): IotError {
  return new IotError('E_PAYLOAD', `key ${JSON.stringify(key)} ${why}`);
}
