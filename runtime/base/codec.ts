import { decodeMulti, Encoder as MsgpackEncoder } from '@msgpack/msgpack';
import { Encoder as CborEncoder, type Options } from 'cbor-x';
import { IotError } from './errors.js';

/** How a contract's payloads are written: CBOR (RFC 8949) for `iot:*`, MessagePack for `wascc:*`. */
export type Codec = 'cbor' | 'msgpack';

const EMPTY = new Uint8Array(0);
const cbor = new CborEncoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
  // Decoding: a small number in eight bytes is still a number. Beyond 2^53 it loses digits, and `z.int()` refuses it.
  int64AsNumber: true,
} as Options & { int64AsNumber: boolean });
const msgpack = new MsgpackEncoder({ ignoreUndefined: true });

/** A payload that is bytes already: an answer that goes out as it stands. */
export class Encoded {
  constructor(readonly bytes: Uint8Array) {}
}

/** `undefined` is the empty payload: unit in every contract. */
export function encodePayload(codec: Codec, value: unknown): Uint8Array {
  if (value === undefined) return EMPTY;
  if (value instanceof Encoded) return value.bytes;
  return codec === 'cbor' ? new Uint8Array(cbor.encode(withIntegers(value))) : msgpack.encode(value);
}

/**
 * Reads one value; an empty payload and nil are `undefined`. MessagePack may be followed by stray bytes, as some
 * published actors write them. Throws E_PAYLOAD.
 */
export function decodePayload(codec: Codec, bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return (codec === 'cbor' ? cbor.decode(bytes) : first(decodeMulti(bytes))) ?? undefined;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new IotError('E_PAYLOAD', `payload of ${bytes.length} bytes is not valid ${codec}: ${why}`, {
      cause: thrown,
    });
  }
}

function first(values: Iterable<unknown>): unknown {
  for (const value of values) return value;
  return undefined;
}

/**
 * cbor-x writes whole numbers outside 32 bits (milliseconds since 1970) as floating point, which a guest that
 * expects an integer refuses; as `bigint` they are written as integers. Members that are `undefined` are left out.
 */
function withIntegers(value: unknown): unknown {
  if (typeof value === 'number') {
    const wide = Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000);
    return wide ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map(withIntegers);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) copy[key] = withIntegers(member);
  }
  return copy;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
