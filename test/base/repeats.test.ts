import { expect, it } from 'vitest';
import { Repeats } from '#runtime/base/repeats.js';

it('a line that comes again and again is written once a minute, with how often it was not', () => {
  let now = 0;
  const repeats = new Repeats(() => now);
  const at = (time: number, line: string) => {
    now = time;
    return repeats.admit(line);
  };
  expect(at(0, 'a')).toEqual({});
  expect(at(1, 'b')).toEqual({});
  for (let n = 0; n < 100; n++) expect(at(500 * n, 'a')).toBeUndefined();
  expect(at(59_999, 'a')).toBeUndefined();
  expect(at(60_000, 'a')).toEqual({ again: 101 });
  expect(at(60_001, 'b')).toEqual({});
  expect(at(119_999, 'a')).toBeUndefined();
});

it('however many different ones there are, few are remembered', () => {
  const repeats = new Repeats(() => 0);
  for (let n = 0; n < 1_000; n++) expect(repeats.admit(`${n}`)).toEqual({});
  expect(repeats.admit('999')).toBeUndefined();
  expect(repeats.admit('0')).toEqual({});
});
