import type { FreshUntil } from './fresh-until.js';

/** How a device stands to what its fleet last told it. */
export interface Freshness {
  /** `stale`: nothing was heard for too long. `behind`: there is a deployment that has not come through. */
  readonly state: 'fresh' | 'stale' | 'behind';
  /** Unix seconds: until when it is fresh, or since when it is not. */
  readonly at: number;
  /** Components whose newest deployment this device has not seen. */
  readonly missing: readonly string[];
}

/**
 * Judges a verified statement. `now`: Unix seconds that have certainly passed; `seen`: highest sequence number that
 * the device has judged for a component, whatever came of it.
 */
export function freshness(
  { issued, until, newest }: FreshUntil,
  now: number,
  seen: (component: string) => number,
): Freshness {
  const missing = [...newest]
    .filter(([component, sequence]) => seen(component) < sequence)
    .map(([name]) => name);
  if (now >= until) return { state: 'stale', at: until, missing };
  return missing.length > 0
    ? { state: 'behind', at: issued, missing }
    : { state: 'fresh', at: until, missing };
}

/** `fresh until 2027-01-31T00:00Z`, `stale since …`, `behind with lamp, fan`. */
export function freshnessText({ state, at, missing }: Freshness): string {
  const behind = missing.length === 0 ? '' : `behind with ${missing.join(', ')}`;
  if (state === 'behind') return behind;
  const date = new Date(at * 1000);
  const when = Number.isNaN(date.getTime()) ? `${at} s after 1970` : `${date.toISOString().slice(0, 16)}Z`;
  const text =
    state === 'fresh' ? `fresh until ${when}` : `stale since ${when}: nothing was heard of the fleet`;
  return behind === '' ? text : `${text}, ${behind}`;
}
