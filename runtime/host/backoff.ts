/** Waits between restarts, in milliseconds; the last one repeats. */
const STEPS = [100, 500, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000] as const;
const JITTER = 0.2;
/** After this long without a fault the steps begin anew. */
const HEALTHY_MS = 60_000;

/** How long to wait before a faulty actor is started again: longer each time, with jitter of 20 %. */
export class Backoff {
  #failures = 0;
  /** When the actor runs again after the last fault. */
  #lastStart = Number.NEGATIVE_INFINITY;
  readonly #now: () => number;
  readonly #random: () => number;

  constructor(now: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
  }

  /** Counts a fault; milliseconds to wait. */
  next(): number {
    const now = this.#now();
    if (now - this.#lastStart > HEALTHY_MS) this.#failures = 0;
    const step = STEPS[Math.min(this.#failures, STEPS.length - 1)] ?? 0;
    this.#failures += 1;
    const waitMs = step * (1 + JITTER * (2 * this.#random() - 1));
    this.#lastStart = now + waitMs;
    return waitMs;
  }

  reset(): void {
    this.#failures = 0;
  }
}
