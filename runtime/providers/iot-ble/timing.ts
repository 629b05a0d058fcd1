/** Time as the provider sees it; tests put one in its place that they move by hand. */
export interface Clock {
  /** Milliseconds, only ever going up. */
  now(): number;
  /** Calls `run` once after `ms`; the returned function prevents it. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export interface Timing {
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Longest wait for a connection, the search for the peripheral included. */
  readonly connectMs: number;
  /** Longest wait for the answer to one GATT operation. */
  readonly operationMs: number;
}

export const TIMING: Timing = {
  clock: systemClock,
  random: Math.random,
  connectMs: 20_000,
  operationMs: 10_000,
};

/** Milliseconds between attempts to get a lost peripheral back, the last one over and over. */
export const RECONNECT_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/** A connection that did not last so long counts as one more attempt that failed. */
export const STABLE_MS = 10_000;
