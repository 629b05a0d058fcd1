import type { Clock } from '#runtime/ota/index.js';

interface Timer {
  readonly at: number;
  readonly ms: number;
  readonly run: () => void;
}

/** Time that only moves when a test says so; a delay of 0 ms is over at once. */
export class ManualClock implements Clock {
  private timers: Timer[] = [];
  isTrusted = true;

  /** Starts at some second of 2027. */
  constructor(private ms = 1_800_000_000_000) {}

  now(): number {
    return this.ms;
  }

  /** Somebody sets the clock; timers do not notice. */
  set(unixMs: number): void {
    this.ms = unixMs;
  }

  trusted(): boolean {
    return this.isTrusted;
  }

  after(ms: number, run: () => void): () => void {
    if (ms === 0) {
      queueMicrotask(run);
      return () => {};
    }
    const timer = { at: this.ms + ms, ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Waits until somebody waits for exactly `ms`, then lets that time pass. */
  async elapse(ms: number): Promise<void> {
    while (!this.timers.some((timer) => timer.ms === ms)) await new Promise(setImmediate);
    this.pass(ms);
  }

  /** Lets time pass until the next timer; false when nobody waits. */
  next(): boolean {
    if (this.timers.length === 0) return false;
    this.pass(Math.min(...this.timers.map(({ at }) => at)) - this.ms);
    return true;
  }

  private pass(ms: number): void {
    this.ms += ms;
    const due = this.timers.filter((timer) => timer.at <= this.ms);
    this.timers = this.timers.filter((timer) => timer.at > this.ms);
    for (const timer of due) timer.run();
  }
}
