const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** So many faults within so many milliseconds are too many: all at once, or again and again. */
export const BURST = { faults: 3, withinMs: 10 * SECOND } as const;
export const SUSTAINED = { faults: 10, withinMs: 10 * MINUTE } as const;
/** How long an actor with too many faults is kept down, in milliseconds; the last one repeats. */
export const QUARANTINE_MS = [15 * MINUTE, 30 * MINUTE, 60 * MINUTE] as const;
/** One that was let out and runs for so long without a fault has a clean sheet. */
export const HEALTHY_MS = MINUTE;

/** Counts the faults of one actor and says when they are too many for it to be started again soon. */
export class Intensity {
  readonly #now: () => number;
  /** When the last ones were, at most `SUSTAINED.faults`. */
  #faults: number[] = [];
  #quarantines = 0;
  #letOutAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How often it was kept down without having been well in between; beyond the longest time it counts no further. */
  get level(): number {
    return this.#quarantines;
  }

  /** An earlier run of the host had kept it down so often: it is let out now. */
  restore(level: number): void {
    this.#quarantines = Math.min(level, QUARANTINE_MS.length);
    this.#letOutAt = this.#now();
  }

  /** Counts a fault. Milliseconds to keep the actor down; `undefined` when these are not too many. */
  count(): number | undefined {
    const now = this.#now();
    if (now - this.#letOutAt > HEALTHY_MS) this.#quarantines = 0;
    this.#faults = [...this.#faults, now].slice(-SUSTAINED.faults);
    // Let out to see whether it is any better: one fault says that it is not.
    const tooMany = this.#quarantines > 0 || this.#reached(BURST, now) || this.#reached(SUSTAINED, now);
    return tooMany ? this.#confine(now) : undefined;
  }

  /** Somebody vouches for it: a new module was kept, or it was started by hand. */
  reset(): void {
    this.#faults = [];
    this.#quarantines = 0;
  }

  #reached({ faults, withinMs }: { faults: number; withinMs: number }, now: number): boolean {
    const first = this.#faults.at(-faults);
    return first !== undefined && now - first <= withinMs;
  }

  #confine(now: number): number {
    const waitMs = QUARANTINE_MS[Math.min(this.#quarantines, QUARANTINE_MS.length - 1)] ?? 0;
    this.#quarantines = Math.min(this.#quarantines + 1, QUARANTINE_MS.length);
    this.#faults = [];
    this.#letOutAt = now + waitMs;
    return waitMs;
  }
}
