import type { HostClock } from '#runtime/host/clock.js';

interface Timer {
  readonly at: number;
  readonly ms: number;
  readonly run: () => void;
}

/** A clock that only a test moves: by so many milliseconds, or to the moment for which somebody waits. */
export class HandClock implements HostClock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The waits that are under way, in milliseconds as they were asked for. */
  waits(): number[] {
    return this.#timers.map(({ ms }) => ms);
  }

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }

  /** Lets time pass until the first timer, once there is one. */
  async next(): Promise<void> {
    while (this.#timers.length === 0) await new Promise(setImmediate);
    const first = Math.min(...this.#timers.map(({ at }) => at));
    this.pass(first - this.#now);
  }
}
