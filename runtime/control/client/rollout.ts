import { IotError } from '../../base/errors.js';

/** Where a wave ends: when so many devices, or this share of all of them, have had their turn. */
export type WaveEnd = { readonly count: number } | { readonly percent: number };

/**
 * What a delivery says of the release. `unreached`: nothing, since the device was off or the broker away; it counts
 * neither for nor against.
 */
export type Verdict = 'ok' | 'failed' | 'unreached';

export interface RolloutOptions<T, R> {
  /** In the order in which they have their turn. */
  readonly targets: readonly T[];
  /** Default: everybody in one wave. Whoever is left after the last one makes one more. */
  readonly waves?: readonly WaveEnd[] | undefined;
  /**
   * Per cent of those that ended: when more of them have failed, in a wave or in all, nobody else begins. Default 100,
   * which nothing exceeds.
   */
  readonly maxFailed?: number | undefined;
  /** Deliveries under way at a time, 1 or more. */
  readonly maxParallel: number;
  /** A rejection ends the rollout, and is rejected with when all others under way have ended. */
  readonly deliver: (target: T) => Promise<R>;
  readonly verdict: (result: R) => Verdict;
  /** Called before the first and after the last delivery of each wave. */
  readonly onWave?: ((wave: Wave, event: 'begins' | 'ends') => void) | undefined;
  /** Aborted, nobody else begins. */
  readonly signal?: AbortSignal | undefined;
}

export interface Wave {
  /** From 1. */
  readonly number: number;
  /** How many waves were meant to be. */
  readonly of: number;
  readonly size: number;
  readonly ok: number;
  readonly failed: number;
  readonly unreached: number;
}

/** `failed`: too many failed; `unproven`: nobody in a wave could show that it works; `interrupted`: by the signal. */
export type StopReason = 'failed' | 'unproven' | 'interrupted';

export interface RolloutReport<R> {
  /** For each target, in their order; `undefined` for one that was not begun. */
  readonly results: readonly (R | undefined)[];
  /** Those that were begun. */
  readonly waves: readonly Wave[];
  /** Why not everybody had their turn, or why it would not have gone on. */
  readonly stopped?: StopReason | undefined;
}

type Tally = { -readonly [K in keyof Wave]: Wave[K] };

/**
 * Delivers to `targets` wave after wave. It stops by itself: at once when the failures of a wave, or of all so far,
 * are more than `maxFailed` allows however the rest of the wave ends, and after a wave that shows too many of them
 * or, with others to come, no success at all. What is under way is never cut off.
 */
export async function rollout<T, R>(options: RolloutOptions<T, R>): Promise<RolloutReport<R>> {
  const { targets, waves: ends = [], maxFailed = 100, onWave, signal } = options;
  const results: (R | undefined)[] = targets.map(() => undefined);
  const waves: Tally[] = [];
  const bounds = waveBounds(ends, targets.length);
  let begin = 0;
  let stopped: StopReason | undefined;
  for (const [at, end] of bounds.entries()) {
    const wave = { number: at + 1, of: bounds.length, size: end - begin, ok: 0, failed: 0, unreached: 0 };
    waves.push(wave);
    onWave?.(wave, 'begins');
    stopped = await runWave(options, { begin, end }, results, waves);
    onWave?.(wave, 'ends');
    const last = at === bounds.length - 1;
    stopped ??= tooMany(waves, maxFailed, finished) ? 'failed' : undefined;
    stopped ??= !last && signal?.aborted === true ? 'interrupted' : undefined;
    stopped ??= !last && wave.ok === 0 ? 'unproven' : undefined;
    if (stopped !== undefined) break;
    begin = end;
  }
  return { results, waves, ...(stopped === undefined ? {} : { stopped }) };
}

/** The number of targets up to the end of each wave, rising, up to `total`. A wave in which nobody is left out is none. */
export function waveBounds(ends: readonly WaveEnd[], total: number): number[] {
  const bounds: number[] = [];
  for (const end of [...ends, { percent: 100 }]) {
    const bound = Math.min(total, 'count' in end ? end.count : Math.ceil((total * end.percent) / 100));
    if (bound > (bounds.at(-1) ?? 0)) bounds.push(bound);
  }
  return bounds;
}

async function runWave<T, R>(
  { targets, maxFailed = 100, maxParallel, deliver, verdict, signal }: RolloutOptions<T, R>,
  { begin, end }: { begin: number; end: number },
  results: (R | undefined)[],
  waves: readonly Tally[],
): Promise<StopReason | undefined> {
  const wave = waves.at(-1);
  if (wave === undefined || maxParallel < 1)
    throw new IotError('E_USAGE', 'a rollout does at least one at a time');
  let next = begin;
  let stopped: StopReason | undefined;
  let broken: { readonly thrown: unknown } | undefined;
  const worker = async () => {
    while (next < end && stopped === undefined && broken === undefined) {
      if (signal?.aborted === true) {
        stopped = 'interrupted';
        return;
      }
      const at = next++;
      try {
        const result = await deliver(targets[at] as T);
        results[at] = result;
        wave[verdict(result)]++;
      } catch (thrown) {
        broken ??= { thrown };
      }
      // Even if all that are still to end in this wave end well.
      if (tooMany(waves, maxFailed, ({ size, unreached }) => size - unreached)) stopped ??= 'failed';
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, end - begin) }, worker));
  if (broken !== undefined) throw broken.thrown;
  return stopped;
}

const finished = ({ ok, failed }: Wave) => ok + failed;

/** Whether the last of `waves`, or all together, have more failures than `maxFailed` of what `count` counts. */
function tooMany(waves: readonly Wave[], maxFailed: number, count: (wave: Wave) => number): boolean {
  const exceeds = (some: readonly Wave[]) => {
    const failed = some.reduce((sum, wave) => sum + wave.failed, 0);
    return failed * 100 > maxFailed * some.reduce((sum, wave) => sum + count(wave), 0);
  };
  return exceeds(waves.slice(-1)) || exceeds(waves);
}
