import type { ModuleClaims } from '../../trust/wascap/index.js';
import { instantText } from './instant.js';

/** Claims for a person, one a line; what they do not say is left out. */
export function claimsText(claims: ModuleClaims): string[] {
  const { issuer, subject, name, caps, tags, rev, ver, callAlias, provider, issuedAt, expires, notBefore } =
    claims;
  const revision = rev === undefined ? '' : ` (revision ${rev})`;
  return fields([
    ['name', name],
    ['module', subject],
    ['account', issuer],
    ['version', ver === undefined && rev === undefined ? undefined : `${ver ?? '-'}${revision}`],
    ['capabilities', caps.length === 0 ? 'none' : caps.join(', ')],
    ['tags', tags.length === 0 ? undefined : tags.join(', ')],
    ['call alias', callAlias],
    ['provider', provider ? 'yes' : undefined],
    ['signed', instantText(issuedAt)],
    ['valid from', notBefore === undefined ? undefined : instantText(notBefore)],
    ['expires', expires === undefined ? 'never' : instantText(expires)],
  ]);
}

/** `label  value` lines, lined up. */
export function fields(entries: readonly (readonly [label: string, value: string | undefined])[]): string[] {
  const width = Math.max(...entries.map(([label]) => label.length));
  return entries.flatMap(([label, value]) =>
    value === undefined || value === '' ? [] : [`${label.padEnd(width)}  ${printable(value)}`],
  );
}

/** A module is by a stranger: control characters must not reach the terminal. */
export const printable = (text: string) => text.replaceAll(/\p{Cc}/gu, '\ufffd');
