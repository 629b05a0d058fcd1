/** Delays in milliseconds between attempts to reach a broker: quick at first, then patient. */
const DELAYS_MS = [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;
/** Share by which a delay is moved at random, so that a thousand devices do not come back in one instant. */
const JITTER = 0.2;

/** Milliseconds to wait before attempt number `attempt` (from 0). `random`: 0 to 1. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  const delay = DELAYS_MS[Math.min(attempt, DELAYS_MS.length - 1)] ?? DELAYS_MS[0];
  return Math.round(delay * (1 + JITTER * (2 * random() - 1)));
}
