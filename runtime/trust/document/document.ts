import { counted } from '../../base/counted.js';
import { IotError } from '../../base/errors.js';
import { equalBytes } from '../cbor/bytes.js';
import { DIGEST_BYTES, type KeySet } from '../cose/authentication.js';
import { isEd25519, keyName, type PublicKey, refuseBadKey } from '../cose/key.js';
import { type ComponentId, componentKey, componentText, isUnder } from '../suit/component.js';
import type { Version } from '../suit/version.js';

/**
 * What keys may do. `root` replaces this document; `release` signs updates; `claims` issues the claims inside
 * modules; `control` signs requests to a device; `fresh` says what is the newest; `push` signs updates for devices
 * in development.
 */
export const ROLES = ['root', 'release', 'claims', 'control', 'fresh', 'push'] as const;
export type RoleName = (typeof ROLES)[number];

export interface Role {
  /** Names (thumbprints) of its keys. */
  readonly keys: readonly string[];
  /** How many different keys must sign. */
  readonly threshold: number;
  /** Component prefixes it may update. `[[]]`, the empty prefix, is every component; `[]` is none. */
  readonly components: readonly ComponentId[];
  /** The contracts that what it signs may use; `*` is every contract, `[]` none. */
  readonly capabilities: readonly string[];
  /** Whether an update may use contracts that the version before it did not. */
  readonly mayGrow: boolean;
}

/** The sequence number from which a component starts anew after a key was stolen. */
export interface FloorReset {
  readonly component: ComponentId;
  readonly floor: number;
}

/** What a device trusts. Held and replaced as a whole: version N is only ever followed by N + 1. */
export interface TrustDocument {
  readonly version: number;
  /** Unix seconds. */
  readonly issued: number;
  /** Unix seconds; an expired document is reported, it never stops what runs. */
  readonly expires?: number | undefined;
  readonly keys: KeySet;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly floorResets: readonly FloorReset[];
  /** SHA-256 of modules that must never run. */
  readonly blocked: readonly Uint8Array[];
  readonly minimumHost?: Version | undefined;
}

export interface RoleOptions {
  readonly keys: readonly PublicKey[];
  /** Default 1. */
  readonly threshold?: number;
  /** Default `[[]]`: every component. */
  readonly components?: readonly ComponentId[];
  /** Default `['*']`: every contract. */
  readonly capabilities?: readonly string[];
  /** Default true. */
  readonly mayGrow?: boolean;
}

export interface TrustDocumentOptions {
  readonly version: number;
  /** Unix seconds. */
  readonly issued: number;
  readonly expires?: number;
  readonly roles: { readonly root: RoleOptions } & Readonly<Partial<Record<RoleName, RoleOptions>>>;
  readonly floorResets?: readonly FloorReset[];
  readonly blocked?: readonly Uint8Array[];
  readonly minimumHost?: Version;
}

/** Builds a document from raw keys. Throws E_KEY for weak keys, E_CONFIG for what no device would accept. */
export function createTrustDocument(options: TrustDocumentOptions): TrustDocument {
  const keys = new Map<string, PublicKey>();
  const roles = new Map<RoleName, Role>();
  for (const name of ROLES) {
    const role = options.roles[name];
    if (role === undefined) continue;
    for (const key of role.keys) keys.set(keyName(key), Uint8Array.from(key));
    roles.set(name, {
      keys: role.keys.map(keyName),
      threshold: role.threshold ?? 1,
      components: role.components ?? [[]],
      capabilities: role.capabilities ?? ['*'],
      mayGrow: role.mayGrow ?? true,
    });
  }
  const document: TrustDocument = {
    version: options.version,
    issued: options.issued,
    expires: options.expires,
    keys,
    roles,
    floorResets: options.floorResets ?? [],
    blocked: options.blocked ?? [],
    minimumHost: options.minimumHost,
  };
  checkTrustDocument(document);
  return document;
}

/** Throws E_KEY or E_CONFIG when a document contradicts itself; both the writer and the reader ask. */
export function checkTrustDocument(document: TrustDocument): void {
  if (!Number.isSafeInteger(document.version) || document.version < 1) bad('its version must be 1 or more');
  if (!document.roles.has('root')) bad('it has no role root');
  const numbers = [document.issued, document.expires ?? 0, ...document.floorResets.map(({ floor }) => floor)];
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0)) {
    bad('a time or a floor in it is not 0 to 2^53-1');
  }
  for (const key of document.keys.values()) refuseBadKey(key);
  for (const [name, role] of document.roles) checkRole(name, role, document.keys);
  if (document.blocked.some((digest) => digest.length !== DIGEST_BYTES))
    bad('a blocked digest is no SHA-256');
  const resets = new Set(document.floorResets.map((reset) => componentKey(reset.component)));
  if (resets.size !== document.floorResets.length) bad('a component has two floor resets');
}

function checkRole(name: RoleName, role: Role, keys: KeySet): void {
  if (new Set(role.keys).size !== role.keys.length) bad(`role ${name} lists a key twice`);
  const unknown = role.keys.find((key) => !keys.has(key));
  if (unknown !== undefined) bad(`role ${name} lists key ${unknown}, which the document does not hold`);
  // Tokens inside modules know one algorithm.
  const other =
    name === 'claims' ? role.keys.find((key) => !isEd25519(keys.get(key) ?? new Uint8Array())) : undefined;
  if (other !== undefined) bad(`role claims lists key ${other}, which is not an Ed25519 key`);
  if (!Number.isSafeInteger(role.threshold) || role.threshold < 1 || role.threshold > role.keys.length) {
    bad(
      `role ${name} asks for ${counted(role.threshold, 'signature')} of ${counted(role.keys.length, 'key')}`,
    );
  }
}

/** The public keys of one role; none when the document has no such role. */
export function keysOf(document: TrustDocument, name: RoleName): KeySet {
  const found = new Map<string, PublicKey>();
  for (const key of document.roles.get(name)?.keys ?? []) {
    const publicKey = document.keys.get(key);
    if (publicKey !== undefined) found.set(key, publicKey);
  }
  return found;
}

/** Throws E_COMPONENT unless one of the role's prefixes covers `id`. */
export function requireComponent(name: RoleName, role: Role, id: ComponentId): void {
  if (role.components.some((prefix) => isUnder(prefix, id))) return;
  throw new IotError('E_COMPONENT', `role ${name} may not update component ${componentText(id)}`);
}

/** Whether a role's ceiling includes `contract`. */
export function allowsCapability(role: Role, contract: string): boolean {
  return role.capabilities.includes('*') || role.capabilities.includes(contract);
}

export function isBlocked(document: TrustDocument, digest: Uint8Array): boolean {
  return document.blocked.some((blocked) => equalBytes(blocked, digest));
}

function bad(reason: string): never {
  throw new IotError('E_CONFIG', `trust document is not valid: ${reason}`);
}
