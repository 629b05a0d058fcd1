import { IotError } from '../base/errors.js';
import type { LogSelection } from '../control/protocol/messages.js';
import { parseDuration } from './duration.js';

/** Begins with a date, as ISO 8601 writes it. */
const DATE = /^\d{4}-\d{2}-\d{2}/;

/**
 * `10m`: so long before now, by the device's clock, which need not be this machine's. `2030-01-31T12:00Z`: a moment;
 * without a zone it is local time. Throws E_USAGE.
 */
export function parseSince(text: string): Pick<LogSelection, 'since' | 'sinceMs'> {
  if (!DATE.test(text)) return { sinceMs: parseDuration(text) };
  // A date alone would be taken for midnight in UTC.
  const since = new Date(text.length === 10 ? `${text}T00:00` : text).getTime();
  if (!Number.isNaN(since)) return { since };
  throw new IotError('E_USAGE', `"${text}" is not a moment`, {
    hint: 'write it like 10m, 2h, 2030-01-31 or 2030-01-31T12:00Z',
  });
}
