import { decode, encode } from '@msgpack/msgpack';
import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actor } from '../helpers/actors.js';

/** What the probe reads and writes again, in any order and any selection. */
const int64 = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0, 23, 24, 127, 128, 255, 256, 65_535, 65_536, -1, -24, -25, -32, -33, -128, -129, -32_769),
  fc.constantFrom(2n ** 32n, 2n ** 32n - 1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 31n), -(2n ** 31n) - 1n),
);
const anything = fc.anything({
  withBigInt: false,
  withDate: false,
  withMap: false,
  withSet: false,
  withTypedArray: false,
  withSparseArray: false,
  values: [fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.uint8Array()],
  maxDepth: 4,
});
const common = {
  text: fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ minLength: 24, maxLength: 300 }),
    fc.constant('€'.repeat(600)),
  ),
  blob: fc.uint8Array({ maxLength: 700 }),
  int: int64,
  bool: fc.boolean(),
  none: fc.constant(null),
  extra: anything,
};
const options = { seed: 20260101, numRuns: 400 };
const big = (value: unknown) => (typeof value === 'number' ? BigInt(value) : value);

describe.each(['probe-c', 'probe-as'])('CBOR in %s against cbor-x', (name) => {
  const host = actor(name);
  const cbor = { useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false };
  const writer = new Encoder(cbor);
  const reader = new Decoder({ ...cbor });
  const encodeCbor = (value: unknown) => new Uint8Array(writer.encode(value));
  const again = (payload: Uint8Array): unknown => {
    const result = host.call('Cbor', payload);
    if (!result.ok) throw new Error(result.error);
    return reader.decode(result.reply);
  };
  const fields = { ...common, float: fc.double(), ints: fc.array(int64, { maxLength: 40 }) };

  it('reads what cbor-x writes and writes what cbor-x reads', () => {
    fc.assert(
      fc.property(fc.record(fields, { requiredKeys: [] }), (value) => {
        const { extra: _, ...expected } = value as Record<string, unknown>;
        const seen = again(encodeCbor(value)) as Record<string, unknown>;
        expect(Object.keys(seen)).toEqual(Object.keys(expected));
        for (const [key, member] of Object.entries(expected)) {
          if (key === 'int') expect(big(seen[key])).toBe(big(member));
          else if (key === 'ints')
            expect((seen[key] as unknown[]).map(big)).toEqual((member as unknown[]).map(big));
          else if (key === 'blob')
            expect([...(seen[key] as Uint8Array)]).toEqual([...(member as Uint8Array)]);
          else if (key === 'float') expect(Object.is(seen[key], member) || seen[key] === member).toBe(true);
          else expect(seen[key]).toEqual(member);
        }
      }),
      options,
    );
  });

  it('reads floats of every width, integral floats as integers, tags and 0/1 levels', () => {
    const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
    const float = (bits: string) => (again(hex(`a165666c6f6174${bits}`)) as { float: number }).float;
    // RFC 8949 appendix A.
    expect(float('f93c00')).toBe(1);
    expect(float('f97bff')).toBe(65_504);
    expect(float('f90001')).toBe(2 ** -24);
    expect(float('f90400')).toBe(2 ** -14);
    expect(float('f9c400')).toBe(-4);
    expect(float('f97c00')).toBe(Number.POSITIVE_INFINITY);
    expect(float('f9fc00')).toBe(Number.NEGATIVE_INFINITY);
    expect(float('f97e00')).toBeNaN();
    expect(Object.is(float('f98000'), -0)).toBe(true);
    expect(float('fa47c35000')).toBe(100_000);
    expect(float('1903e8')).toBe(1000);
    expect(float('3903e7')).toBe(-1000);
    expect(again(hex('a163696e74fb4278b75dfe600000'))).toMatchObject({});
    expect(again(hex('a163696e74f93c00'))).toEqual({ int: 1 });
    expect(again(hex('a163696e74c11903e8'))).toEqual({ int: 1000 });
    expect(again(hex('a164626f6f6c01'))).toEqual({ bool: true });
    expect(again(hex('a164626f6f6c00'))).toEqual({ bool: false });
    expect(again(hex('a1646e6f6e65f7'))).toEqual({ none: null });
  });

  it.each([
    ['nothing', ''],
    ['a number', '05'],
    ['an array', '80'],
    ['a key that is no text', 'a10102'],
    ['an indefinite map', 'bf6374657861ff'],
    ['indefinite text', 'a164746578747f6161ff'],
    ['a reserved head', 'a163696e741c'],
    ['a map longer than its bytes', 'bb7fffffffffffffff'],
    ['a map of 2^32+1 pairs', 'bb0000000100000001'],
    ['text longer than its bytes', 'a1647465787478ff61'],
    ['text of 2^64-1 bytes', 'a164746578747bffffffffffffffff'],
    ['text where a number belongs', 'a163696e746131'],
    ['a number where text belongs', 'a1647465787401'],
    ['a fraction where an integer belongs', 'a163696e74fb3ff8000000000000'],
    ['an integer beyond 64 bits with sign', 'a163696e741b8000000000000000'],
    ['a float beyond 64 bits', 'a163696e74fb43e0000000000000'],
    ['NaN where an integer belongs', 'a163696e74f97e00'],
    ['2 where true belongs', 'a164626f6f6c02'],
    ['bytes after the end', 'a164626f6f6cf500'],
    ['a nest of counts that outgrow it', `a1656578747261${'98ff'.repeat(40)}`],
    ['only tags', `a163696e74${'c1'.repeat(50)}`],
  ])('refuses %s', (_, text) => {
    const result = host.call('Cbor', Uint8Array.from(Buffer.from(text, 'hex')));
    expect(result).toMatchObject({ ok: false, error: expect.stringMatching(/^payload /) });
  });

  it('survives every cut and every flipped byte of a good payload, and then still works', () => {
    const good = encodeCbor({
      text: 'käse',
      extra: [{ a: [1, 'b'] }],
      int: -70_000,
      float: 1.5,
      ints: [1, 2],
      bool: true,
    });
    for (let size = 0; size < good.length; size++) {
      expect(host.call('Cbor', good.subarray(0, size)).ok, `${size} bytes`).toBe(false);
    }
    for (let at = 0; at < good.length; at++) {
      for (let value = 0; value < 256; value++) {
        const bad = good.slice();
        bad[at] = value;
        quietly(() => host.call('Cbor', bad));
      }
    }
    expect(again(good)).toMatchObject({ text: 'käse', int: -70_000, float: 1.5, bool: true });
  });

  it('survives arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        quietly(() => host.call('Cbor', bytes));
      }),
      { ...options, numRuns: 2000 },
    );
  });
});

describe.each(['probe-c', 'probe-as'])('MessagePack in %s against @msgpack/msgpack', (name) => {
  const host = actor(name);
  const again = (payload: Uint8Array): unknown => {
    const result = host.call('MsgPack', payload);
    if (!result.ok) throw new Error(result.error);
    return decode(result.reply, { useBigInt64: true });
  };

  it('reads what it writes and writes what it reads', () => {
    fc.assert(
      fc.property(fc.record(common, { requiredKeys: [] }), (value) => {
        const { extra: _, ...expected } = value as Record<string, unknown>;
        const seen = again(encode(value, { useBigInt64: true, ignoreUndefined: true })) as Record<
          string,
          unknown
        >;
        expect(Object.keys(seen)).toEqual(Object.keys(expected));
        for (const [key, member] of Object.entries(expected)) {
          if (key === 'int') expect(big(seen[key])).toBe(big(member));
          else if (key === 'blob')
            expect([...(seen[key] as Uint8Array)]).toEqual([...(member as Uint8Array)]);
          else expect(seen[key]).toEqual(member);
        }
      }),
      options,
    );
  });

  it('writes integers in the shortest signed form', () => {
    const hex = (int: number) => {
      const result = host.call('MsgPack', encode({ int }));
      return result.ok ? Buffer.from(result.reply).toString('hex').slice('81a3696e74'.length) : result.error;
    };
    expect([0, 127, -1, -32, -33, -128].map(hex)).toEqual(['00', '7f', 'ff', 'e0', 'd0df', 'd080']);
    expect([128, -129, 32_768, -32_769].map(hex)).toEqual(['d10080', 'd1ff7f', 'd200008000', 'd2ffff7fff']);
    expect(hex(2 ** 31)).toBe('d30000000080000000');
  });

  it('allows bytes after the value, and floats and extensions among what it skips', () => {
    const value = encode({ bool: true, extra: [new Date(0), 1.5, { a: null }] });
    expect(again(Uint8Array.from([...value, 0]))).toEqual({ bool: true });
    for (const ext of [
      'd40500',
      'd5050000',
      `d605${'00'.repeat(4)}`,
      `d705${'00'.repeat(8)}`,
      `d805${'00'.repeat(16)}`,
      'c7020506ff',
      'c800010507',
      'c90000000205ffff',
    ]) {
      const bytes = Uint8Array.from(Buffer.from(`82a56578747261${ext}a4626f6f6cc3`, 'hex'));
      expect(again(bytes), ext).toEqual({ bool: true });
    }
  });

  it.each([
    ['nothing', ''],
    ['nil', 'c0'],
    ['an array', '90'],
    ['the head that does not exist', '81a56578747261c1'],
    ['a map longer than its bytes', 'dfffffffff'],
    ['text longer than its bytes', '81a474657874dbffffffff61'],
    ['a number where text belongs', '81a47465787401'],
    ['text where a number belongs', '81a3696e74a131'],
    ['an integer beyond 64 bits with sign', '81a3696e74cf8000000000000000'],
    ['a fraction', '81a3696e74cb3ff8000000000000'],
    ['1 where true belongs', '81a4626f6f6c01'],
    ['a nest of counts that outgrow it', `81a56578747261${'dd000000ff'.repeat(9)}`],
  ])('refuses %s', (_, text) => {
    const result = host.call('MsgPack', Uint8Array.from(Buffer.from(text, 'hex')));
    expect(result).toMatchObject({ ok: false, error: expect.stringMatching(/^payload /) });
  });

  it('survives every cut of a good payload and arbitrary bytes, and then still works', () => {
    const good = encode({ text: 'käse', extra: [{ a: [1, 'b', 2.5] }], int: -70_000, bool: true });
    for (let size = 0; size < good.length; size++) {
      expect(host.call('MsgPack', good.subarray(0, size)).ok, `${size} bytes`).toBe(false);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        quietly(() => host.call('MsgPack', bytes));
      }),
      { ...options, numRuns: 2000 },
    );
    expect(again(good)).toEqual({ text: 'käse', int: -70_000, bool: true });
  });
});

/** Guest errors may quote broken UTF-8 and are fine; a trap is not. */
function quietly(call: () => unknown): void {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
  }
}
