import { expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { checkShape } from '#runtime/base/config/shape.js';
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

it('what others word is not compared letter by letter when it is too long, or will not be named', () => {
  const compared = vi.spyOn(String.prototype, 'toLowerCase');
  onTestFinished(() => compared.mockRestore());
  expect(nearest('push'.repeat(100), ['push', 'pull'])).toBeUndefined();
  expect(compared).not.toHaveBeenCalled();
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, 0]));
  expect(() => checkShape(z.strictObject({ key: z.number().optional() }), many)).toThrow('and 992 more');
  expect(compared.mock.calls.length).toBeLessThan(50);
});
