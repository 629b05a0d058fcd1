import { expect, it } from 'vitest';
import { nearest } from '#runtime/base/nearest.js';

it('finds what was meant, and nothing when nothing is close', () => {
  const words = ['bind', 'call', 'push', 'providers'];
  const cases: [string, string | undefined][] = [
    ['psuh', 'push'],
    ['PUSH', 'push'],
    ['provider', 'providers'],
    ['bidn', 'bind'],
    ['zzzzzz', undefined],
    ['', undefined],
  ];
  for (const [typed, expected] of cases) expect(nearest(typed, words), typed).toBe(expected);
  expect(nearest('x', ['ab'])).toBeUndefined();
});
