import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import contract, { type Grant } from '#runtime/providers/iot-serial/contract.js';
import type { Framed } from '#runtime/providers/iot-serial/framing/framer.js';
import { createFramer } from '#runtime/providers/iot-serial/framing/index.js';

type Given = Record<string, unknown>;

function framer(settings: Given) {
  const { ports } = contract.parseGrant({ ports: { p: settings } }) as Grant;
  const { p } = ports;
  if (p === undefined) throw new Error('no port');
  return createFramer(p);
}
const bytes = (text: string) => new TextEncoder().encode(text);
const texts = ({ frames }: Framed) => frames.map((frame) => new TextDecoder().decode(frame));

/** Cuts `stream` at `places`, pushes the pieces, and collects what comes out. */
function pushed(settings: Given, stream: Uint8Array, places: readonly number[]) {
  const cut = framer(settings);
  const frames: Uint8Array[] = [];
  let dropped = 0;
  let from = 0;
  for (const to of [
    ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ]) {
    const result = cut.push(stream.subarray(from, to));
    frames.push(...result.frames.map((frame) => Uint8Array.from(frame)));
    dropped += result.dropped;
    from = to;
  }
  return { frames, dropped, cut };
}
const places = fc.array(fc.nat(), { maxLength: 20 });
const content = fc.uint8Array({ maxLength: 40 });

describe('framing by a delimiter', () => {
  it('gives the same frames however the stream is cut', () => {
    const frame = content.map((one) => one.filter((byte) => byte !== 0x0d && byte !== 0x0a));
    fc.assert(
      fc.property(fc.array(frame), places, (frames, where) => {
        const stream = Buffer.concat(frames.flatMap((one) => [one, bytes('\r\n')]));
        const got = pushed({ framing: { delimiter: '\r\n' } }, stream, where);
        expect(got.frames).toEqual(frames.map((one) => Uint8Array.from(one)));
        expect(got.dropped).toBe(0);
      }),
    );
  });

  it('drops what is too long up to its end, and nothing else', () => {
    const stream = bytes(`ab\n${'x'.repeat(50)}\ncd\n`);
    fc.assert(
      fc.property(places, (where) => {
        const got = pushed({ framing: { delimiter: '\n' }, maxFrame: 8 }, stream, where);
        expect(texts(got)).toEqual(['ab', 'cd']);
        expect(got.dropped).toBe(51);
      }),
    );
  });

  it('never keeps more than one frame', () => {
    const cut = framer({ framing: { delimiter: [0] }, maxFrame: 16 });
    let dropped = 0;
    for (let round = 0; round < 100; round++) dropped += cut.push(new Uint8Array(1000).fill(1)).dropped;
    expect(dropped).toBeGreaterThan(99_900);
    expect(cut.push(Uint8Array.of(0, 7, 0)).frames).toEqual([Buffer.of(7)]);
  });
});

describe('framing by length', () => {
  const settings = { framing: { lengthPrefix: { bytes: 2 } }, maxFrame: 64 };

  it('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(content), places, (frames, where) => {
        const stream = Buffer.concat(frames.flatMap((one) => [Uint8Array.of(0, one.length), one]));
        expect(pushed(settings, stream, where).frames).toEqual(frames.map((one) => Uint8Array.from(one)));
      }),
    );
  });

  it('counts itself where the binding says so, and reads both byte orders', () => {
    const little = { framing: { lengthPrefix: { bytes: 4, endian: 'little', adjust: -4 } } };
    const { frames } = framer(little).push(Uint8Array.of(6, 0, 0, 0, 1, 2));
    expect(frames).toEqual([Uint8Array.of(1, 2)]);
  });

  it('waits for silence after a length that cannot be, and gives half frames up', () => {
    const cut = framer(settings);
    expect(cut.push(Uint8Array.of(0xff, 0xff, 1, 2))).toEqual({ frames: [], dropped: 4 });
    expect(cut.push(Uint8Array.of(0, 1, 9))).toEqual({ frames: [], dropped: 3 });
    cut.silence();
    expect(cut.push(Uint8Array.of(0, 1, 9, 0, 5, 1)).frames).toEqual([Uint8Array.of(9)]);
    expect(cut.silence()).toEqual({ frames: [], dropped: 3 });
    expect(cut.push(Uint8Array.of(0, 1, 9)).frames).toEqual([Uint8Array.of(9)]);
  });
});

describe('framing by silence', () => {
  it('gives everything between two silences as one frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), places, (stream, where) => {
        const { frames, cut } = pushed({ framing: { gapMs: 4 }, maxFrame: 64 }, stream, where);
        expect(frames).toEqual([]);
        expect(cut.silence()).toEqual({ frames: [Uint8Array.from(stream)], dropped: 0 });
        expect(cut.silence().frames).toEqual([]);
      }),
    );
  });

  it('drops what is too long up to the silence', () => {
    const cut = framer({ framing: { gapMs: 4 }, maxFrame: 4 });
    expect(cut.push(Uint8Array.of(1, 2, 3, 4, 5)).dropped).toBe(5);
    expect(cut.push(Uint8Array.of(6)).dropped).toBe(1);
    expect(cut.silence().frames).toEqual([]);
    cut.push(Uint8Array.of(7));
    expect(cut.silence().frames).toEqual([Uint8Array.of(7)]);
  });
});

describe('no framing', () => {
  it('loses nothing and gives no more than the longest frame at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), places, (stream, where) => {
        const { frames } = pushed({ maxFrame: 16 }, stream, where);
        expect(Buffer.concat(frames)).toEqual(Buffer.from(stream));
        for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(16);
      }),
    );
  });
});
