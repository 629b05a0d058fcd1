import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type RolloutOptions,
  rollout,
  type Verdict,
  type WaveEnd,
  waveBounds,
} from '#runtime/control/client/rollout.js';

const SEED = { seed: 20261126, numRuns: 300 };
const verdicts = fc.array(fc.constantFrom<Verdict>('ok', 'ok', 'ok', 'failed', 'unreached'), {
  maxLength: 60,
});
const waveEnds = fc.array(
  fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 70 }) }),
    fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  ),
  { maxLength: 4 },
);
const orders = fc.array(fc.nat({ max: 3 }), { maxLength: 60 });

/** Targets are the verdicts that they will come to, each after as many turns as `order` says. */
async function run(fate: Verdict[], more: Partial<RolloutOptions<number, Verdict>>, order: number[] = []) {
  const begun: number[] = [];
  let under = 0;
  let most = 0;
  const report = await rollout<number, Verdict>({
    targets: fate.map((_, at) => at),
    maxParallel: 2,
    verdict: (verdict) => verdict,
    ...more,
    deliver: async (at) => {
      begun.push(at);
      most = Math.max(most, ++under);
      for (let turn = 0; turn <= (order[at] ?? 0); turn++) await new Promise(setImmediate);
      under--;
      return fate[at] ?? 'ok';
    },
  });
  return { ...report, begun, most };
}

const count = (results: readonly (Verdict | undefined)[], verdict: Verdict) =>
  results.filter((result) => result === verdict).length;

describe('waves', () => {
  it('end where they are said to, and the last one takes whoever is left', () => {
    const ends: WaveEnd[] = [{ count: 1 }, { percent: 10 }, { percent: 100 }];
    expect(waveBounds(ends, 200)).toEqual([1, 20, 200]);
    expect(waveBounds(ends, 11)).toEqual([1, 2, 11]);
    expect(waveBounds(ends, 5)).toEqual([1, 5]);
    expect(waveBounds(ends, 1)).toEqual([1]);
    expect(waveBounds([], 7)).toEqual([7]);
    expect(waveBounds([{ percent: 50 }, { count: 2 }], 10)).toEqual([5, 10]);
    expect(waveBounds(ends, 0)).toEqual([]);
  });

  it('rise strictly and reach everybody', () => {
    fc.assert(
      fc.property(waveEnds, fc.nat({ max: 300 }), (ends, total) => {
        const bounds = waveBounds(ends, total);
        expect([...new Set(bounds)].sort((a, b) => a - b)).toEqual(bounds);
        expect(bounds.at(-1) ?? 0).toBe(total);
      }),
      SEED,
    );
  });
});

describe('a rollout', () => {
  it('begins nobody twice, nobody out of turn, never more at a time, and knows every result', async () => {
    await fc.assert(
      fc.asyncProperty(
        verdicts,
        waveEnds,
        orders,
        fc.integer({ min: 1, max: 9 }),
        fc.nat({ max: 100 }),
        async (fate, waves, order, maxParallel, maxFailed) => {
          const {
            results,
            begun,
            most,
            waves: done,
            stopped,
          } = await run(fate, { waves, maxParallel, maxFailed }, order);
          expect(begun).toEqual(begun.map((_, at) => at));
          expect(most).toBeLessThanOrEqual(maxParallel);
          expect(results).toEqual(fate.map((verdict, at) => (at < begun.length ? verdict : undefined)));
          for (const verdict of ['ok', 'failed', 'unreached'] as const) {
            expect(done.reduce((sum, wave) => sum + wave[verdict], 0)).toBe(count(results, verdict));
          }
          if (begun.length < fate.length) expect(stopped).toBeDefined();
        },
      ),
      SEED,
    );
  });

  it('begins no wave before the one before it has ended and has shown enough', async () => {
    await fc.assert(
      fc.asyncProperty(
        verdicts,
        waveEnds,
        orders,
        fc.nat({ max: 100 }),
        async (fate, waves, order, maxFailed) => {
          const events: string[] = [];
          let ended = 0;
          const { results } = await run(
            fate,
            {
              waves,
              maxFailed,
              maxParallel: 4,
              verdict: (verdict) => {
                ended++;
                return verdict;
              },
              onWave: (wave, event) => events.push(`${wave.number} ${event} ${ended}`),
            },
            order,
          );
          const bounds = [0, ...waveBounds(waves, fate.length)];
          for (const [at, line] of events.entries()) {
            const [number, event, after] = line.split(' ');
            expect([Number(number), event]).toEqual([
              Math.floor(at / 2) + 1,
              at % 2 === 0 ? 'begins' : 'ends',
            ]);
            if (event === 'begins') expect(Number(after)).toBe(bounds[Number(number) - 1]);
            // All that came before it allow the next wave.
            if (event !== 'begins' || number === '1') continue;
            const before = results.slice(0, Number(after));
            const last = results.slice(bounds[Number(number) - 2], Number(after));
            for (const some of [before, last]) {
              const failed = count(some, 'failed');
              expect(failed * 100).toBeLessThanOrEqual(maxFailed * (failed + count(some, 'ok')));
            }
            expect(count(last, 'ok')).toBeGreaterThan(0);
          }
        },
      ),
      SEED,
    );
  });

  it('goes on as long as no more than the share fail', async () => {
    await fc.assert(
      fc.asyncProperty(verdicts, orders, async (fate, order) => {
        const failed = count(fate, 'failed');
        const share = Math.ceil((100 * failed) / Math.max(1, failed + count(fate, 'ok')));
        const fine = await run(fate, { maxFailed: share }, order);
        expect(fine.stopped).toBeUndefined();
        expect(fine.begun).toHaveLength(fate.length);
        expect((await run(fate, {}, order)).stopped).toBeUndefined();
      }),
      SEED,
    );
  });

  it('stops within a wave once more have failed than it may have, and lets end what is under way', async () => {
    const fate = Array.from({ length: 100 }, (): Verdict => 'failed');
    const bad = await run(fate, { maxFailed: 10, maxParallel: 4 });
    expect(bad.stopped).toBe('failed');
    // Eleven had to fail; of the others only those go on that were under way by then.
    expect(bad.begun.length).toBeGreaterThanOrEqual(11);
    expect(bad.begun.length).toBeLessThan(11 + 4);
    expect(count(bad.results, 'failed')).toBe(bad.begun.length);
    const first = await run(fate, { waves: [{ count: 1 }, { percent: 10 }], maxFailed: 10 });
    expect(first).toMatchObject({
      begun: [0],
      stopped: 'failed',
      waves: [{ number: 1, of: 3, size: 1, failed: 1 }],
    });
  });

  it('does not go on from a wave that nobody was there for', async () => {
    const fate: Verdict[] = ['unreached', 'ok', 'ok'];
    expect(await run(fate, { waves: [{ count: 1 }] })).toMatchObject({ begun: [0], stopped: 'unproven' });
    const off = await run(['unreached', 'unreached'], {});
    expect(off.begun).toEqual([0, 1]);
    expect(off.stopped).toBeUndefined();
  });

  it('begins nobody else after the signal, and passes on what a delivery throws when the others have ended', async () => {
    const leaving = new AbortController();
    const fate = Array.from({ length: 9 }, (): Verdict => 'ok');
    const verdict = (one: Verdict) => {
      leaving.abort();
      return one;
    };
    const interrupted = await run(fate, {
      verdict,
      signal: leaving.signal,
      maxParallel: 3,
      waves: [{ count: 3 }],
    });
    expect(interrupted).toMatchObject({ begun: [0, 1, 2], stopped: 'interrupted' });
    const ended: number[] = [];
    const broken = rollout<number, Verdict>({
      targets: [0, 1, 2, 3, 4],
      maxParallel: 2,
      verdict: () => 'ok',
      deliver: async (at) => {
        if (at === 1) throw new Error('broken');
        await new Promise((resolve) => setTimeout(resolve, 20));
        ended.push(at);
        return 'ok';
      },
    });
    await expect(broken).rejects.toThrow('broken');
    expect(ended).toEqual([0]);
  });
});
