import { IotError } from '../../../base/errors.js';
import { equalBytes } from '../../../trust/cbor/bytes.js';
import { keyName } from '../../../trust/cose/key.js';
import { encodeTrustDocument } from '../../../trust/document/codec.js';
import {
  checkTrustDocument,
  type FloorReset,
  type Role,
  type RoleName,
  type TrustDocument,
} from '../../../trust/document/document.js';
import type { ComponentId } from '../../../trust/suit/component.js';
import { componentKey } from '../../../trust/suit/component.js';
import type { Version } from '../../../trust/suit/version.js';

type ByRole<T> = ReadonlyMap<RoleName, T>;

/** What the next version of a trust document does otherwise. */
export interface Edit {
  /** Raw public keys that get a role. */
  readonly add?: ByRole<readonly Uint8Array[]>;
  /** Names (thumbprints) of keys that lose a role. */
  readonly remove?: ByRole<readonly string[]>;
  readonly thresholds?: ByRole<number>;
  readonly components?: ByRole<readonly ComponentId[]>;
  readonly capabilities?: ByRole<readonly string[]>;
  readonly mayGrow?: ByRole<boolean>;
  /** Unix seconds; `null` takes the date away. */
  readonly expires?: number | null;
  readonly minimumHost?: Version;
  readonly floorResets?: readonly FloorReset[];
  /** SHA-256 of modules that must never run, and of such that may again. */
  readonly block?: readonly Uint8Array[];
  readonly unblock?: readonly Uint8Array[];
}

/** Keys of these sign neither modules nor claims, whatever else they do. */
export const SIGNS_NO_MODULES: ReadonlySet<RoleName> = new Set(['root', 'control', 'fresh']);
const WITHOUT_MODULES = { components: [], capabilities: [] } as const;

/** Version 0, which no device ever gets: what the first version is made from. */
export const NOTHING: TrustDocument = {
  version: 0,
  issued: 0,
  keys: new Map(),
  roles: new Map(),
  floorResets: [],
  blocked: [],
};

/**
 * The version after `before`, or `before` itself when that would say the same. Floor resets are handed on: a device
 * makes those that the version before did not have, so one that is given this version without the one between misses
 * none. Throws E_CONFIG for what no device would accept, with the line
 * that mends it; E_KEY for a weak key.
 */
export function nextDocument(before: TrustDocument, edit: Edit, issued: number): TrustDocument {
  const roles = editRoles(before, edit);
  for (const [name, role] of roles) requireEnough(name, role, before.roles.get(name));
  const next: TrustDocument = {
    version: before.version + 1,
    // A machine whose clock is behind must not make a document that seems older than the one before it.
    issued: Math.max(issued, before.issued),
    expires: edit.expires === undefined ? before.expires : (edit.expires ?? undefined),
    keys: keysInUse(before, edit, roles),
    roles,
    floorResets: distinctResets([...before.floorResets, ...(edit.floorResets ?? [])]),
    blocked: editBlocked(before.blocked, edit),
    minimumHost: edit.minimumHost ?? before.minimumHost,
  };
  if (saysTheSame(before, next)) return before;
  checkTrustDocument(next);
  return next;
}

function editRoles(before: TrustDocument, edit: Edit): Map<RoleName, Role> {
  const { add, remove, thresholds, components, capabilities, mayGrow } = edit;
  const roles = new Map(before.roles);
  const names = [add, remove, thresholds, components, capabilities, mayGrow].flatMap((map) => [
    ...(map?.keys() ?? []),
  ]);
  for (const name of new Set<RoleName>(names)) {
    const role = roles.get(name) ?? newRole(name);
    const gone = remove?.get(name) ?? [];
    const kept = role.keys.filter((key) => !gone.includes(key));
    const fresh = (add?.get(name) ?? []).map(keyName).filter((key) => !kept.includes(key));
    roles.set(name, {
      keys: [...kept, ...new Set(fresh)],
      threshold: thresholds?.get(name) ?? role.threshold,
      components: components?.get(name) ?? role.components,
      capabilities: capabilities?.get(name) ?? role.capabilities,
      mayGrow: mayGrow?.get(name) ?? role.mayGrow,
    });
  }
  return roles;
}

function newRole(name: RoleName): Role {
  const limits = SIGNS_NO_MODULES.has(name) ? WITHOUT_MODULES : {};
  return { keys: [], threshold: 1, components: [[]], capabilities: ['*'], mayGrow: true, ...limits };
}

/** A role that nobody can fill any more would lock everybody out. */
function requireEnough(name: RoleName, { keys, threshold }: Role, before: Role | undefined): void {
  if (threshold <= keys.length) return;
  const count = `${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`;
  const text = `role ${name} would have ${count}, and ${threshold} must sign`;
  const raised = before === undefined || threshold > before.threshold;
  const replace = `iot-host keys rotate ${name}, which puts a new key in its place`;
  const more = `iot-host keys trust --${name} KEY`;
  const lower = keys.length === 0 ? '' : `, or accept fewer signatures: --threshold ${name}=${keys.length}`;
  throw new IotError('E_CONFIG', text, {
    hint: raised ? `add another one first: ${more}` : `${replace}; or add another one first: ${more}${lower}`,
  });
}

/** A key without a role is not kept: what a document does not name is revoked. */
function keysInUse(
  before: TrustDocument,
  edit: Edit,
  roles: ReadonlyMap<RoleName, Role>,
): Map<string, Uint8Array> {
  const added = [...(edit.add?.values() ?? [])].flat().map((key) => [keyName(key), key] as const);
  const known = new Map([...before.keys, ...added]);
  const used = new Set([...roles.values()].flatMap(({ keys }) => keys));
  return new Map([...known].filter(([name]) => used.has(name)));
}

function editBlocked(before: readonly Uint8Array[], { block = [], unblock = [] }: Edit): Uint8Array[] {
  const blocked = before.filter((digest) => !unblock.some((other) => equalBytes(other, digest)));
  for (const digest of block) {
    if (!blocked.some((other) => equalBytes(other, digest))) blocked.push(digest);
  }
  return blocked;
}

function saysTheSame(before: TrustDocument, next: TrustDocument): boolean {
  if (before.version === 0) return false;
  const { version, issued } = before;
  const undated = { ...next, version, issued };
  return equalBytes(encodeTrustDocument(undated), encodeTrustDocument(before));
}

/** Of two resets of one component the later one holds. */
export function distinctResets(resets: readonly FloorReset[]): FloorReset[] {
  return [...new Map(resets.map((reset) => [componentKey(reset.component), reset])).values()];
}
