import { IotError } from '../base/errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** What a timer can hold. */
const LONGEST_MS = 2 ** 31 - 1;

/** `500ms`, `60s`, `5m`, `1h`; a bare number is seconds. Milliseconds. Throws E_USAGE. */
export function parseDuration(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * (UNITS[unit] ?? Number.NaN));
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new IotError('E_USAGE', `"${text}" is not a time`, { hint: 'write it like 500ms, 60s, 5m or 1h' });
}

/** A whole number from 1 up. Throws E_USAGE. */
export function parseCount(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && Number.isSafeInteger(value)) return value;
  throw new IotError('E_USAGE', `"${text}" is not a whole number from 1 up`);
}
