import { IotError } from '#runtime/base/errors.js';

/** The lowest and the highest bit, the one that makes a byte string text and a head a tag, and all of them. */
const MASKS = [0x01, 0x20, 0x80, 0xff];

/** First offset, and the one behind the last. */
export type Range = readonly [from: number, to: number];

/** `accepted`, or the reason of the refusal; anything else that is thrown fails the test. */
export function codeOf(judge: () => unknown): string {
  try {
    judge();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof IotError)) throw error;
    return error.code;
  }
}

/** Where `part` lies in `bytes`, from `after` on. */
export function rangeOf(bytes: Uint8Array, part: Uint8Array, after = 0): Range {
  const from = Buffer.from(bytes).indexOf(part, after);
  if (from < 0 || part.length === 0) throw new Error('the part is not there');
  return [from, from + part.length];
}

/**
 * What becomes of `bytes` when one byte is wrong: each byte in turn, in one bit or in all of them. For every
 * region all the reasons that came up, in alphabetical order; bytes that lie in none are `structure`.
 */
export function flipCodes(
  bytes: Uint8Array,
  regions: Readonly<Record<string, Range>>,
  judge: (damaged: Uint8Array) => unknown,
): Record<string, string[]> {
  const codes = new Map<string, Set<string>>();
  for (let at = 0; at < bytes.length; at++) {
    const region =
      Object.entries(regions).find(([, [from, to]]) => at >= from && at < to)?.[0] ?? 'structure';
    const seen = codes.get(region) ?? new Set();
    codes.set(region, seen);
    for (const mask of MASKS) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ mask;
      seen.add(codeOf(() => judge(damaged)));
    }
  }
  return Object.fromEntries([...codes].map(([region, seen]) => [region, [...seen].sort()]));
}

/** The reasons for which the beginnings of `bytes`, from nothing to all but one byte, are refused. */
export function cutCodes(bytes: Uint8Array, judge: (cut: Uint8Array) => unknown): string[] {
  const codes = new Set<string>();
  for (let length = 0; length < bytes.length; length++)
    codes.add(codeOf(() => judge(bytes.subarray(0, length))));
  return [...codes].sort();
}
