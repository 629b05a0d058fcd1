import { IotError } from '../../base/errors.js';
import { equalBytes, toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asArray, asBytes, asMap, asNonEmpty, asText, asUint, Members, wrong } from '../cbor/shape.js';
import type { CborValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { DIGEST_BYTES, type KeySet } from '../cose/authentication.js';
import { coseKey, keyId, readCoseKey } from '../cose/key.js';
import { componentValue, readComponentId, readComponentPrefix } from '../suit/component.js';
import { readVersion } from '../suit/version.js';
import {
  checkTrustDocument,
  type FloorReset,
  ROLES,
  type Role,
  type RoleName,
  type TrustDocument,
} from './document.js';

const DOCUMENT = {
  version: 1,
  issued: 2,
  expires: 3,
  keys: 4,
  roles: 5,
  floorResets: 6,
  blocked: 7,
  minimumHost: 8,
} as const;
const ROLE = { keys: 1, threshold: 2, components: 3, capabilities: 4, flags: 5 } as const;
/** Bit of a role's flags: an update may use contracts that the version before it did not. */
const FLAG_MAY_GROW = 1;

/** The document as CBOR: what its digest is made of, without the byte string around it. */
export function encodeTrustDocument(document: TrustDocument): Uint8Array {
  const keys = [...document.keys.values()].map((key) => [keyId(key), coseKey(key)] as const);
  const roles = [...document.roles].map(([name, role]) => [name, roleValue(role)] as const);
  const resets = document.floorResets.map(
    (reset) => [writeCbor(componentValue(reset.component)), reset.floor] as const,
  );
  return writeCbor(
    new Map<number, CborValue | undefined>([
      [DOCUMENT.version, document.version],
      [DOCUMENT.issued, document.issued],
      [DOCUMENT.expires, document.expires],
      [DOCUMENT.keys, new Map(keys)],
      [DOCUMENT.roles, new Map(roles)],
      [DOCUMENT.floorResets, resets.length === 0 ? undefined : new Map(resets)],
      [DOCUMENT.blocked, document.blocked.length === 0 ? undefined : document.blocked],
      [DOCUMENT.minimumHost, document.minimumHost],
    ]),
  );
}

function roleValue(role: Role): CborValue {
  return new Map<number, CborValue>([
    [ROLE.keys, role.keys.map((name) => Uint8Array.from(Buffer.from(name, 'hex')))],
    [ROLE.threshold, role.threshold],
    [ROLE.components, role.components.map(componentValue)],
    [ROLE.capabilities, role.capabilities],
    [ROLE.flags, role.mayGrow ? FLAG_MAY_GROW : 0],
  ]);
}

/** Decodes and checks a document. Throws E_ENVELOPE, E_COMMAND (unknown members), E_ALG, E_KEY, E_CONFIG. */
export function decodeTrustDocument(item: CborItem): TrustDocument {
  const members = Members.of(item, 'trust document');
  const document: TrustDocument = {
    version: members.required(DOCUMENT.version, 'version', asUint),
    issued: members.required(DOCUMENT.issued, 'issued', asUint),
    expires: members.optional(DOCUMENT.expires, 'expires', asUint),
    keys: members.required(DOCUMENT.keys, 'keys', readKeys),
    roles: members.required(DOCUMENT.roles, 'roles', readRoles),
    floorResets: members.optional(DOCUMENT.floorResets, 'floor resets', readResets) ?? [],
    blocked: members.optional(DOCUMENT.blocked, 'blocked digests', readBlocked) ?? [],
    minimumHost: members.optional(DOCUMENT.minimumHost, 'minimum host version', readVersion),
  };
  members.end('E_COMMAND');
  checkTrustDocument(document);
  return document;
}

function readKeys(item: CborItem, what: string): KeySet {
  return new Map(
    asMap(item, what).entries.map(([name, key]) => {
      const publicKey = readCoseKey(key);
      if (!equalBytes(asBytes(name, what), keyId(publicKey))) {
        return wrong(name, `a name in ${what}`, 'the thumbprint of its key');
      }
      return [toHex(keyId(publicKey)), publicKey];
    }),
  );
}

function readRoles(item: CborItem, what: string): ReadonlyMap<RoleName, Role> {
  return new Map(
    asMap(item, what).entries.map(([key, value]) => {
      const name = asText(key, `name in ${what}`);
      const known = ROLES.find((role) => role === name);
      if (known === undefined) throw new IotError('E_COMMAND', `role ${name} is not known here`);
      return [known, readRole(value, `role ${name}`)];
    }),
  );
}

function readRole(item: CborItem, what: string): Role {
  const members = Members.of(item, what);
  const flags = (value: CborItem, name: string) => {
    const bits = asUint(value, name);
    return bits <= FLAG_MAY_GROW ? bits : wrong(value, name, 'flags that are known here');
  };
  const role: Role = {
    keys: members.required(ROLE.keys, 'keys', readDigests).map(toHex),
    threshold: members.required(ROLE.threshold, 'threshold', asUint),
    components: members.required(ROLE.components, 'components', (value, name) =>
      asArray(value, name).map((prefix) => readComponentPrefix(prefix, name)),
    ),
    capabilities: members.required(ROLE.capabilities, 'capabilities', (value, name) =>
      asArray(value, name).map((capability) => asText(capability, name)),
    ),
    mayGrow: members.required(ROLE.flags, 'flags', flags) === FLAG_MAY_GROW,
  };
  members.end('E_COMMAND');
  return role;
}

/** None at all is written by leaving the member out: a document has one spelling. */
function readBlocked(item: CborItem, what: string): readonly Uint8Array[] {
  asNonEmpty(item, what);
  return readDigests(item, what);
}

function readResets(item: CborItem, what: string): readonly FloorReset[] {
  const { entries } = asMap(item, what);
  if (entries.length === 0) return wrong(item, what, 'a map of at least one');
  return entries.map(([key, value]) => ({
    component: readComponentId(readCbor(asBytes(key, what)), what),
    floor: asUint(value, what),
  }));
}

function readDigests(item: CborItem, what: string): readonly Uint8Array[] {
  return asArray(item, what).map((digest) => Uint8Array.from(asBytes(digest, what, DIGEST_BYTES)));
}
