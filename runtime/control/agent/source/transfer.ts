import { asIotError, IotError } from '../../../base/errors.js';
import { CHUNK_BYTES, CHUNK_WINDOW, PORTION_BYTES } from '../../../base/limits.js';
import type { Logger } from '../../../base/logger.js';
import type { FetchRequest, Sink } from '../../../ota/ports.js';
import { fitsSize, isChunk } from '../../../trust/suit/chunk-digests.js';
import { Wakeup } from '../wakeup.js';
import { Ladder } from './levels.js';
import { Portions } from './portions.js';
import type { Rate } from './rate.js';

/** Chunks that may wait to be written: a late answer may overlap with the next request. */
const MAX_UNWRITTEN = 2 * CHUNK_WINDOW;
/** Chunks that are made durable together: half a window, so that the other half is on its way meanwhile. */
const SYNC_CHUNKS = CHUNK_WINDOW / 2;

/** Which chunks of one module are still missing, and the way of the others into `sink`, one at a time. */
export class Transfer {
  /** Woken by every piece, good or bad. */
  readonly changed = new Wakeup();
  /** Pieces taken so far: grows with every step forward. */
  accepted = 0;
  /** Chunks taken that a power cut would still take back. */
  unsafe = 0;
  /** Chunk → times that it came spoilt, since the present source was asked. */
  readonly spoilt = new Map<number, number>();
  /** What the last source that failed had to say. */
  problem: string | undefined;
  /** How much is asked of a sender at a time. */
  readonly ladder = new Ladder();
  private readonly missing = new Set<number>();
  private readonly portions: Portions;
  private readonly complaints = new Set<string>();
  private unwritten = 0;
  private written = 0;
  private writing = Promise.resolve();
  private failure: { readonly thrown: unknown } | undefined;

  constructor(
    readonly request: FetchRequest,
    have: (chunk: number) => boolean,
    private readonly sink: Sink,
    readonly rate: Rate,
    private readonly logger: Logger,
  ) {
    const { digest, size, chunkDigests } = request;
    if (!/^[0-9a-f]{64}$/.test(digest) || !Number.isSafeInteger(size) || size < 0) {
      throw new IotError('E_FETCH', `nothing can be fetched for digest ${digest} of ${size} bytes`);
    }
    if (chunkDigests !== undefined && !fitsSize(chunkDigests, size)) {
      throw new IotError('E_FETCH', `the digests of the chunks do not fit a module of ${size} bytes`);
    }
    this.portions = new Portions(size);
    for (let chunk = 0; chunk * CHUNK_BYTES < size; chunk++) if (!have(chunk)) this.missing.add(chunk);
  }

  get complete(): boolean {
    return this.missing.size === 0;
  }

  get missingChunks(): number {
    return this.missing.size;
  }

  /** Whether there is room for another chunk before the disk. */
  get hasRoom(): boolean {
    return this.unwritten < CHUNK_WINDOW;
  }

  /** Offsets of the first `count` missing pieces of `length` bytes for which `free` holds, in order. */
  next(count: number, length = CHUNK_BYTES, free: (offset: number) => boolean = () => true): number[] {
    const offsets: number[] = [];
    for (const chunk of this.missing) {
      const end = Math.min((chunk + 1) * CHUNK_BYTES, this.request.size);
      for (let offset = chunk * CHUNK_BYTES; offset < end; offset += length) {
        if (offsets.length >= count) return offsets;
        if (this.lacks(offset, length) && free(offset)) offsets.push(offset);
      }
    }
    return offsets;
  }

  /** Whether the piece at `offset`, a chunk or a portion of one, is missing. */
  lacks(offset: number, length = CHUNK_BYTES): boolean {
    const missing = this.missing.has(Math.floor(offset / CHUNK_BYTES));
    return missing && (length === CHUNK_BYTES || !this.portions.has(offset));
  }

  spoiltTimes(offset: number): number {
    return this.spoilt.get(Math.floor(offset / CHUNK_BYTES)) ?? 0;
  }

  /** Something came for this deployment, wanted or not. */
  count(bytes: number): void {
    try {
      this.request.onReceived?.(bytes);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** A piece came, but not what it ought to be. `from`: the topic or the address. */
  markSpoilt(offset: number, from: string, why: string): void {
    const chunk = Math.floor(offset / CHUNK_BYTES);
    if (!this.missing.has(chunk)) return;
    this.portions.drop(chunk);
    this.spoilt.set(chunk, this.spoiltTimes(offset) + 1);
    this.complain(
      `chunk ${chunk} of module ${this.name} from ${from}: ${why}; it is dropped and asked for again`,
    );
    this.changed.wake();
  }

  /** Says it once, however often it happens. */
  complain(text: string): void {
    if (this.complaints.has(text)) return;
    this.complaints.add(text);
    this.logger.warn(text);
  }

  get name(): string {
    return this.request.digest.slice(0, 12);
  }

  /**
   * Takes a chunk or a portion of one. Duplicates, wrong places, wrong sizes and what nobody could store in time are
   * passed over. With signed digests a chunk is taken only when it is the right one.
   */
  offer(offset: number, bytes: Uint8Array, from: string): void {
    const chunk = Math.floor(offset / CHUNK_BYTES);
    if (!this.missing.has(chunk) || this.unwritten >= MAX_UNWRITTEN) return;
    const length = Math.min(CHUNK_BYTES, this.request.size - chunk * CHUNK_BYTES);
    if (offset === chunk * CHUNK_BYTES && bytes.length === length) {
      this.rate.add(length);
      this.takeChunk(chunk, bytes, from);
    } else if (bytes.length <= PORTION_BYTES) {
      const { fresh, whole } = this.portions.take(offset, bytes);
      if (!fresh) return;
      this.rate.add(bytes.length);
      this.accepted++;
      if (whole !== undefined) this.takeChunk(chunk, whole, from);
      this.changed.wake();
    }
  }

  private takeChunk(chunk: number, bytes: Uint8Array, from: string): void {
    const offset = chunk * CHUNK_BYTES;
    const { chunkDigests } = this.request;
    if (chunkDigests !== undefined && !isChunk(chunkDigests, chunk, bytes)) {
      this.markSpoilt(offset, from, 'its bytes are not those that were signed');
      return;
    }
    this.portions.drop(chunk);
    this.missing.delete(chunk);
    this.accepted++;
    this.unwritten++;
    this.unsafe++;
    void this.enqueue(async () => {
      await this.sink(offset, bytes);
      this.written++;
      if (this.written >= SYNC_CHUNKS && !this.complete) await this.sync();
    }).then(() => {
      this.unwritten--;
      this.changed.wake();
    });
    this.changed.wake();
  }

  /** Makes durable what was taken. Resolves then; throws what the sink threw. */
  async flush(): Promise<void> {
    await this.enqueue(() => this.sync());
    this.check();
  }

  /** Throws what the sink threw, or why there must be no more bytes. */
  check(): void {
    if (this.failure !== undefined) throw this.failure.thrown;
    this.rate.check();
  }

  /** Resolves when everything taken has been written; throws what the sink threw. */
  async stored(): Promise<void> {
    await this.writing;
    if (this.failure !== undefined) throw this.failure.thrown;
  }

  private async sync(): Promise<void> {
    const { written } = this;
    if (written > 0) await this.sink.sync?.();
    this.written -= written;
    this.unsafe -= written;
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    this.writing = this.writing
      .then(() => (this.failure === undefined ? work() : undefined))
      .catch((thrown: unknown) => this.fail(thrown));
    return this.writing;
  }

  private fail(thrown: unknown): void {
    this.failure ??= { thrown };
    this.changed.wake();
  }
}

/** What a source that failed had to say, in a line. */
export function problemOf(thrown: unknown): string {
  return asIotError(thrown, 'E_FETCH').message;
}
