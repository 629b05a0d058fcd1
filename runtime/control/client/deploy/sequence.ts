import { IotError } from '../../../base/errors.js';
import type { UpdateStatus } from '../../protocol/messages.js';
import type { Desired } from '../desired.js';

/** Seconds by which a floor may be ahead of the clock: beyond it somebody has made it up, or a key was stolen. */
const MAX_AHEAD_SECONDS = 366 * 24 * 3_600;

/**
 * The larger of Unix seconds and what outdoes the device's floors and all that still waits for it. Reported numbers
 * are not signed: one far ahead of the clock would use up the numbers of the years until then (E_USAGE).
 */
export function nextSequence(
  device: string,
  statuses: readonly UpdateStatus[],
  waiting: readonly Desired[],
  now = Math.floor(Date.now() / 1000),
): number {
  const floor = Math.max(0, ...statuses.map((status) => status.floor));
  if (floor > now + MAX_AHEAD_SECONDS) {
    throw new IotError(
      'E_USAGE',
      `device ${device} reports sequence number ${floor}, years ahead of the clock`,
      {
        hint: `set this machine's clock, or give a sequence number above ${floor} yourself`,
      },
    );
  }
  // One that is still waiting and was made in this very second is outdone as well.
  const rivals = waiting
    .map(({ sequence }) => sequence)
    .filter((sequence) => sequence <= now + MAX_AHEAD_SECONDS);
  return Math.max(now, floor + 1, ...rivals.map((sequence) => sequence + 1));
}
