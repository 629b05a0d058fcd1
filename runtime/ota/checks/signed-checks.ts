import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import { toHex } from '../../trust/cbor/bytes.js';
import { allowsCapability, type TrustDocument } from '../../trust/document/document.js';
import { type ComponentId, componentText } from '../../trust/suit/component.js';
import { type Floor, type VerifiedComponent, verifyEnvelope } from '../../trust/suit/verify.js';
import { parseVersion, type Version } from '../../trust/suit/version.js';
import { COMPONENT_NAME } from '../storage/record.js';
import type { Checks, Deployment, Known, KnownSlot, Part } from './checks.js';

/** First part of the component id of every actor: `['actor', slot]`. */
export const ACTOR = 'actor';
/** Nobody watches a probation for longer than a day, and no timer of Node runs for longer than 24 of them. */
const MAX_PROBATION_SECONDS = 86_400;

/** What a module says of itself, once its signature, its issuer and its admission have been checked. */
export interface ModuleClaims {
  /** `M…` key. */
  readonly key: string;
  readonly name: string;
  readonly version?: string | undefined;
  /** Capability ids, already within what its issuer may claim. */
  readonly capabilities: readonly string[];
  readonly callAlias?: string | undefined;
  /** They have a date that no trusted clock could compare. */
  readonly timeUnverified?: boolean | undefined;
}

export interface SignedChecksOptions {
  readonly device: string;
  readonly board: string;
  /** Asked each time: `undefined` while the device trusts nobody. What it throws is the reason of a refusal. */
  readonly trust: (now: Known['now']) => TrustDocument | undefined;
  /** Refuses what has a date that no trusted clock can compare. Default false: it is accepted, and marked. */
  readonly strictTime?: boolean | undefined;
  /** Whether keys of the role `push` may sign updates. Default false. */
  readonly development?: boolean | undefined;
  /** Default `MAX_MODULE_BYTES`. */
  readonly maxModuleBytes?: number | undefined;
  /** Admission, claims and issuer. Throws E_MODULE, E_IMPORT, E_UNSIGNED, E_HASH, E_UNTRUSTED, … */
  readonly readModule: (bytes: Uint8Array, now: Known['now']) => ModuleClaims;
}

/** The checks of a device: SUIT envelopes by keys of its trust document, modules with claims. */
export function signedChecks(options: SignedChecksOptions): Checks {
  return {
    envelope: (component, envelope, known) => checkEnvelope(options, component, envelope, known),
    module: (bytes, part, known) => checkModule(options, bytes, part, known),
  };
}

function checkEnvelope(
  options: SignedChecksOptions,
  component: string,
  envelope: Uint8Array,
  known: Known,
): Deployment {
  const trust = trustOf(options, known.now);
  const verified = verifyEnvelope(envelope, {
    trust,
    deviceName: options.device,
    board: options.board,
    now: timeOf(known, trust),
    floors: (id) => floorOf(known.slot(slotOf(id))),
    blocked: (digest, id) => known.slot(slotOf(id)).blocked.includes(toHex(digest)),
    installedVersion: (id) => versionOf(known.slot(slotOf(id)).installed?.version),
    development: options.development,
    maxPayloadBytes: options.maxModuleBytes,
  });
  if (verified.timeUnverified && options.strictTime) throw unverified('the update has');
  const role = verified.role === 'push' ? { role: verified.role } : {};
  const parts = verified.components.map((component) => ({ ...partOf(component), ...role }));
  requireName(component, parts, known);
  return {
    deployment: toHex(verified.manifestDigest),
    component,
    sequence: verified.sequence,
    parts,
    dwellMs: 1000 * Math.max(0, ...verified.components.map(probationSeconds)),
    timeUnverified: verified.timeUnverified,
  };
}

/** The slot that a component of the manifest names. Throws E_COMPONENT for anything but a slot of this host. */
function slotOf(id: ComponentId): string {
  const [kind, name] = id;
  if (id.length === 2 && kind === ACTOR && name !== undefined && COMPONENT_NAME.test(name)) return name;
  throw new IotError('E_COMPONENT', `the update is for ${componentText(id)}, which is no slot of an actor`);
}

function partOf(component: VerifiedComponent): Part {
  const { id, digest, size, uri, payload, chunkDigests, securityFloor, replaceIdentity } = component;
  const slot = slotOf(id);
  return { slot, digest: toHex(digest), size, uri, payload, chunkDigests, securityFloor, replaceIdentity };
}

/** An update of one slot comes under the slot's name, one of several under a name that no other slot has. */
function requireName(component: string, parts: readonly Part[], known: Known): void {
  const slots = parts.map(({ slot }) => slot);
  if (slots.includes(component)) return;
  const text = slots.join(', ');
  if (slots.length === 1) {
    throw new IotError('E_COMPONENT', `the update is for slot ${text}, not for slot ${component}`);
  }
  if (known.slot(component).installed === undefined) return;
  throw new IotError('E_COMPONENT', `the release of ${text} has the name of another slot, ${component}`);
}

function probationSeconds({ id, probationSeconds: seconds = 0 }: VerifiedComponent): number {
  if (seconds <= MAX_PROBATION_SECONDS) return seconds;
  const most = `${componentText(id)} may be on probation for ${MAX_PROBATION_SECONDS} seconds at most`;
  throw new IotError('E_COMMAND', `${most}, not ${seconds}`);
}

function floorOf({ floor, floorDeployment }: KnownSlot): Floor {
  const manifestDigest = floorDeployment === undefined ? undefined : fromHex(floorDeployment);
  return { floor, manifestDigest };
}

/** Somebody signed the document at its time, so that has passed: a clock that shows an earlier one is not right. */
function timeOf({ now }: Known, { issued }: TrustDocument): Known['now'] {
  return now.seconds >= issued ? now : { seconds: issued, trusted: false };
}

function checkModule(
  options: SignedChecksOptions,
  bytes: Uint8Array,
  part: Part,
  known: Known,
): CheckedModule {
  const trust = trustOf(options, known.now);
  const read = options.readModule(bytes, timeOf(known, trust));
  const { key, name, version, capabilities: claimed, callAlias, timeUnverified } = read;
  if (timeUnverified && options.strictTime) throw unverified(`the claims of ${name} have`);
  const release = trust.roles.get(part.role ?? 'release');
  const capabilities = claimed.filter((id) => release !== undefined && allowsCapability(release, id));
  const { installed } = known.slot(part.slot);
  if (release?.mayGrow === false && installed !== undefined) {
    const before = new Set(installed.capabilities);
    const more = capabilities.filter((id) => !before.has(id));
    if (more.length > 0)
      throw new IotError('E_CLAIMS', `the module asks for more than before: ${more.join(', ')}`);
  }
  return { bytes, digest: part.digest, key, name, version, capabilities, callAlias, timeUnverified };
}

/** The device was told to take nothing whose date it cannot compare. */
function unverified(what: string): IotError {
  return new IotError(
    'E_TIME_UNVERIFIED',
    `${what} a date, and the clock of this device is not to be trusted`,
    {
      hint: 'let it find a time server, or wait until it has',
    },
  );
}

function trustOf(options: SignedChecksOptions, now: Known['now']): TrustDocument {
  const trust = options.trust(now);
  if (trust !== undefined) return trust;
  throw new IotError('E_NO_TRUST', `device ${options.device} has no trust document`, {
    hint: 'iot-host keys trust',
  });
}

function versionOf(text: string | undefined): Version | undefined {
  try {
    return text === undefined ? undefined : parseVersion(text);
  } catch {
    // The author wrote something that cannot be compared; only an update that asks for a version minds.
    return undefined;
  }
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
