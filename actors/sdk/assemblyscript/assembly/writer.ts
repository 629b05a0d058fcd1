import { Bytes, copyBytes } from './bytes';

/** Fills a fixed buffer from the front. What does not fit is left out whole and `overflow` stays set. */
export class Writer {
  start: usize;
  at: usize;
  end: usize;
  overflow: bool = false;

  constructor(buffer: usize, size: i32) {
    this.start = buffer;
    this.at = buffer;
    this.end = buffer + size;
  }

  /** Forgets what was written. */
  // @ts-ignore: decorator
  @inline
  reset(): void {
    this.at = this.start;
    this.overflow = false;
  }

  // @ts-ignore: decorator
  @inline
  get size(): i32 {
    return <i32>(this.at - this.start);
  }

  /** Address of room for `size` more bytes, or 0 with `overflow` set. */
  room(size: i32): usize {
    const at = this.at;
    if (this.overflow || <usize>(<u32>size) > this.end - at) {
      this.overflow = true;
      return 0;
    }
    this.at = at + size;
    return at;
  }

  put(bytes: Bytes): void {
    const at = this.room(bytes.size);
    if (at) copyBytes(at, bytes.at, bytes.size);
  }

  /** As `put`, but what does not fit is cut off between characters: for error texts. */
  putCut(bytes: Bytes): void {
    const room = <i32>(this.end - this.at);
    let size = bytes.size;
    if (size > room) {
      size = room;
      while (size > 0 && (load<u8>(bytes.at + size) & 0xc0) == 0x80) size--;
    }
    const at = this.room(size);
    if (at) copyBytes(at, bytes.at, size);
  }

  putDecimal(value: i64): void {
    let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
    let digits = value < 0 ? 2 : 1;
    for (let more = rest / 10; more > 0; more /= 10) digits++;
    const start = this.room(digits);
    if (!start) return;
    let at = start + digits;
    do {
      store<u8>(--at, 0x30 + (rest % 10));
      rest /= 10;
    } while (rest > 0);
    if (value < 0) store<u8>(start, 0x2d);
  }

  /** A head byte and a big-endian number of `size` bytes, as CBOR and MessagePack have them. */
  putNumber(head: u32, value: u64, size: i32): void {
    const at = this.room(1 + size);
    if (!at) return;
    store<u8>(at, head);
    for (let i = size; i > 0; i--, value >>= 8) store<u8>(at + i, value);
  }
}
