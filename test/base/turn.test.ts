import { expect, it } from 'vitest';
import { libc } from '#runtime/base/linux/libc.js';
import { howToLetOthersRun } from '#runtime/base/linux/turn.js';

it('lets other threads go first on the only processor, and only there', () => {
  let yields = 0;
  const system = () => ({ schedYield: () => ++yields });
  howToLetOthersRun(1, system)();
  expect(yields).toBe(1);
  howToLetOthersRun(2, system)();
  expect(yields).toBe(1);
});

it('does without the C library', () => {
  const missing = () => {
    throw new Error('koffi is not installed');
  };
  expect(() => howToLetOthersRun(1, missing)()).not.toThrow();
});

it('asks the real one', () => {
  expect(libc().schedYield()).toBe(0);
});
