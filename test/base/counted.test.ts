import { expect, it } from 'vitest';
import { counted } from '#runtime/base/counted.js';

it('one is no plural, none is', () => {
  expect([0, 1, 2].map((count) => counted(count, 'actor'))).toEqual(['0 actors', '1 actor', '2 actors']);
});
