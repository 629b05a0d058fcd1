import { describe, expect, it } from 'vitest';
import { Backoff } from '#runtime/host/backoff.js';

const STEPS = [100, 500, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000];

describe('the waits between restarts', () => {
  it('grow step by step and stay at the last, though waiting takes longer than being healthy', () => {
    let now = 0;
    const backoff = new Backoff(
      () => now,
      () => 0.5,
    );
    const waits = Array.from({ length: 12 }, () => {
      const wait = backoff.next();
      now += wait + 5;
      return Math.round(wait);
    });
    expect(waits).toEqual([...STEPS, 80_000, 80_000, 80_000, 80_000]);
  });

  it('begin anew after a minute without a fault', () => {
    let now = 0;
    const backoff = new Backoff(
      () => now,
      () => 0.5,
    );
    for (let n = 0; n < 4; n++) now += backoff.next();
    now += 60_001;
    expect(backoff.next()).toBe(100);
    expect(backoff.next()).toBe(500);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('vary by 20 %', () => {
    expect(
      new Backoff(
        () => 0,
        () => 0,
      ).next(),
    ).toBeCloseTo(80);
    expect(
      new Backoff(
        () => 0,
        () => 1,
      ).next(),
    ).toBeCloseTo(120);
  });
});
