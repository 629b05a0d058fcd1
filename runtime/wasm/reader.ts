import { IotError } from '../base/errors.js';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A position in a module's bytes. Every read is checked against `end`, which may be the end of a section: running
 * past it, and every malformed number (WebAssembly core specification 5.2.2), throws E_MODULE with the offset.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Offset of the next byte, counted from the start of the file. */
  offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.offset >= this.end;
  }

  fail(problem: string, offset = this.offset): never {
    throw moduleError(problem, offset);
  }

  u8(): number {
    const byte = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (byte === undefined) this.fail('bytes end too early');
    this.offset += 1;
    return byte;
  }

  /** Unsigned LEB128 of at most 5 bytes; padding with zero groups is allowed, bits beyond 32 are not. */
  u32(): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && (byte & 0xf0) !== 0) this.fail('number does not fit 32 bits', start);
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    return this.fail('number does not fit 32 bits', start);
  }

  /** Signed LEB128 of at most `bits` bits (32 or 33), as block types and `i32.const` use it. */
  signed(bits: 32 | 33): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) {
        if ((byte & 0x40) !== 0) value -= 2 ** (shift + 7);
        const limit = 2 ** (bits - 1);
        if (value >= limit || value < -limit) this.fail(`number does not fit ${bits} bits`, start);
        return value;
      }
    }
    return this.fail(`number does not fit ${bits} bits`, start);
  }

  /** Passes over a LEB128 number of up to 64 bits whose value nobody needs. */
  skip64(): void {
    const start = this.offset;
    for (let count = 0; count < 10; count += 1) {
      if ((this.u8() & 0x80) === 0) return;
    }
    this.fail('number does not fit 64 bits', start);
  }

  /** Unsigned LEB128 of up to 64 bits; exact up to 2^53, which is more than any bound it is compared with. */
  u64(): number {
    const start = this.offset;
    this.skip64();
    let value = 0;
    for (let at = this.offset - 1; at >= start; at -= 1) value = value * 128 + ((this.bytes[at] ?? 0) & 0x7f);
    return value;
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    if (length > this.end - this.offset) {
      this.fail(`${length} bytes are announced, ${this.end - this.offset} are left`);
    }
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  /** A length and that many bytes of UTF-8. */
  name(): string {
    const start = this.offset;
    const text = this.take(this.u32());
    try {
      return UTF8.decode(text);
    } catch {
      return this.fail('name is not UTF-8', start);
    }
  }

  /** A reader for the next `length` bytes; this one continues after them. */
  slice(length: number): ByteReader {
    const start = this.offset;
    this.take(length);
    return new ByteReader(this.bytes, start, start + length);
  }

  /**
   * Reads a counted vector. A count larger than the bytes that are left is refused before anything is allocated:
   * every element takes at least one byte.
   */
  vector<Item>(readItem: (index: number) => Item): Item[] {
    const start = this.offset;
    const count = this.u32();
    if (count > this.end - this.offset) this.fail(`${count} entries are announced in too few bytes`, start);
    const items: Item[] = [];
    for (let index = 0; index < count; index += 1) items.push(readItem(index));
    return items;
  }
}

/** E_MODULE with the offset in the file where reading failed. */
export function moduleError(problem: string, offset: number): IotError {
  return new IotError('E_MODULE', `${problem} at offset 0x${offset.toString(16)}`);
}
