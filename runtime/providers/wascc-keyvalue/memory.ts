import { z } from 'zod';
import type { Implementation } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { MIB } from '../../base/limits.js';
import type { KeyValue } from './contract.js';
import { type Placed, parseState } from './state.js';
import { type Entry, type EntryPort, isExpired, Store } from './store.js';

const Settings = z.strictObject({
  /** Bytes of all keys and values together. Default 16 MiB. */
  maxBytes: z
    .int()
    .positive()
    .default(16 * MIB),
});
type Settings = z.infer<typeof Settings>;

/** How often expired entries that nobody asks for are thrown away, in milliseconds. */
const SWEEP_MS = 60_000;

/** On the heap of the main thread, where nothing interrupts an operation. */
class MemoryPort implements EntryPort {
  readonly #spaces = new Map<string, Map<string, Entry>>();
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

  transact<T>(work: () => T): T {
    return work();
  }

  get(space: string, key: string): Entry | undefined {
    return this.#spaces.get(space)?.get(key);
  }

  put(space: string, key: string, entry: Entry): void {
    const bytes = this.#bytes + sizeOf(key, entry) - sizeOf(key, this.get(space, key));
    if (bytes > this.maxBytes) {
      throw new IotError(
        'E_NO_SPACE',
        `key-value store would hold ${bytes} bytes, more than ${this.maxBytes}`,
        {
          hint: 'raise maxBytes of the provider, or delete keys',
        },
      );
    }
    this.#bytes = bytes;
    const entries = this.#spaces.get(space) ?? new Map<string, Entry>();
    this.#spaces.set(space, entries.set(key, entry));
  }

  delete(space: string, key: string): void {
    this.#bytes -= sizeOf(key, this.get(space, key));
    this.#spaces.get(space)?.delete(key);
  }

  *entries(): Iterable<Placed> {
    for (const [space, entries] of this.#spaces) {
      for (const [key, entry] of entries) yield { space, key, entry };
    }
  }
}

class MemoryKeyValue implements KeyValue {
  #port: MemoryPort;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly now: () => number,
  ) {
    this.#port = new MemoryPort(settings.maxBytes);
  }

  async start(): Promise<void> {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#port = new MemoryPort(this.settings.maxBytes);
  }

  async bind(): Promise<void> {}
  async unbind(): Promise<void> {}

  space(name: string): Store {
    return new Store(this.#port, name, this.now);
  }

  async exportState(): Promise<unknown> {
    this.#sweep();
    return { entries: [...this.#port.entries()] };
  }

  async importState(state: unknown): Promise<void> {
    const port = new MemoryPort(this.settings.maxBytes);
    for (const { space, key, entry } of parseState(state)) port.put(space, key, entry);
    this.#port = port;
  }

  #sweep(): void {
    const now = this.now();
    for (const { space, key, entry } of [...this.#port.entries()]) {
      if (isExpired(entry, now)) this.#port.delete(space, key);
    }
  }
}

function sizeOf(key: string, entry: Entry | undefined): number {
  if (entry === undefined) return 0;
  const texts = entry.type === 'string' ? [entry.value] : entry.items;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), Buffer.byteLength(key));
}

/** Nothing is written to disk: the values are gone when the host ends, but go along when the provider is swapped. */
export const implementation: Implementation<KeyValue, Settings> = {
  settings: Settings,
  create: (settings) => new MemoryKeyValue(settings, Date.now),
};
