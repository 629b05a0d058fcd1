import { RUNNING } from './protocol.js';

/** How often the watchdog looks, and what it grants beyond a deadline so that the engine's own limits come first. */
const WATCH_MS = 20;
const GRACE_MS = 50;
/** Looks at a cell that owes nothing before it stops looking: to start and stop for each message would cost more. */
const IDLE_LOOKS = 5;

interface Watched {
  /** Whether anything was sent that has not come back. */
  owes(): boolean;
  /** Milliseconds that the call or load with this id may take. */
  allowed(id: number): number;
  /** What runs did not end in time. */
  overdue(allowedMs: number): void;
}

/**
 * Looks from the main thread at what runs in a cell. The running call is read from shared memory: the thread itself
 * may be unable to say anything.
 */
export class Watchdog {
  readonly #shared: Int32Array;
  readonly #watched: Watched;
  #timer: NodeJS.Timeout | undefined;
  #idleLooks = 0;
  #seen = { id: 0, since: 0 };
  #answeredAt = 0;

  constructor(shared: Int32Array, watched: Watched) {
    this.#shared = shared;
    this.#watched = watched;
  }

  /** Something was sent. */
  start(): void {
    this.#idleLooks = 0;
    this.#timer ??= setInterval(() => this.#look(), WATCH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** An awaited host call was answered; none is made after the deadline of a call. */
  answered(): void {
    this.#answeredAt = performance.now();
  }

  #look(): void {
    if (!this.#watched.owes()) {
      this.#idleLooks += 1;
      if (this.#idleLooks >= IDLE_LOOKS) this.stop();
      return;
    }
    const id = Atomics.load(this.#shared, RUNNING);
    const now = performance.now();
    if (id !== this.#seen.id) this.#seen = { id, since: now };
    if (id === 0) return;
    const allowed = this.#watched.allowed(id);
    // An answer that came with the deadline wakes the thread a moment later: that it slept till then is no fault.
    if (now <= Math.max(this.#seen.since + allowed, this.#answeredAt) + GRACE_MS) return;
    this.#watched.overdue(allowed);
  }
}
