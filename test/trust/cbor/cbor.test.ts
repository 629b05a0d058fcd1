import * as cborg from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { toPlain } from '#runtime/trust/cbor/plain.js';
import { readCbor } from '#runtime/trust/cbor/reader.js';
import { type CborValue, Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { normal, PROPERTY, plainValue } from './arbitrary.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** cborg with our rules: bytewise key order, 64-bit floats. */
function cborgEncode(value: unknown): Uint8Array {
  return cborg.encode(value, { ...cborg.rfc8949EncodeOptions, float64: true });
}

function refusal(bytes: Uint8Array): string {
  try {
    readCbor(bytes);
  } catch (error) {
    if (error instanceof IotError && error.code === 'E_ENVELOPE') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('cbor, spelt as RFC 8949 appendix A does', () => {
  it.each<[string, CborValue]>([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['19ffff', 65535],
    ['1a00010000', 65536],
    ['1affffffff', 4294967295],
    ['1b0000000100000000', 4294967296],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['1bffffffffffffffff', 18446744073709551615n],
    ['20', -1],
    ['3903e7', -1000],
    ['3bffffffffffffffff', -18446744073709551616n],
    ['fb3ff199999999999a', 1.1],
    ['fb8000000000000000', -0],
    ['fb7e37e43c8800759c', 1e300],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['40', new Uint8Array(0)],
    ['4401020304', hex('01020304')],
    ['60', ''],
    ['62c3bc', 'ü'],
    ['64f0908591', '\u{10151}'],
    ['80', []],
    ['83010203', [1, 2, 3]],
    ['a0', {}],
    ['a26161016162820203', { b: [2, 3], a: 1 }],
  ])('%s', (encoded, value) => {
    expect(toHex(writeCbor(value))).toBe(encoded);
    expect(toPlain(readCbor(hex(encoded)))).toEqual(value);
  });

  it('sorts keys by their bytes, whatever their type, and leaves undefined members out', () => {
    const map = new Map<number | string, CborValue | undefined>([
      ['b', 1],
      [-1, 2],
      [100, 3],
      [10, 4],
      ['aa', 5],
      [3, undefined],
    ]);
    expect(toHex(writeCbor(map))).toBe('a50a041864032002616201626161 05'.replaceAll(' ', ''));
  });

  it('remembers every item as it was encoded, and where', () => {
    const bytes = writeCbor(new Tagged(107, new Map([[2, [1, hex('aabb')]]])));
    const item = readCbor(bytes, { offset: 100 });
    if (item.kind !== 'tag' || item.item.kind !== 'map') throw new Error('not read as written');
    const value = item.item.entries[0]?.[1];
    expect(toHex(value?.raw ?? bytes)).toBe('820142aabb');
    expect(value?.offset).toBe(104);
    expect(toHex(writeCbor([new Encoded(value?.raw ?? bytes)]))).toBe('81820142aabb');
  });
});

describe('cbor that is not read', () => {
  it.each([
    ['a longer head than needed', '1817', 'offset 0'],
    ['a 16-bit number that fits 8', '1900ff', 'shortest'],
    ['a 32-bit number that fits 16', '1a0000ffff', 'shortest'],
    ['a 64-bit number that fits 32', '1b00000000ffffffff', 'shortest'],
    ['a length in more bytes than needed', '580100', 'shortest'],
    ['indefinite bytes', '5f4100ff', 'indefinite'],
    ['an indefinite array', '9f00ff', 'indefinite'],
    ['an indefinite map', 'bf6161 00ff', 'indefinite'],
    ['a break by itself', 'ff', 'not used'],
    ['reserved heads', '1c', 'reserved'],
    ['keys out of order', 'a2 02 00 01 00', 'not in order'],
    ['keys by length first instead of bytewise', 'a2 20 00 1864 00', 'not in order'],
    ['a key that occurs twice', 'a2 01 00 01 00', 'twice'],
    ['an array as a key', 'a1 80 00', 'key is of type'],
    ['a half float', 'f93c00', 'not used'],
    ['a single float', 'fa3fc00000', 'not used'],
    ['not a number', 'fb7ff8000000000000', 'finite'],
    ['infinity', 'fb7ff0000000000000', 'finite'],
    ['a float that is an integer', 'fb3ff0000000000000', 'integer'],
    ['undefined', 'f7', 'not used'],
    ['a simple value', 'f0', 'not used'],
    ['text that is not UTF-8', '61ff', 'UTF-8'],
    ['text with an overlong form', '62c080', 'UTF-8'],
    ['text with a surrogate', '63eda080', 'UTF-8'],
    ['something behind the end', '0000', 'follow'],
    ['nothing at all', '', 'early'],
    ['more bytes than there are', '4a00', 'left'],
    ['more elements than there can be', '9b00ffffffffffffff', 'left'],
    ['more members than there can be', 'ba7fffffff', 'left'],
    ['a length of 2^64-1', '5bffffffffffffffff', 'left'],
    ['17 levels', `${'81'.repeat(17)}00`, 'deeper'],
    ['17 tags', `${'c1'.repeat(17)}00`, 'deeper'],
  ])('%s', (_name, encoded, message) => {
    expect(refusal(hex(encoded))).toContain(message);
  });

  it('stops at 16 levels and at the given size', () => {
    expect(refusal(hex(`${'81'.repeat(16)}00`))).toBe('accepted');
    expect(refusal(hex('81'.repeat(100_000)))).toContain('deeper');
    expect(() => readCbor(new Uint8Array(11), { maxBytes: 10 })).toThrow(
      expect.objectContaining({ code: 'E_TOO_LARGE' }),
    );
  });

  it('has no plain value: tags, keys that are no text', () => {
    expect(() => toPlain(readCbor(hex('c100')))).toThrow(/without tags/);
    expect(() => toPlain(readCbor(hex('a10000')))).toThrow(/text/);
  });

  it('keeps __proto__ a key like any other', () => {
    const value = toPlain(readCbor(hex('a1695f5f70726f746f5f5fa161610 1'.replaceAll(' ', ''))));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
  });
});

describe('values that are not written', () => {
  const cyclic: CborValue[] = [];
  cyclic.push(cyclic);
  it.each<[string, unknown]>([
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['an integer of 65 bits', 2n ** 64n],
    ['a negative integer of 66 bits', -(2n ** 64n) - 1n],
    ['half a surrogate pair', '\ud800'],
    ['a function', () => 0],
    ['undefined in an array', [undefined]],
    ['a date', new Date(0)],
    ['another typed array', new Float64Array(1)],
    ['something that holds itself', cyclic],
  ])('%s', (_name, value) => {
    expect(() => writeCbor(value as CborValue)).toThrow(expect.objectContaining({ code: 'E_PAYLOAD' }));
  });
});

describe('cbor, for any value', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(plainValue, (value) => {
        expect(toPlain(readCbor(writeCbor(value)))).toEqual(normal(value));
      }),
      PROPERTY,
    );
  });

  it('is what another strict implementation writes and reads', () => {
    fc.assert(
      fc.property(plainValue, (value) => {
        const bytes = writeCbor(value);
        expect(toHex(cborgEncode(normal(value)))).toBe(toHex(bytes));
        const decoded = cborg.decode(bytes, { strict: true, rejectDuplicateMapKeys: true }) as CborValue;
        expect(toHex(writeCbor(decoded))).toBe(toHex(bytes));
      }),
      PROPERTY,
    );
  });

  it('has one spelling: whatever is accepted is written again as the same bytes', () => {
    fc.assert(
      fc.property(plainValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, position, mask) => {
        const bytes = writeCbor(value);
        bytes[position % bytes.length] = (bytes[position % bytes.length] ?? 0) ^ mask;
        const written = rewritten(bytes);
        if (written !== undefined) expect(toHex(written)).toBe(toHex(bytes));
      }),
      PROPERTY,
    );
  });

  it('never fails with anything but a reason, for damage, cuts and noise', () => {
    fc.assert(
      fc.property(plainValue, fc.uint8Array({ maxLength: 64 }), (value, noise) => {
        const bytes = writeCbor(value);
        for (let length = 0; length < bytes.length; length++) {
          expect(refusal(bytes.subarray(0, length))).not.toBe('accepted');
        }
        expect(typeof refusal(noise)).toBe('string');
      }),
      PROPERTY,
    );
  });
});

/** What the writer makes of what the reader took; `undefined` when it took nothing, or nothing plain. */
function rewritten(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return writeCbor(toPlain(readCbor(bytes)));
  } catch (error) {
    if (error instanceof IotError && error.code === 'E_ENVELOPE') return undefined;
    throw error;
  }
}
