import { decodeMulti, Encoder as MsgpackEncoder } from '@msgpack/msgpack';
import { Encoder as CborEncoder } from 'cbor-x';
import { IotError } from './errors.js';

/** How a contract's payloads are written: CBOR (RFC 8949) for `iot:*`, MessagePack for `wascc:*`. */
export type Codec = 'cbor' | 'msgpack';

const EMPTY = new Uint8Array(0);
const cbor = new CborEncoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
});
const msgpack = new MsgpackEncoder({ ignoreUndefined: true });

/** `undefined` is the empty payload: unit in every contract. */
export function encodePayload(codec: Codec, value: unknown): Uint8Array {
  if (value === undefined) return EMPTY;
  return codec === 'cbor' ? new Uint8Array(cbor.encode(value)) : msgpack.encode(value);
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
