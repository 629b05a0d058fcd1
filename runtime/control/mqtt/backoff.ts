import { delayOf, jittered } from '../../base/retry.js';

/** Delays in milliseconds between attempts to reach a broker: quick at first, then patient. */
const DELAYS_MS = [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;
/**
 * Shares by which the first of them are moved at random. All devices lose a broker in the same instant: the first
 * attempts spread them as widely as their delays allow, later ones need to add little.
 */
const SPREAD = [1, 0.5, 0.5, 0.5] as const;

/** Milliseconds to wait before attempt number `attempt` (from 0). `random`: 0 to 1. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  return jittered(delayOf(DELAYS_MS, attempt), random, SPREAD[attempt]);
}
