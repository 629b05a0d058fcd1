import fc from 'fast-check';
import type { PlainValue } from '#runtime/trust/cbor/value.js';

/** Same seed on every machine; a failure prints the counterexample. */
export const PROPERTY = { seed: 20260101, numRuns: 300 };

const text = fc.string({ unit: 'grapheme', maxLength: 12 });

/** Everything that arguments and results of requests may be. */
export const plainValue: fc.Arbitrary<PlainValue> = fc.letrec<{ value: PlainValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(true, false, null),
    text,
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** What a value looks like after a round trip: bigints that are safe integers come back as numbers. */
export function normal(value: PlainValue): PlainValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(normal);
  return Object.fromEntries(
    Object.entries(value as Record<string, PlainValue>).map(([key, member]) => [key, normal(member)]),
  );
}
