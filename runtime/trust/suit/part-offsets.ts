import { CHUNK_BYTES } from '../../base/limits.js';

/**
 * Where each module of a manifest begins when they are laid behind one another in its order, in bytes: on both sides
 * of a transfer the same, since the sizes are signed. Every one begins with a chunk of its own.
 */
export function partOffsets(sizes: readonly number[]): number[] {
  let next = 0;
  return sizes.map((size) => {
    const offset = next;
    next += Math.ceil(size / CHUNK_BYTES) * CHUNK_BYTES;
    return offset;
  });
}
