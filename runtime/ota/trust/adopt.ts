import { createHash } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { toHex } from '../../trust/cbor/bytes.js';
import { encodeTrustDocument } from '../../trust/document/codec.js';
import type { FloorReset, TrustDocument } from '../../trust/document/document.js';
import { componentKey } from '../../trust/suit/component.js';
import { parseVersion, type Version, versionMatches, versionText } from '../../trust/suit/version.js';
import { ACTOR } from '../checks/signed-checks.js';
import { dropBroken } from '../machine/transitions.js';
import type { ComponentRecord, StateRecord } from '../storage/record.js';

/** What a document says, whoever signed it: SHA-256 in hex. */
export function documentDigest(document: TrustDocument): string {
  return createHash('sha256').update(encodeTrustDocument(document)).digest('hex');
}

/** Throws E_HOST_TOO_OLD when the document was written for a later host than this one. */
export function requireHost({ version, minimumHost }: TrustDocument, host: string): void {
  if (minimumHost === undefined || versionMatches(hostVersion(host), '>=', minimumHost)) return;
  throw new IotError(
    'E_HOST_TOO_OLD',
    `trust document ${version} needs iot-host ${versionText(minimumHost)} or newer, this is ${host}`,
    { hint: 'install a newer iot-host on the device first' },
  );
}

/** What the package calls itself may say more than versions that can be compared: `1.2.3+build`. */
function hostVersion(text: string): Version {
  return parseVersion(/^\d+(\.\d+){0,2}(-(rc|beta|alpha)(\.\d+)?)?/.exec(text)?.[0] ?? text);
}

/**
 * The record once `document` is in force after `before`: unchanged unless its version is higher than any so far.
 * Its floor resets are applied in this one write, and so exactly once; those that `before` made already stay made.
 */
export function adopt(
  state: StateRecord,
  document: TrustDocument,
  before: TrustDocument | undefined,
): StateRecord {
  if (document.version <= state.trustN) return state;
  const resets = newResets(document, before);
  const blocked = new Set(document.blocked.map(toHex));
  const components = Object.entries(state.components).map(([slot, record]) => [
    slot,
    withoutBlocked(startAnew(record, resets.get(slot)), blocked),
  ]);
  const next = {
    ...state,
    trustN: document.version,
    trustDigest: documentDigest(document),
    // Its root keys signed it then, so that moment has passed.
    timeFloor: Math.max(state.timeFloor, document.issued),
    components: Object.fromEntries(components),
  };
  return dropBroken(state, next);
}

/** Slot → floor, for the resets that `before` did not have. A document hands its resets on to the next one. */
export function newResets(
  document: TrustDocument,
  before: TrustDocument | undefined,
): ReadonlyMap<string, number> {
  const text = ({ component, floor }: FloorReset) => `${componentKey(component)} ${floor}`;
  const made = new Set(before?.floorResets.map(text));
  const resets = new Map<string, number>();
  for (const reset of document.floorResets) {
    const [kind, slot, ...more] = reset.component;
    if (kind !== ACTOR || slot === undefined || more.length > 0 || made.has(text(reset))) continue;
    resets.set(slot, reset.floor);
  }
  return resets;
}

/** The component starts anew at `floor`: what was on its way in under the keys of before does not come in. */
function startAnew(record: ComponentRecord, floor: number | undefined): ComponentRecord {
  if (floor === undefined) return record;
  return { ...record, floor, floorDeployment: undefined, pending: undefined };
}

/** Modules that must never run again are in the component's own block-list from here on, and no fallback. */
function withoutBlocked(record: ComponentRecord, blocked: ReadonlySet<string>): ComponentRecord {
  const { active, previous, pending } = record;
  const bad = [active, previous, pending].flatMap((module) =>
    module !== undefined && blocked.has(module.digest) ? module.digest : [],
  );
  if (bad.length === 0) return record;
  const unlessBad = <T extends { digest: string }>(module: T | undefined): T | undefined =>
    module === undefined || bad.includes(module.digest) ? undefined : module;
  return {
    ...record,
    previous: unlessBad(previous),
    pending: unlessBad(pending),
    blocked: [...new Set([...record.blocked, ...bad])],
  };
}
