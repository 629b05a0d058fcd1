import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkDigests, fitsSize, isChunk } from '#runtime/trust/suit/chunk-digests.js';
import { createManifest } from '#runtime/trust/suit/create-manifest.js';
import { PROPERTY } from '../cbor/arbitrary.js';
import { component, envelope, outcome } from './scene.js';

const CHUNK = 16 * 1024;
const moduleOf = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
const chunkOf = (bytes: Uint8Array, index: number) => bytes.subarray(index * CHUNK, (index + 1) * CHUNK);

function announced(module: Uint8Array, digests: Uint8Array, size = module.length): Uint8Array {
  const digest = Uint8Array.from(createHash('sha256').update(module).digest());
  return envelope({ components: [component({ digest, size, chunkDigests: digests })] });
}

describe('chunk digests', () => {
  it.each([
    [0, 0],
    [1, 1],
    [CHUNK - 1, 1],
    [CHUNK, 1],
    [CHUNK + 1, 2],
    [3 * CHUNK, 3],
  ])('of %i bytes are %i times 16 bytes, each the start of one SHA-256', (size, count) => {
    const module = moduleOf(size);
    const digests = chunkDigests(module);
    const wanted = Array.from({ length: count }, (_, index) =>
      createHash('sha256').update(chunkOf(module, index)).digest().subarray(0, 16),
    );
    expect(Buffer.from(digests).toString('hex')).toBe(Buffer.concat(wanted).toString('hex'));
    expect(fitsSize(digests, size)).toBe(true);
    expect(fitsSize(digests, size + CHUNK)).toBe(false);
    for (let index = 0; index < count; index++)
      expect(isChunk(digests, index, chunkOf(module, index))).toBe(true);
    expect(isChunk(digests, count, new Uint8Array(0))).toBe(false);
  });

  it('tell a spoilt, cut or exchanged chunk from the one that was signed', () => {
    const module = moduleOf(3 * CHUNK + 100);
    const digests = chunkDigests(module);
    fc.assert(
      fc.property(fc.nat(3), fc.nat(CHUNK - 1), fc.integer({ min: 1, max: 255 }), (index, at, mask) => {
        const chunk = Uint8Array.from(chunkOf(module, index));
        const spoilt = Uint8Array.from(chunk);
        spoilt[at % chunk.length] = (chunk[at % chunk.length] ?? 0) ^ mask;
        expect(isChunk(digests, index, spoilt)).toBe(false);
        expect(isChunk(digests, index, chunk.subarray(0, at % chunk.length))).toBe(false);
        expect(isChunk(digests, (index + 1) % 4, chunk)).toBe(false);
      }),
      { ...PROPERTY, numRuns: 40 },
    );
  });

  it('reach the device with the manifest, and may be left out', () => {
    const module = moduleOf(2 * CHUNK + 5);
    const bytes = announced(module, chunkDigests(module));
    const result = outcome(bytes);
    expect(result).toMatchObject({ components: [{ chunkDigests: chunkDigests(module) }] });
    bytes.fill(0);
    expect(result).toMatchObject({ components: [{ chunkDigests: chunkDigests(module) }] });
    expect(outcome(envelope())).toMatchObject({ components: [{ chunkDigests: undefined }] });
  });

  it('are not written when they do not fit the size, and not read either', () => {
    const fine = component({ size: 2 * CHUNK, chunkDigests: new Uint8Array(32) });
    for (const length of [0, 16, 31, 33, 48]) {
      const wrong = { ...fine, chunkDigests: new Uint8Array(length) };
      expect(() => createManifest({ sequence: 1, components: [wrong] })).toThrow(
        expect.objectContaining({ code: 'E_USAGE' }),
      );
    }
    expect(() => createManifest({ sequence: 1, components: [fine] })).not.toThrow();
  });

  it('of a module of 4 MiB leave room for the rest of an envelope', () => {
    const module = moduleOf(4 * 1024 * 1024);
    expect(outcome(announced(module, chunkDigests(module)))).toMatchObject({ sequence: 10 });
  });
});
