import { CHUNK_BYTES } from '../../base/limits.js';
import { equalBytes } from '../cbor/bytes.js';
import { sha256 } from '../cose/authentication.js';

/**
 * Bytes that are kept of the SHA-256 of one chunk. They only find out which chunk was spoilt on its way: whoever
 * could fit a chunk to 16 bytes still fails at the digest over the whole module.
 */
export const CHUNK_DIGEST_BYTES = 16;

/** Whether there are as many `digests` as a module of `size` bytes has chunks; the last chunk may be shorter. */
export function fitsSize(digests: Uint8Array, size: number): boolean {
  return digests.length === Math.ceil(size / CHUNK_BYTES) * CHUNK_DIGEST_BYTES;
}

/** The value of parameter -258: for each chunk of `module` the first 16 bytes of its SHA-256, one after another. */
export function chunkDigests(module: Uint8Array): Uint8Array {
  const digests = new Uint8Array(Math.ceil(module.length / CHUNK_BYTES) * CHUNK_DIGEST_BYTES);
  for (let index = 0; index * CHUNK_BYTES < module.length; index++) {
    const chunk = module.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    digests.set(cut(chunk), index * CHUNK_DIGEST_BYTES);
  }
  return digests;
}

/** Whether `chunk` (a whole one, `CHUNK_BYTES` or what is left at the end) is number `index` of `digests`. */
export function isChunk(digests: Uint8Array, index: number, chunk: Uint8Array): boolean {
  const start = index * CHUNK_DIGEST_BYTES;
  return equalBytes(digests.subarray(start, start + CHUNK_DIGEST_BYTES), cut(chunk));
}

function cut(chunk: Uint8Array): Uint8Array {
  return sha256(chunk).subarray(0, CHUNK_DIGEST_BYTES);
}
