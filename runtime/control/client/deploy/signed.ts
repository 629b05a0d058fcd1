import { asIotError } from '../../../base/errors.js';
import { createEnvelope } from '../../../trust/suit/create-envelope.js';
import { readEnvelope } from '../../../trust/suit/envelope.js';
import { URI_MQTT } from '../../../trust/suit/labels.js';
import { currentDesired, type Desired } from '../desired.js';
import type { DeployOptions } from './options.js';
import { nextSequence } from './sequence.js';

/** What is going to be desired of a device. */
export interface SignedDeployment {
  /** SHA-256 of the manifest. */
  readonly id: Uint8Array;
  readonly sequence: number;
  readonly envelope: Uint8Array;
  /** What had been desired of the same slots until now. */
  readonly before: readonly Desired[];
}

/** Asks for the numbers that are taken, and signs a higher one. Rejects as `deploy` does. */
export async function signDeployment(options: DeployOptions): Promise<SignedDeployment> {
  const { client, component, artifacts } = options;
  const names = [...new Set([component, ...artifacts.map(({ slot }) => slot)])];
  const [statuses, desired] = await Promise.all([
    Promise.all(names.map((name) => client.status(name))),
    Promise.all(names.map((name) => currentDesired(client.link, client.device, name))),
  ]);
  const known = statuses.filter((status) => status !== undefined);
  const before = desired.filter((one) => one !== undefined);
  const sequence = options.sequence ?? nextSequence(client.device, known, before);
  const envelope = sign(options, sequence);
  return { id: readEnvelope(envelope).authentication.digest, sequence, envelope, before };
}

/** With what each chunk hashes to, unless that would make the envelope larger than devices take. */
function sign(options: DeployOptions, sequence: number): Uint8Array {
  const sign = (withChunks: boolean) => createEnvelope({ ...envelopeOptions(options, withChunks), sequence });
  try {
    return sign(true);
  } catch (thrown) {
    if (asIotError(thrown).code !== 'E_TOO_LARGE') throw thrown;
    return sign(false);
  }
}

function envelopeOptions({ client, artifacts, signers, version }: DeployOptions, withChunks: boolean) {
  return {
    deviceName: client.device,
    signers,
    components: artifacts.map(({ slot, digest, size, uri = URI_MQTT, chunkDigests, replaceIdentity }) => ({
      id: ['actor', slot],
      digest: Uint8Array.from(Buffer.from(digest, 'hex')),
      size,
      uri,
      ...(withChunks ? { chunkDigests } : {}),
      replaceIdentity: replaceIdentity === true,
    })),
    ...(version === undefined ? {} : { version }),
  };
}
