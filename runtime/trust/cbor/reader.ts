import { IotError } from '../../base/errors.js';
import { MAX_CBOR_DEPTH } from '../../base/limits.js';
import { compareBytes } from './bytes.js';
import type { CborItem, KeyItem } from './item.js';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface ReadOptions {
  /** Largest input in bytes; default: no limit of its own. Larger throws E_TOO_LARGE. */
  readonly maxBytes?: number;
  /** Added to every offset: where `bytes` itself begins in the input a person holds. Default 0. */
  readonly offset?: number;
}

/**
 * Reads exactly one item that fills `bytes`, in the one deterministic spelling (RFC 8949 section 4.2.1): shortest
 * heads, definite lengths, map keys in bytewise order and each once, valid UTF-8, nesting of at most
 * `MAX_CBOR_DEPTH`, nothing behind it. Floats are 64 bits wide, finite, and not a number that an integer could
 * hold; of the simple values only false, true and null exist here; map keys are integers, text or bytes.
 * Throws E_ENVELOPE with the offset of the fault, E_TOO_LARGE.
 */
export function readCbor(bytes: Uint8Array, options: ReadOptions = {}): CborItem {
  if (options.maxBytes !== undefined && bytes.length > options.maxBytes) {
    throw new IotError('E_TOO_LARGE', `cbor of ${bytes.length} bytes exceeds ${options.maxBytes}`);
  }
  return new Reader(bytes, options.offset ?? 0).whole();
}

class Reader {
  private readonly view: DataView;
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly base: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  whole(): CborItem {
    const item = this.item(0);
    if (this.at !== this.bytes.length) {
      this.fail(`${this.bytes.length - this.at} bytes follow the end of the item`);
    }
    return item;
  }

  private item(depth: number): CborItem {
    const start = this.at;
    this.need(1);
    const initial = this.view.getUint8(this.at++);
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === 7) return this.simpleOrFloat(info, start);
    const argument = this.argument(info, start);
    switch (major) {
      case 0:
        return { kind: 'int', value: argument, ...this.span(start) };
      case 1:
        return { kind: 'int', value: negative(argument), ...this.span(start) };
      case 2:
        return { kind: 'bytes', value: this.take(argument, start), ...this.span(start) };
      case 3:
        return { kind: 'text', value: this.text(this.take(argument, start), start), ...this.span(start) };
      default:
        if (depth >= MAX_CBOR_DEPTH) this.fail(`nesting deeper than ${MAX_CBOR_DEPTH}`, start);
        if (major === 4) return this.array(argument, depth, start);
        if (major === 5) return this.map(argument, depth, start);
        return { kind: 'tag', tag: argument, item: this.item(depth + 1), ...this.span(start) };
    }
  }

  private array(length: number | bigint, depth: number, start: number): CborItem {
    const items: CborItem[] = [];
    for (let left = this.count(length, 1, start); left > 0; left--) items.push(this.item(depth + 1));
    return { kind: 'array', items, ...this.span(start) };
  }

  private map(length: number | bigint, depth: number, start: number): CborItem {
    const entries: [KeyItem, CborItem][] = [];
    let previous: Uint8Array | undefined;
    for (let left = this.count(length, 2, start); left > 0; left--) {
      const key = this.item(depth + 1);
      if (key.kind !== 'int' && key.kind !== 'text' && key.kind !== 'bytes') {
        return this.fail(`a map key is of type ${key.kind}`, key.offset - this.base);
      }
      const order = previous === undefined ? -1 : compareBytes(previous, key.raw);
      if (order === 0) this.fail('a map key occurs twice', key.offset - this.base);
      if (order > 0) this.fail('map keys are not in order', key.offset - this.base);
      previous = key.raw;
      entries.push([key, this.item(depth + 1)]);
    }
    return { kind: 'map', entries, ...this.span(start) };
  }

  private simpleOrFloat(info: number, start: number): CborItem {
    if (info === 20 || info === 21) return { kind: 'simple', value: info === 21, ...this.span(start) };
    if (info === 22) return { kind: 'simple', value: null, ...this.span(start) };
    if (info !== 27) return this.fail(`simple value or float of kind ${info} is not used here`, start);
    this.need(8);
    const value = this.view.getFloat64(this.at);
    this.at += 8;
    if (!Number.isFinite(value)) this.fail('a float is not finite', start);
    if (isWrittenAsInteger(value)) this.fail('a float holds what an integer could hold', start);
    return { kind: 'float', value, ...this.span(start) };
  }

  private argument(info: number, start: number): number | bigint {
    if (info < 24) return info;
    if (info > 27) return this.fail(info === 31 ? 'indefinite length' : 'reserved length', start);
    const width = 1 << (info - 24);
    this.need(width);
    const at = this.at;
    this.at += width;
    if (width === 1) return this.shortest(this.view.getUint8(at), 24, start);
    if (width === 2) return this.shortest(this.view.getUint16(at), 0x100, start);
    if (width === 4) return this.shortest(this.view.getUint32(at), 0x1_0000, start);
    const wide = this.view.getBigUint64(at);
    if (wide < 0x1_0000_0000n) this.fail('a number is not in its shortest form', start);
    return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : wide;
  }

  private shortest(value: number, least: number, start: number): number {
    if (value < least) this.fail('a number is not in its shortest form', start);
    return value;
  }

  /** Refuses a declared count that the bytes left cannot hold, before anything is allocated for it. */
  private count(length: number | bigint, bytesEach: number, start: number): number {
    const left = this.bytes.length - this.at;
    if (length > left / bytesEach) this.fail(`declares ${length} entries, ${left} bytes are left`, start);
    return Number(length);
  }

  private take(length: number | bigint, start: number): Uint8Array {
    const left = this.bytes.length - this.at;
    if (length > left) this.fail(`declares ${length} bytes, ${left} are left`, start);
    const from = this.at;
    this.at += Number(length);
    return this.bytes.subarray(from, this.at);
  }

  private text(bytes: Uint8Array, start: number): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      return this.fail('text is not valid UTF-8', start);
    }
  }

  private span(start: number): { raw: Uint8Array; offset: number } {
    return { raw: this.bytes.subarray(start, this.at), offset: this.base + start };
  }

  private need(count: number): void {
    if (this.at + count > this.bytes.length) this.fail('input ends early', this.bytes.length);
  }

  private fail(reason: string, at: number = this.at): never {
    throw new IotError('E_ENVELOPE', `cbor at offset ${this.base + at}: ${reason}`);
  }
}

function negative(argument: number | bigint): number | bigint {
  const value = -1n - BigInt(argument);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value;
}

/** Whether the writer would spell `value` as an integer: zero with a sign is the one whole number it would not. */
export function isWrittenAsInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}
