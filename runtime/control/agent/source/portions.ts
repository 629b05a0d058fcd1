import { CHUNK_BYTES, PORTION_BYTES } from '../../../base/limits.js';

/** Chunks that may be put together at a time. */
const MAX_CHUNKS = 4;

/** Puts chunks together that come in portions of 4 KiB, as they are asked for on a small link. */
export class Portions {
  private readonly chunks = new Map<number, { readonly bytes: Uint8Array; readonly there: Set<number> }>();

  /** `size`: bytes of the module. */
  constructor(private readonly size: number) {}

  has(offset: number): boolean {
    return this.chunks.get(Math.floor(offset / CHUNK_BYTES))?.there.has(offset) === true;
  }

  /** Whether it was a new portion; `whole` once it was the last of its chunk. */
  take(offset: number, bytes: Uint8Array): { readonly fresh: boolean; readonly whole?: Uint8Array } {
    const chunk = Math.floor(offset / CHUNK_BYTES);
    const start = chunk * CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES, this.size - start);
    const fits =
      offset % PORTION_BYTES === 0 && bytes.length === Math.min(PORTION_BYTES, start + length - offset);
    if (!fits || this.has(offset)) return { fresh: false };
    let known = this.chunks.get(chunk);
    if (known === undefined) {
      if (this.chunks.size >= MAX_CHUNKS) return { fresh: false };
      known = { bytes: new Uint8Array(length), there: new Set() };
      this.chunks.set(chunk, known);
    }
    known.bytes.set(bytes, offset - start);
    known.there.add(offset);
    if (known.there.size < Math.ceil(length / PORTION_BYTES)) return { fresh: true };
    this.chunks.delete(chunk);
    return { fresh: true, whole: known.bytes };
  }

  drop(chunk: number): void {
    this.chunks.delete(chunk);
  }
}
