import { BUILT } from '../base/version.js';
import type { Clock } from './clock.js';
import type { StateRecord } from './storage/record.js';
import type { Store } from './storage/store.js';

/** Unix seconds. Those of a clock that is not trusted have certainly passed, and that is all they say. */
export interface Now {
  readonly seconds: number;
  readonly trusted: boolean;
}

/**
 * How far one run of the host may raise the floor beyond the time that it runs, in seconds. A clock that is set to a
 * wild future costs the device at most this much: for so long it then takes its clock for one that was not set.
 */
export const MAX_LEAP_SECONDS = 90 * 86_400;

/**
 * Time for a device that may have no clock. The floor has certainly passed: the host was built then, the newest trust
 * document signed, or a trusted clock showed it. Sequence numbers are no part of it, although they often are Unix
 * seconds: a stolen release key could choose one that nothing takes back.
 */
export class Time {
  private limit = 0;
  private startedAt = 0;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {}

  /** Call it when the record has been read. */
  start(): void {
    this.startedAt = this.uptime();
    this.limit = this.floor() + MAX_LEAP_SECONDS;
  }

  now(): Now {
    const floor = this.floor();
    const shown = this.shown();
    // A clock that shows what has certainly passed was not set yet, whatever it says of itself.
    const trusted = this.clock.trusted() && shown >= floor;
    return { seconds: trusted ? shown : floor, trusted };
  }

  /** `state` with what a trusted clock shows now, to be written with whatever is written anyway. */
  raise(state: StateRecord): StateRecord {
    return this.clock.trusted() ? this.raiseTo(state, this.shown()) : state;
  }

  /**
   * `state` with a moment (Unix seconds) that somebody who is believed says has passed. No further than a clock may go:
   * keys that are online get stolen.
   */
  raiseTo(state: StateRecord, seconds: number): StateRecord {
    const most = this.limit + Math.floor((this.uptime() - this.startedAt) / 1000);
    const timeFloor = Math.max(state.timeFloor, Math.min(seconds, most));
    return timeFloor === state.timeFloor ? state : { ...state, timeFloor };
  }

  private floor(): number {
    return Math.max(BUILT, this.store.current.timeFloor);
  }

  private shown(): number {
    return Math.max(0, Math.floor(this.clock.now() / 1000));
  }

  private uptime(): number {
    return this.clock.uptime?.() ?? 0;
  }
}
