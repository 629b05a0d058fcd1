/** How often the main thread is asked for a sign of life, in milliseconds. */
const SAMPLE_MS = 500;
/** Samples kept: 15 seconds. */
const KEPT = 30;

/** How late the main thread does what it was to do: a timer that comes late shows what else came late. */
export class LoopLag {
  readonly #late: number[] = [];
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  start(): void {
    let due = this.#now() + SAMPLE_MS;
    this.#timer = setInterval(() => {
      const now = this.#now();
      this.#late.push(Math.max(0, now - due));
      if (this.#late.length > KEPT) this.#late.shift();
      due = now + SAMPLE_MS;
    }, SAMPLE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The worst of the last `ms` milliseconds (15 seconds at most), in milliseconds. */
  worst(ms = KEPT * SAMPLE_MS): number {
    return Math.max(0, ...this.#late.slice(-Math.max(1, Math.ceil(ms / SAMPLE_MS))));
  }
}
