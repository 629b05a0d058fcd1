import { IotError } from '../../base/errors.js';

const SECONDS: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 };

/** `30d`, `12h`, `2w`, `1y` from `now`, or a date like `2030-01-31` (UTC). Unix seconds. Throws E_USAGE. */
export function parseInstant(text: string, now: number = Math.floor(Date.now() / 1000)): number {
  const [, amount, unit = ''] = /^(\d{1,6})([hdwy])$/.exec(text) ?? [];
  if (amount !== undefined) return now + Number(amount) * (SECONDS[unit] ?? 0);
  const date = /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return Math.floor(date / 1000);
  throw new IotError('E_USAGE', `"${text}" is neither a span of time nor a date`, {
    hint: 'write it like 12h, 30d, 2w, 1y or 2030-01-31',
  });
}

/** A date for a person: `2030-01-31 00:00 UTC`. */
export function instantText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? `${seconds} s after 1970`
    : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
