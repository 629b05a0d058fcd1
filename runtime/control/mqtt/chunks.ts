import { crc32 } from 'node:zlib';
import { CHUNK_BYTES, CHUNK_WINDOW } from '../../base/limits.js';
import type { CborItem } from '../../trust/cbor/item.js';
import { readCbor } from '../../trust/cbor/reader.js';
import { asArray, asBytes, asUint } from '../../trust/cbor/shape.js';
import { writeCbor } from '../../trust/cbor/writer.js';

/** Bytes of a manifest's SHA-256, which names the deployment. */
const DEPLOYMENT_BYTES = 32;
/** What a message may have beside its chunk. */
const OVERHEAD_BYTES = 64;

/**
 * Device → sender on `ota/get`: `count` chunks of `length` bytes each, one after the other from `offset` on. Offsets
 * count from the beginning of the deployment: its modules stand behind one another in the manifest's order, each
 * beginning at a multiple of `CHUNK_BYTES` (`partOffsets`). A request stays within one module.
 */
export interface ChunkRequest {
  readonly deployment: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** Sender → device on `ota/data`. */
export interface Chunk {
  readonly deployment: Uint8Array;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Whether the CRC-32 fits; a chunk that does not is asked for again. */
  readonly intact: boolean;
}

/** CBOR `[deployment, offset, length, count]`. */
export function encodeChunkRequest(request: ChunkRequest): Uint8Array {
  return writeCbor([request.deployment, request.offset, request.length, request.count]);
}

/** `undefined` for whatever is not a request of at most one window. */
export function decodeChunkRequest(message: Uint8Array): ChunkRequest | undefined {
  return attempt(() => {
    const items = asArray(readCbor(message, { maxBytes: 2 * OVERHEAD_BYTES }), 'request', 4);
    const [deployment, offset, length, count] = items as [CborItem, CborItem, CborItem, CborItem];
    const request = {
      deployment: asBytes(deployment, 'deployment', DEPLOYMENT_BYTES),
      offset: asUint(offset, 'offset'),
      length: asUint(length, 'length'),
      count: asUint(count, 'count'),
    };
    const bounded =
      request.length > 0 &&
      request.length <= CHUNK_BYTES &&
      request.count > 0 &&
      request.count <= CHUNK_WINDOW &&
      Number.isSafeInteger(request.offset + request.length * request.count);
    return bounded ? request : undefined;
  });
}

/** CBOR `[deployment, offset, bytes, crc32]`. */
export function encodeChunk(deployment: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  return writeCbor([deployment, offset, bytes, crc32(bytes)]);
}

/** `undefined` for whatever is not a chunk of at most `CHUNK_BYTES`. */
export function decodeChunk(message: Uint8Array): Chunk | undefined {
  return attempt(() => {
    const items = asArray(readCbor(message, { maxBytes: CHUNK_BYTES + OVERHEAD_BYTES }), 'chunk', 4);
    const [deployment, offset, bytes, crc] = items as [CborItem, CborItem, CborItem, CborItem];
    const value = asBytes(bytes, 'bytes');
    if (value.length > CHUNK_BYTES) return undefined;
    return {
      deployment: asBytes(deployment, 'deployment', DEPLOYMENT_BYTES),
      offset: asUint(offset, 'offset'),
      bytes: value,
      intact: asUint(crc, 'crc32') === crc32(value),
    };
  });
}

/** Anybody may write to these topics: what cannot be read is no error, only nothing. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
