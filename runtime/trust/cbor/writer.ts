import { IotError } from '../../base/errors.js';
import { MAX_CBOR_DEPTH } from '../../base/limits.js';
import { compareBytes } from './bytes.js';
import { isWrittenAsInteger } from './reader.js';
import { type CborKey, type CborValue, Encoded, Tagged } from './value.js';

/**
 * Writes `value` in the deterministic spelling that `readCbor` demands.
 * Throws E_PAYLOAD for what has none: NaN and infinities, integers beyond 64 bits, text with half a surrogate
 * pair, nesting deeper than `MAX_CBOR_DEPTH`, two equal map keys, functions and other things that are not data.
 */
export function writeCbor(value: CborValue): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, parts, 0);
  return Uint8Array.from(Buffer.concat(parts));
}

function write(value: CborValue, parts: Uint8Array[], depth: number): void {
  if (typeof value === 'number') writeNumber(value, parts);
  else if (typeof value === 'bigint') writeInteger(value, parts);
  else if (typeof value === 'string') writeText(value, parts);
  else if (value === null) parts.push(Uint8Array.of(0xf6));
  else if (typeof value === 'boolean') parts.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (value instanceof Uint8Array) parts.push(head(2, value.length), value);
  else if (value instanceof Encoded) parts.push(value.bytes);
  else if (typeof value !== 'object') refuse(`a ${typeof value} is not data`);
  else writeNested(value, parts, depth);
}

function writeNested(value: CborValue & object, parts: Uint8Array[], depth: number): void {
  if (depth >= MAX_CBOR_DEPTH) refuse(`nesting deeper than ${MAX_CBOR_DEPTH}`);
  if (value instanceof Tagged) {
    parts.push(head(6, value.tag));
    write(value.value, parts, depth + 1);
  } else if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const element of value as readonly CborValue[]) write(element, parts, depth + 1);
  } else if (value instanceof Map) {
    writeMap(value as ReadonlyMap<CborKey, CborValue | undefined>, parts, depth);
  } else {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      refuse('an object of a class is not data');
    }
    writeMap(Object.entries(value as Record<string, CborValue | undefined>), parts, depth);
  }
}

function writeMap(
  members: Iterable<readonly [CborKey, CborValue | undefined]>,
  parts: Uint8Array[],
  depth: number,
): void {
  const entries: { key: Uint8Array; value: CborValue }[] = [];
  for (const [key, value] of members) {
    if (value !== undefined) entries.push({ key: writeCbor(key), value });
  }
  entries.sort((a, b) => compareBytes(a.key, b.key));
  parts.push(head(5, entries.length));
  let previous: Uint8Array | undefined;
  for (const { key, value } of entries) {
    if (previous !== undefined && compareBytes(previous, key) === 0) refuse('a map key occurs twice');
    previous = key;
    parts.push(key);
    write(value, parts, depth + 1);
  }
}

function writeNumber(value: number, parts: Uint8Array[]): void {
  if (isWrittenAsInteger(value)) {
    writeInteger(value, parts);
    return;
  }
  if (!Number.isFinite(value)) refuse(`${value} has no encoding`);
  const bytes = new Uint8Array(9);
  bytes[0] = 0xfb;
  new DataView(bytes.buffer).setFloat64(1, value);
  parts.push(bytes);
}

function writeInteger(value: number | bigint, parts: Uint8Array[]): void {
  parts.push(value < 0 ? head(1, -1n - BigInt(value)) : head(0, value));
}

function writeText(value: string, parts: Uint8Array[]): void {
  if (/\p{Surrogate}/u.test(value)) refuse('text holds half a surrogate pair');
  const bytes = new TextEncoder().encode(value);
  parts.push(head(3, bytes.length), bytes);
}

function head(major: number, argument: number | bigint): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | Number(argument));
  const view = new DataView(new ArrayBuffer(9));
  if (argument < 0x100) {
    view.setUint8(0, type | 24);
    view.setUint8(1, Number(argument));
    return new Uint8Array(view.buffer, 0, 2);
  }
  if (argument < 0x1_0000) {
    view.setUint8(0, type | 25);
    view.setUint16(1, Number(argument));
    return new Uint8Array(view.buffer, 0, 3);
  }
  if (argument < 0x1_0000_0000) {
    view.setUint8(0, type | 26);
    view.setUint32(1, Number(argument));
    return new Uint8Array(view.buffer, 0, 5);
  }
  if (argument > 0xffff_ffff_ffff_ffffn) refuse('an integer does not fit 64 bits');
  view.setUint8(0, type | 27);
  view.setBigUint64(1, BigInt(argument));
  return new Uint8Array(view.buffer, 0, 9);
}

function refuse(reason: string): never {
  throw new IotError('E_PAYLOAD', `cbor cannot be written: ${reason}`);
}
