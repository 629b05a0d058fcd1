import { asIotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import { reconnectDelay } from '../mqtt/backoff.js';
import { pause } from '../mqtt/link.js';

/** Errors that say nothing of what was to be done: nobody was there. */
export const AWAY: ReadonlySet<ReasonCode> = new Set(['E_DEVICE_NOT_FOUND', 'E_BROKER_UNREACHABLE']);

/**
 * Does `work` again while it rejects with one of `AWAY` and something is left of `timeoutMs`: for a broker that was
 * there a moment ago, and may be starting again without knowing yet who else is there. `work` gets what is left.
 */
export async function patiently<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(Math.max(1, end - performance.now()));
    } catch (thrown) {
      const ms = reconnectDelay(attempt);
      const over = performance.now() + ms >= end || signal.aborted;
      if (over || !AWAY.has(asIotError(thrown).code)) throw thrown;
      await pause(ms, signal);
    }
  }
}
