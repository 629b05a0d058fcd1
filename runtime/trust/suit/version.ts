import { IotError } from '../../base/errors.js';
import type { CborItem } from '../cbor/item.js';
import { asInt, asNonEmpty, wrong } from '../cbor/shape.js';

/**
 * A version as SUIT writes it (update management, `suit-set-version`): one to three numbers, then for a
 * pre-release its kind, -1 candidate, -2 beta or -3 alpha, and its number.
 */
export type Version = readonly number[];

const PRE_RELEASES: ReadonlyMap<string, number> = new Map([
  ['rc', -1],
  ['beta', -2],
  ['alpha', -3],
]);
const MAX_PARTS = 6;
const TEXT = /^(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-(rc|beta|alpha)(?:\.(\d{1,15}))?)?$/;

/** `1.2.3`, `1.2`, `1.2.3-rc.1` as numbers. Throws E_USAGE for what cannot be compared that way. */
export function parseVersion(text: string): Version {
  const match = TEXT.exec(text);
  if (match === null) {
    throw new IotError('E_USAGE', `version ${text} is not of the form 1.2.3 or 1.2.3-rc.1`);
  }
  const [, major, minor, patch, kind, number] = match;
  const release = [major, minor, patch].filter((part) => part !== undefined).map(Number);
  const marker = kind === undefined ? undefined : PRE_RELEASES.get(kind);
  if (marker === undefined) return release;
  return [...release, marker, ...(number === undefined ? [] : [Number(number)])];
}

/** The text that `parseVersion` would read back. */
export function versionText(version: Version): string {
  const at = version.findIndex((part) => part < 0);
  if (at < 0) return version.join('.');
  const kind = [...PRE_RELEASES].find(([, marker]) => marker === version[at])?.[0] ?? 'alpha';
  return `${version.slice(0, at).join('.')}-${[kind, ...version.slice(at + 1)].join('.')}`;
}

export function readVersion(item: CborItem, what: string): Version {
  const [, items] = asNonEmpty(item, what);
  if (items.length > MAX_PARTS) return wrong(item, what, `a version of at most ${MAX_PARTS} parts`);
  const parts = items.map((part) => asInt(part, what));
  const marker = parts.findIndex((part) => part < 0);
  const release = marker < 0 ? parts : parts.slice(0, marker);
  const numbered = marker < 0 || parts.slice(marker + 1).every((part) => part >= 0);
  const known = marker < 0 || [...PRE_RELEASES.values()].includes(parts[marker] ?? 0);
  if (
    release.length === 0 ||
    release.length > 3 ||
    parts.length - release.length > 2 ||
    !numbered ||
    !known
  ) {
    return wrong(item, what, 'a version');
  }
  return parts;
}

/** `suit-condition-version-comparison-*`. */
export const COMPARISONS = { '>': 1, '>=': 2, '==': 3, '<=': 4, '<': 5 } as const;
export type Comparison = keyof typeof COMPARISONS;

/** Whether `actual` stands in `comparison` to `wanted`; only as many parts count as `wanted` names. */
export function versionMatches(actual: Version, comparison: Comparison, wanted: Version): boolean {
  let order = 0;
  for (let index = 0; index < wanted.length && order === 0; index++) {
    order = (actual[index] ?? 0) - (wanted[index] ?? 0);
  }
  switch (comparison) {
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '==':
      return order === 0;
    case '<=':
      return order <= 0;
    case '<':
      return order < 0;
  }
}
