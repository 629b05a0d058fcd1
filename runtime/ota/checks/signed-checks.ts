import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import { toHex } from '../../trust/cbor/bytes.js';
import { allowsCapability, type TrustDocument } from '../../trust/document/document.js';
import { componentText } from '../../trust/suit/component.js';
import { type VerifiedComponent, verifyEnvelope } from '../../trust/suit/verify.js';
import { parseVersion, type Version } from '../../trust/suit/version.js';
import type { Checks, Deployment, Known } from './checks.js';

/** First part of the component id of every actor: `['actor', slot]`. */
const ACTOR = 'actor';

/** What a module says of itself, once its signature, its issuer and its admission have been checked. */
export interface ModuleClaims {
  /** `M…` key. */
  readonly key: string;
  readonly name: string;
  readonly version?: string | undefined;
  /** Capability ids, already within what its issuer may claim. */
  readonly capabilities: readonly string[];
  readonly callAlias?: string | undefined;
}

export interface SignedChecksOptions {
  readonly device: string;
  readonly board: string;
  /** Asked each time: `undefined` while the device trusts nobody. */
  readonly trust: () => TrustDocument | undefined;
  /** Default `MAX_MODULE_BYTES`. */
  readonly maxModuleBytes?: number | undefined;
  /** Admission, claims and issuer. Throws E_MODULE, E_IMPORT, E_UNSIGNED, E_HASH, E_UNTRUSTED, … */
  readonly readModule: (bytes: Uint8Array, now: Known['now']) => ModuleClaims;
}

/** The checks of a device: SUIT envelopes by keys of its trust document, modules with claims. */
export function signedChecks(options: SignedChecksOptions): Checks {
  return {
    envelope: (component, envelope, known) => checkEnvelope(options, component, envelope, known),
    module: (bytes, deployment, known) => checkModule(options, bytes, deployment, known),
  };
}

function checkEnvelope(
  options: SignedChecksOptions,
  component: string,
  envelope: Uint8Array,
  known: Known,
): Deployment {
  const { floorDeployment, floor, installed } = known;
  const trust = trustOf(options);
  const verified = verifyEnvelope(envelope, {
    trust,
    deviceName: options.device,
    board: options.board,
    now: timeOf(known, trust),
    floors: () => ({
      floor,
      manifestDigest: floorDeployment === undefined ? undefined : fromHex(floorDeployment),
    }),
    blocked: (digest) => known.blocked.includes(toHex(digest)),
    installedVersion: () => versionOf(installed?.version),
    maxPayloadBytes: options.maxModuleBytes,
  });
  const [only] = verified.components;
  if (only === undefined || verified.components.length > 1) {
    throw new IotError('E_COMMAND', `an update of ${verified.components.length} components is not supported`);
  }
  requireSlot(only, component);
  return {
    deployment: toHex(verified.manifestDigest),
    component,
    sequence: verified.sequence,
    digest: toHex(only.digest),
    size: only.size,
    uri: only.uri,
    payload: only.payload,
    securityFloor: only.securityFloor,
    dwellMs: (only.probationSeconds ?? 0) * 1000,
    replaceIdentity: only.replaceIdentity,
    timeUnverified: verified.timeUnverified,
  };
}

/** Somebody signed the document at its time, so that has passed: a clock that shows an earlier one is not right. */
function timeOf({ now }: Known, { issued }: TrustDocument): Known['now'] {
  return now.seconds >= issued ? now : { seconds: issued, trusted: false };
}

function requireSlot(component: VerifiedComponent, slot: string): void {
  const [kind, name] = component.id;
  if (component.id.length === 2 && kind === ACTOR && name === slot) return;
  throw new IotError('E_COMPONENT', `the update is for ${componentText(component.id)}, not for slot ${slot}`);
}

function checkModule(
  options: SignedChecksOptions,
  bytes: Uint8Array,
  deployment: Deployment,
  known: Known,
): CheckedModule {
  const trust = trustOf(options);
  const read = options.readModule(bytes, timeOf(known, trust));
  const { key, name, version, capabilities: claimed, callAlias } = read;
  const release = trust.roles.get('release');
  const capabilities = claimed.filter((id) => release !== undefined && allowsCapability(release, id));
  if (release?.mayGrow === false && known.installed !== undefined) {
    const before = new Set(known.installed.capabilities);
    const more = capabilities.filter((id) => !before.has(id));
    if (more.length > 0)
      throw new IotError('E_CLAIMS', `the module asks for more than before: ${more.join(', ')}`);
  }
  return { bytes, digest: deployment.digest, key, name, version, capabilities, callAlias };
}

function trustOf(options: SignedChecksOptions): TrustDocument {
  const trust = options.trust();
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
