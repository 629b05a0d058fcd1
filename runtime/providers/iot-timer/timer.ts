import type { Deliver } from '../../base/contract.js';
import { asIotError } from '../../base/errors.js';
import { wasNotTaken } from '../../base/offer.js';
import type { Clock } from './clock.js';
import type { Tick } from './contract.js';

const NS_PER_MS = 1_000_000n;
/** Pause before an `After` that the actor could not take is offered again, in milliseconds. */
const RETRY_MS = 50;

/** A timer as it is handed from one implementation to the next. `dueAt` in milliseconds since 1970. */
export interface TimerState {
  readonly id: string;
  readonly kind: 'after' | 'every';
  readonly ms: number;
  readonly dueAt: number;
}

/** What a timer needs of its owner. */
export interface TimerHost {
  readonly clock: Clock;
  readonly deliver: Deliver;
  /** The timer has done all it had to. */
  done(timer: Timer): void;
  /** The actor failed at it, was not there or too busy. */
  failed(id: string, error: Error): void;
}

/** One registered timer: armed by `start`, silent after `stop`. */
export class Timer {
  #host: TimerHost | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    readonly id: string,
    readonly kind: 'after' | 'every',
    readonly ms: number,
    /** When the next tick is due, by the monotonic clock. */
    private dueNs: bigint,
  ) {}

  /** Arms it, or gives a running one another host. */
  start(host: TimerHost): void {
    const idle = this.#host === undefined;
    this.#host = host;
    if (idle) this.#arm();
  }

  stop(): void {
    this.#host = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  state(clock: Clock): TimerState {
    return { id: this.id, kind: this.kind, ms: this.ms, dueAt: toUnixMs(this.dueNs, clock) };
  }

  #arm(ms?: number): void {
    const host = this.#host;
    if (host === undefined) return;
    const left = ms ?? Number(this.dueNs - host.clock.monotonicNs()) / Number(NS_PER_MS);
    this.#cancel = host.clock.wait(Math.max(0, left), () => {
      const early = ms === undefined && host.clock.monotonicNs() < this.dueNs;
      if (early) this.#arm();
      else void this.#tick();
    });
  }

  async #tick(): Promise<void> {
    const host = this.#host;
    if (host === undefined) return;
    if (this.kind === 'every') this.#skipMissed(host.clock);
    const tick: Tick = { id: this.id, dueAt: toUnixMs(this.dueNs, host.clock), at: host.clock.unixMs() };
    let taken = true;
    try {
      await host.deliver('Tick', tick);
    } catch (thrown) {
      const error = asIotError(thrown);
      taken = !wasNotTaken(error);
      host.failed(this.id, error);
    }
    if (this.#host === undefined) return;
    if (this.kind === 'every') {
      this.dueNs += BigInt(this.ms) * NS_PER_MS;
      this.#arm();
    } else if (taken) {
      this.#host.done(this);
    } else {
      this.#arm(RETRY_MS);
    }
  }

  /** Moves `dueNs` to the latest multiple of the period that has passed. */
  #skipMissed(clock: Clock): void {
    const period = BigInt(this.ms) * NS_PER_MS;
    const late = clock.monotonicNs() - this.dueNs;
    if (late >= period) this.dueNs += (late / period) * period;
  }
}

function toUnixMs(ns: bigint, clock: Clock): number {
  return clock.unixMs() + Math.round(Number(ns - clock.monotonicNs()) / Number(NS_PER_MS));
}
