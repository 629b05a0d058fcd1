/** Milliseconds after which what got no answer is asked for again: quick at first. */
export const RETRIES_MS: readonly number[] = [1_000, 2_000, 4_000];
/** Milliseconds between further attempts, the last one over and over: then patient, as Home Assistant is. */
export const BACKOFF_MS: readonly number[] = [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000];

/** Share by which a delay is moved at random, so that a thousand devices do not ask in one instant. */
const JITTER = 0.2;

/** Number `attempt` (from 0) of `delays`, the last one over and over. */
export function delayOf(delays: readonly number[], attempt: number): number {
  return delays[Math.min(attempt, delays.length - 1)] ?? 0;
}

/** `ms`, give or take `share` of it, a fifth by default. `random`: 0 to 1. */
export function jittered(ms: number, random: () => number = Math.random, share = JITTER): number {
  return Math.round(ms * (1 + share * (2 * random() - 1)));
}
