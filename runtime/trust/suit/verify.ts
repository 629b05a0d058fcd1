import { IotError } from '../../base/errors.js';
import { MAX_MODULE_BYTES } from '../../base/limits.js';
import { equalBytes, toHex } from '../cbor/bytes.js';
import { type Authentication, type SignatureProblem, sha256, type Verified } from '../cose/authentication.js';
import { isBlocked, requireComponent, type TrustDocument } from '../document/document.js';
import { requireThreshold } from '../document/threshold.js';
import { type ComponentId, componentText } from './component.js';
import { checkConditions, type Target } from './conditions.js';
import { readEnvelope } from './envelope.js';
import { URI_INTEGRATED } from './labels.js';
import { readManifest } from './manifest.js';
import { type PlannedComponent, planManifest } from './plan.js';
import type { Version } from './version.js';

/** The highest sequence number a device has committed for a component, and the manifest that had it. */
export interface Floor {
  readonly floor: number;
  /** SHA-256 of that manifest; `undefined` after a floor reset, when no manifest has the number yet. */
  readonly manifestDigest: Uint8Array | undefined;
}

export interface VerifyContext extends Target {
  readonly trust: TrustDocument;
  readonly floors: (component: ComponentId) => Floor | undefined;
  /** Modules that failed here before; those that the trust document blocks are asked for as well. */
  readonly blocked: (digest: Uint8Array, component: ComponentId) => boolean;
  /** Whether the role `push` counts beside `release`: a device in development says so itself. Default false. */
  readonly development?: boolean | undefined;
  /** Largest module in bytes; default `MAX_MODULE_BYTES`. */
  readonly maxPayloadBytes?: number | undefined;
}

export interface VerifiedComponent extends PlannedComponent {
  /** The module, when the envelope carries it: its size and digest have been compared. A view into the input. */
  readonly payload: Uint8Array | undefined;
}

export interface VerifiedEnvelope {
  /** SHA-256 over the manifest: names the deployment. */
  readonly manifestDigest: Uint8Array;
  readonly sequence: number;
  readonly version: Version | undefined;
  readonly components: readonly VerifiedComponent[];
  /** The role whose threshold was met: its limits hold. */
  readonly role: 'release' | 'push';
  /** Names of the keys that signed. */
  readonly signedBy: readonly string[];
  /** Signatures that did not count, to be reported. */
  readonly problems: readonly SignatureProblem[];
  /** The very manifest that every one of its components runs already: nothing is to be done. */
  readonly already: boolean;
  /** It expires, and no trusted clock could say whether it has. */
  readonly timeUnverified: boolean;
}

/**
 * Steps 1 to 8: whether `bytes` may be staged on this device, now. Nothing inside the manifest is decoded before
 * enough keys of the role `release` (in development, `push`) have signed it. Throws, in this order, E_TOO_LARGE, E_ENVELOPE, E_UNSIGNED,
 * E_ALG, E_DIGEST, E_SIGNATURE or E_UNTRUSTED, E_COMMAND, E_COMPONENT, E_OLDER, E_EQUIVOCATION, E_BLOCKED,
 * E_WRONG_DEVICE, E_EXPIRED or E_UNAUTHORISED; then, for payloads inside, E_TOO_LARGE, E_SIZE and E_DIGEST.
 */
export function verifyEnvelope(bytes: Uint8Array, context: VerifyContext): VerifiedEnvelope {
  const maxPayload = context.maxPayloadBytes ?? MAX_MODULE_BYTES;
  const envelope = readEnvelope(bytes, maxPayload);
  const manifestDigest = envelope.authentication.digest;
  const { verified, role } = authorise(envelope.authentication, context);
  const manifest = readManifest(envelope.manifest, envelope.severed);
  const plan = planManifest(manifest);
  checkRole(plan.components, context.trust, role);
  const already = plan.components
    .map((component) => checkOrder(component.id, manifest.sequence, manifestDigest, context))
    .every((same) => same);
  for (const component of plan.components) checkBlocked(component, context);
  const { timeUnverified } = checkConditions(plan.conditions, context);
  return {
    manifestDigest,
    sequence: manifest.sequence,
    version: manifest.version,
    components: withPayloads(plan.components, envelope.payloads, maxPayload),
    role,
    signedBy: [...verified.keys],
    problems: verified.problems,
    already,
    timeUnverified,
  };
}

/** Throws E_SIZE or E_DIGEST unless `bytes` are the component's module: exactly its size, and its digest. */
export function checkPayload(
  component: Pick<PlannedComponent, 'id' | 'size' | 'digest'>,
  bytes: Uint8Array,
): void {
  const name = componentText(component.id);
  if (bytes.length !== component.size) {
    throw new IotError('E_SIZE', `module of ${name} has ${bytes.length} bytes, not ${component.size}`);
  }
  if (!equalBytes(sha256(bytes), component.digest)) {
    throw new IotError('E_DIGEST', `module of ${name} does not match its digest`);
  }
}

function withPayloads(
  planned: readonly PlannedComponent[],
  payloads: ReadonlyMap<string, Uint8Array>,
  maxPayload: number,
): readonly VerifiedComponent[] {
  const unused = new Set(payloads.keys());
  const components = planned.map((component) => {
    if (component.size > maxPayload) {
      const name = componentText(component.id);
      throw new IotError('E_TOO_LARGE', `module of ${name} has ${component.size} bytes, over ${maxPayload}`);
    }
    if (!component.uri.startsWith(URI_INTEGRATED)) return { ...component, payload: undefined };
    const payload = payloads.get(component.uri);
    if (payload === undefined) {
      throw new IotError('E_ENVELOPE', `the envelope does not carry ${component.uri}`);
    }
    unused.delete(component.uri);
    checkPayload(component, payload);
    return { ...component, payload };
  });
  const [extra] = unused;
  if (extra !== undefined) throw new IotError('E_ENVELOPE', `nothing asks for payload ${extra}`);
  return components;
}

/** By `release`, or else, in development, by `push`; what it throws is what `release` is refused for. */
function authorise(
  authentication: Authentication,
  { trust, development = false }: VerifyContext,
): { verified: Verified; role: VerifiedEnvelope['role'] } {
  try {
    return { verified: requireThreshold(authentication, trust, 'release'), role: 'release' };
  } catch (thrown) {
    if (!trust.roles.has('push')) throw thrown;
    let verified: Verified;
    try {
      verified = requireThreshold(authentication, trust, 'push');
    } catch {
      throw thrown;
    }
    if (development) return { verified, role: 'push' };
    throw new IotError('E_UNTRUSTED', 'keys of the role push count on devices in development only', {
      hint: 'sign it with a release key, or set trust: {development: true} on a device for developers',
    });
  }
}

function checkRole(
  components: readonly PlannedComponent[],
  trust: TrustDocument,
  name: VerifiedEnvelope['role'],
): void {
  const role = trust.roles.get(name);
  if (role === undefined) throw new IotError('E_UNTRUSTED', `the trust document has no role ${name}`);
  for (const component of components) requireComponent(name, role, component.id);
}

/** Whether the component runs this very manifest already; throws E_OLDER, E_EQUIVOCATION. */
function checkOrder(
  id: ComponentId,
  sequence: number,
  manifestDigest: Uint8Array,
  context: VerifyContext,
): boolean {
  const known = context.floors(id);
  if (known === undefined || sequence > known.floor) return false;
  const name = componentText(id);
  if (sequence < known.floor) {
    throw new IotError(
      'E_OLDER',
      `sequence ${sequence} of ${name} is below ${known.floor}, which was accepted`,
    );
  }
  if (known.manifestDigest === undefined) return false;
  if (equalBytes(known.manifestDigest, manifestDigest)) return true;
  throw new IotError('E_EQUIVOCATION', `sequence ${sequence} of ${name} was accepted with other content`);
}

function checkBlocked(component: PlannedComponent, context: VerifyContext): void {
  if (!context.blocked(component.digest, component.id) && !isBlocked(context.trust, component.digest)) return;
  const name = componentText(component.id);
  throw new IotError('E_BLOCKED', `module ${toHex(component.digest)} of ${name} is blocked`);
}
