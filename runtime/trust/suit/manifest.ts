import { IotError } from '../../base/errors.js';
import { MAX_COMPONENTS } from '../../base/limits.js';
import type { CborItem } from '../cbor/item.js';
import { asNonEmpty, asUint, Members, unwrap } from '../cbor/shape.js';
import { type Command, readSequence } from './commands.js';
import { type ComponentId, componentKey, readComponentId } from './component.js';
import { COMMON, MANIFEST, MANIFEST_VERSION } from './labels.js';
import { Severed } from './severed.js';
import { readVersion, type Version } from './version.js';

/** A decoded `SUIT_Manifest`. */
export interface Manifest {
  readonly sequence: number;
  readonly version: Version | undefined;
  readonly components: readonly ComponentId[];
  readonly shared: readonly Command[];
  readonly validate: readonly Command[];
  readonly install: readonly Command[];
  readonly invoke: readonly Command[];
}

/**
 * Decodes the manifest inside `member` (the byte string of an envelope) with what was severed from it (default nothing):
 * step 6, only after its signatures. Throws E_ENVELOPE, E_COMMAND (a member, command or parameter that this host
 * does not know), E_TOO_LARGE (more than `MAX_COMPONENTS`), E_ALG and E_DIGEST (a severed member that the manifest
 * does not vouch for).
 */
export function readManifest(member: CborItem, severed: ReadonlyMap<number, CborItem> = new Map()): Manifest {
  const members = Members.of(unwrap(member, 'manifest'), 'manifest');
  const format = members.required(MANIFEST.version, 'manifest version', asUint);
  if (format !== MANIFEST_VERSION) throw new IotError('E_COMMAND', `manifest version ${format} is not 1`);
  const beside = new Severed(severed);
  const manifest = {
    sequence: members.required(MANIFEST.sequence, 'sequence number', asUint),
    ...members.required(MANIFEST.common, 'common', readCommon),
    version: members.optional(MANIFEST.setVersion, 'version', (item, what) =>
      readVersion(unwrap(item, what), what),
    ),
    validate: section(members, MANIFEST.validate, 'validate'),
    install:
      members.optional(MANIFEST.install, 'install', (item, what) =>
        readSequence(unwrap(beside.whole(MANIFEST.install, item, what), what), 'install'),
      ) ?? [],
    invoke: section(members, MANIFEST.invoke, 'invoke'),
  };
  members.optional(MANIFEST.text, 'text', (item, what) => beside.known(MANIFEST.text, item, what));
  members.end('E_COMMAND');
  beside.end();
  return manifest;
}

function readCommon(item: CborItem, what: string): Pick<Manifest, 'components' | 'shared'> {
  const members = Members.of(unwrap(item, what), what);
  const components = members.required(COMMON.components, 'components', readComponents);
  const shared = section(members, COMMON.sharedSequence, 'shared');
  members.end('E_COMMAND');
  return { components, shared };
}

function readComponents(item: CborItem, what: string): readonly ComponentId[] {
  const [, items] = asNonEmpty(item, what);
  if (items.length > MAX_COMPONENTS) {
    throw new IotError('E_TOO_LARGE', `${items.length} components exceed ${MAX_COMPONENTS}`);
  }
  const ids = items.map((id) => readComponentId(id, what));
  if (new Set(ids.map(componentKey)).size !== ids.length) {
    throw new IotError('E_ENVELOPE', 'a component is listed twice');
  }
  return ids;
}

function section(members: Members, key: number, name: 'shared' | 'validate' | 'invoke'): readonly Command[] {
  return members.optional(key, name, (item, what) => readSequence(unwrap(item, what), name)) ?? [];
}
