import { IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import type { RoleName } from '../../../trust/document/document.js';
import { hasKey } from '../folder.js';
import { resolvePublicKey } from '../public-key.js';
import type { Edit } from './edit.js';
import { type Issued, issue, signPending } from './issue.js';
import { findDocument } from './store.js';

/** Keys to trust: names, files, public keys or thumbprints, by role. */
export type Trusted = Readonly<Partial<Record<RoleName, readonly string[]>>>;

/** The key that gets each role when nothing else is said. */
const USUAL: Readonly<Partial<Record<RoleName, string>>> = {
  root: 'root',
  release: 'release',
  claims: 'account',
  control: 'control',
};

/**
 * Makes the trust document at `path`, or its next version with these keys and what `edit` says. A first one takes the
 * usual keys of the key folder where none are given; later ones do not, or a key that was revoked would come back by
 * itself. With nothing to change it signs the next version that waits for signatures. Throws as `issue`.
 */
export async function trustKeys(
  path: string,
  trusted: Trusted,
  edit: Edit,
  sign: readonly string[],
  environment: Environment,
): Promise<Issued> {
  if (asksNothing(trusted, edit)) {
    const pending = await signPending(path, sign, environment);
    if (pending !== undefined) return pending;
  }
  const first = (await findDocument(path)) === undefined;
  const add = await resolveAll(first ? await withUsual(trusted, environment) : trusted, environment);
  return issue(path, { ...edit, add }, sign, environment);
}

function asksNothing(trusted: Trusted, edit: Edit): boolean {
  const empty = (value: unknown) =>
    value === undefined ||
    (value instanceof Map && value.size === 0) ||
    (Array.isArray(value) && value.length === 0);
  return Object.keys(trusted).length === 0 && Object.values(edit).every(empty);
}

async function withUsual(trusted: Trusted, environment: Environment): Promise<Trusted> {
  if (Object.keys(trusted).length > 0) return { root: ['root'], ...trusted };
  const there: Partial<Record<RoleName, string[]>> = {};
  for (const [role, key] of Object.entries(USUAL)) {
    if (await hasKey(key, environment)) there[role as RoleName] = [key];
  }
  if (there.root !== undefined) return there;
  throw new IotError('E_KEY', 'there is no root key to begin a trust document with', {
    hint: 'iot-host keys gen',
  });
}

async function resolveAll(
  trusted: Trusted,
  environment: Environment,
): Promise<Map<RoleName, readonly Uint8Array[]>> {
  const wanted = new Map<RoleName, Uint8Array[]>();
  for (const [role, keys] of Object.entries(trusted)) {
    wanted.set(role as RoleName, await Promise.all(keys.map((key) => resolvePublicKey(key, environment))));
  }
  return wanted;
}
