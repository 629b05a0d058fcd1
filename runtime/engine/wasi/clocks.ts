import type { GuestClock } from '../engine.js';

const REALTIME = 0;
const MONOTONIC = 1;

/** What `clock_res_get` says: one microsecond, in nanoseconds. */
export const CLOCK_RESOLUTION = 1000n;

/** Nanoseconds of a WASI clock; `undefined` for the CPU clocks and unknown ones. */
export function clockNow(clock: GuestClock, id: number): bigint | undefined {
  if (id === REALTIME) return clock.realtime();
  if (id === MONOTONIC) return clock.monotonic();
  return undefined;
}

export function isClock(id: number): boolean {
  return id === REALTIME || id === MONOTONIC;
}
