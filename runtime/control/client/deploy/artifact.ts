import { IotError } from '../../../base/errors.js';
import { MAX_COMPONENTS, MAX_MODULE_BYTES } from '../../../base/limits.js';
import { toHex } from '../../../trust/cbor/bytes.js';
import { DIGEST_BYTES, sha256 } from '../../../trust/cose/authentication.js';
import { chunkDigests } from '../../../trust/suit/chunk-digests.js';
import { URI_MQTT } from '../../../trust/suit/labels.js';
import { requireName } from '../names.js';

/** One module of a deployment, and the slot that it is for. */
export interface Artifact {
  readonly slot: string;
  /** SHA-256 of the module, hex. */
  readonly digest: string;
  /** Bytes of the module. */
  readonly size: number;
  /** The module. Without it nothing is sent or left: the device has it on its disk, or fetches it from `uri`. */
  readonly bytes?: Uint8Array | undefined;
  /** Where the device fetches it; default `URI_MQTT`, from this sender and what it leaves with the broker. */
  readonly uri?: string | undefined;
  /** Of `bytes` (`chunkDigests`): the device can then tell which chunk was spoilt. Default: none. */
  readonly chunkDigests?: Uint8Array | undefined;
  /** Lets a module with another key take the slot. Default false. */
  readonly replaceIdentity?: boolean | undefined;
}

/** An artifact whose bytes this sender can hand out. */
export type SentArtifact = Artifact & { readonly bytes: Uint8Array };

/** Made once, it can be deployed to any number of devices. */
export function moduleArtifact(
  slot: string,
  bytes: Uint8Array,
  more: Pick<Artifact, 'uri' | 'replaceIdentity'> = {},
): Artifact {
  const digest = toHex(sha256(bytes));
  return { ...more, slot, digest, size: bytes.length, bytes, chunkDigests: chunkDigests(bytes) };
}

/** Whether this sender hands it out. */
export function isSent(artifact: Artifact): artifact is SentArtifact {
  return artifact.bytes !== undefined && (artifact.uri ?? URI_MQTT) === URI_MQTT;
}

/** Throws E_USAGE or E_TOO_LARGE for what no device would take. */
export function requireArtifacts(component: string, artifacts: readonly Artifact[]): void {
  requireName('component', component);
  if (artifacts.length === 0 || artifacts.length > MAX_COMPONENTS) {
    throw new IotError('E_USAGE', `a push has 1 to ${MAX_COMPONENTS} modules, not ${artifacts.length}`);
  }
  const slots = artifacts.map(({ slot }) => slot);
  const twice = slots.find((slot, at) => slots.indexOf(slot) !== at);
  if (twice !== undefined) throw new IotError('E_USAGE', `slot ${twice} is filled twice in one push`);
  if (slots.length === 1 && slots[0] !== component) {
    throw new IotError(
      'E_USAGE',
      `a push of one module is named after its slot ${slots[0]}, not ${component}`,
    );
  }
  for (const artifact of artifacts) requireArtifact(artifact);
}

function requireArtifact({ slot, digest, size, bytes }: Artifact): void {
  requireName('component', slot);
  if (bytes !== undefined && bytes.length !== size) {
    throw new IotError('E_USAGE', `the module for ${slot} has ${bytes.length} bytes, not ${size}`);
  }
  if (size === 0) throw new IotError('E_USAGE', 'an empty file is no module');
  if (
    !Number.isSafeInteger(size) ||
    size < 0 ||
    !/^[0-9a-f]+$/.test(digest) ||
    digest.length !== 2 * DIGEST_BYTES
  ) {
    throw new IotError('E_USAGE', `digest ${JSON.stringify(digest)} of ${size} bytes names no module`);
  }
  if (size > MAX_MODULE_BYTES) {
    throw new IotError('E_TOO_LARGE', `module of ${size} bytes exceeds ${MAX_MODULE_BYTES}`);
  }
}
