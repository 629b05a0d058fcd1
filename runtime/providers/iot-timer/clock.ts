import { existsSync } from 'node:fs';

/** Time as the provider sees it; tests put a hand-wound one in its place. */
export interface Clock {
  unixMs(): number;
  monotonicNs(): bigint;
  /** Calls `wake` once, not before `ms` have passed; the returned function prevents it. */
  wait(ms: number, wake: () => void): () => void;
}

/** Longest delay that `setTimeout` takes; a longer wait is made of several. */
const MAX_DELAY_MS = 0x7fff_ffff;

export const systemClock: Clock = {
  unixMs: Date.now,
  monotonicNs: () => process.hrtime.bigint(),
  wait(ms, wake) {
    const timeout = setTimeout(wake, Math.min(Math.ceil(ms), MAX_DELAY_MS));
    return () => clearTimeout(timeout);
  },
};

/** systemd-timesyncd makes this file once it has set the clock; it is gone after a reboot. */
const SYNCHRONISED = '/run/systemd/timesync/synchronized';

export type Trust = 'auto' | 'yes' | 'no';

/** `auto`: only when systemd-timesyncd says that it has set the clock. */
export function isTrusted(trust: Trust): boolean {
  return trust === 'auto' ? existsSync(SYNCHRONISED) : trust === 'yes';
}
