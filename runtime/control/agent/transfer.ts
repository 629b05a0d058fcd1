import { IotError } from '../../base/errors.js';
import { CHUNK_BYTES, CHUNK_WINDOW } from '../../base/limits.js';
import type { FetchRequest } from '../../ota/ports.js';
import { Wakeup } from './wakeup.js';

/** Chunks that may wait to be written: a late answer may overlap with the next request. */
const MAX_UNWRITTEN = 2 * CHUNK_WINDOW;

/** Which chunks of one module are still missing, and the way of the others into `sink`, one at a time. */
export class Transfer {
  /** Woken by every chunk, good or bad. */
  readonly changed = new Wakeup();
  /** Chunks taken so far: grows with every step forward. */
  accepted = 0;
  /** Chunks taken that the sink has not stored yet. */
  unwritten = 0;
  /** Chunk → times that it came with a wrong checksum. */
  readonly spoilt = new Map<number, number>();
  private readonly missing = new Set<number>();
  private writing = Promise.resolve();
  private failure: { readonly thrown: unknown } | undefined;

  constructor(
    readonly request: FetchRequest,
    have: (chunk: number) => boolean,
    private readonly sink: (offset: number, bytes: Uint8Array) => Promise<void>,
  ) {
    const { digest, size } = request;
    if (!/^[0-9a-f]{64}$/.test(digest) || !Number.isSafeInteger(size) || size < 0) {
      throw new IotError('E_FETCH', `nothing can be fetched for digest ${digest} of ${size} bytes`);
    }
    for (let chunk = 0; chunk * CHUNK_BYTES < size; chunk++) if (!have(chunk)) this.missing.add(chunk);
  }

  get complete(): boolean {
    return this.missing.size === 0;
  }

  get missingChunks(): number {
    return this.missing.size;
  }

  /** The first `count` missing chunks for which `free` holds, in order. */
  next(count: number, free: (chunk: number) => boolean = () => true): number[] {
    const chunks: number[] = [];
    for (const chunk of this.missing) {
      if (chunks.length >= count) break;
      if (free(chunk)) chunks.push(chunk);
    }
    return chunks;
  }

  isMissing(chunk: number): boolean {
    return this.missing.has(chunk);
  }

  spoiltTimes(chunk: number): number {
    return this.spoilt.get(chunk) ?? 0;
  }

  markSpoilt(offset: number): void {
    const chunk = offset / CHUNK_BYTES;
    if (!this.missing.has(chunk)) return;
    this.spoilt.set(chunk, this.spoiltTimes(chunk) + 1);
    this.changed.wake();
  }

  /** Takes a chunk. Duplicates, wrong places, wrong sizes and what nobody could store in time are passed over. */
  offer(offset: number, bytes: Uint8Array): void {
    const chunk = offset / CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES, this.request.size - offset);
    if (!this.missing.has(chunk) || bytes.length !== length || this.unwritten >= MAX_UNWRITTEN) return;
    this.missing.delete(chunk);
    this.accepted++;
    this.unwritten++;
    this.writing = this.writing
      .then(() => (this.failure === undefined ? this.sink(offset, bytes) : undefined))
      .catch((thrown: unknown) => {
        this.failure ??= { thrown };
      })
      .then(() => {
        this.unwritten--;
        this.changed.wake();
      });
    this.changed.wake();
  }

  /** Throws what the sink threw. */
  check(): void {
    if (this.failure !== undefined) throw this.failure.thrown;
  }

  /** Resolves when everything taken has been written; throws what the sink threw. */
  async written(): Promise<void> {
    await this.writing;
    this.check();
  }
}
