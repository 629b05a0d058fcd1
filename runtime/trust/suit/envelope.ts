import { IotError } from '../../base/errors.js';
import { MAX_ENVELOPE_BYTES, MAX_MODULE_BYTES } from '../../base/limits.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asBytes, asTagged, Members, unwrap } from '../cbor/shape.js';
import { type Authentication, checkDigest, readAuthentication } from '../cose/authentication.js';
import { ENVELOPE, SEVERABLE, TAG_ENVELOPE, URI_INTEGRATED } from './labels.js';

/** An envelope whose outer layer was read and whose digest fits; who signed it is still open. */
export interface Envelope {
  readonly authentication: Authentication;
  /** The byte string that holds the manifest; nothing in it has been decoded. */
  readonly manifest: CborItem;
  /** Payloads carried inside, by uri (`#name`); views into the input. */
  readonly payloads: ReadonlyMap<string, Uint8Array>;
}

/**
 * Steps 1 to 3 of verification: sizes, the outer map, the digest over the manifest as encoded.
 * `maxPayloadBytes`: for all payloads inside together, default `MAX_MODULE_BYTES`.
 * Throws E_TOO_LARGE, E_ENVELOPE, E_COMMAND (severed members), E_UNSIGNED, E_ALG, E_DIGEST.
 */
export function readEnvelope(bytes: Uint8Array, maxPayloadBytes: number = MAX_MODULE_BYTES): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES + maxPayloadBytes) {
    throw new IotError('E_TOO_LARGE', `an envelope of ${bytes.length} bytes is not taken`);
  }
  const members = Members.of(asTagged(readCbor(bytes), TAG_ENVELOPE, 'envelope'), 'envelope');
  const authenticationItem = members.required(ENVELOPE.authentication, 'authentication', unwrap);
  const manifest = members.required(ENVELOPE.manifest, 'manifest', (item, what) => {
    asBytes(item, what);
    return item;
  });
  const payloads = readPayloads(members);
  const carried = [...payloads.values()].reduce((sum, payload) => sum + payload.length, 0);
  if (bytes.length - carried > MAX_ENVELOPE_BYTES) {
    throw new IotError(
      'E_TOO_LARGE',
      `the envelope has ${bytes.length - carried} bytes, at most ${MAX_ENVELOPE_BYTES} are taken`,
    );
  }
  const authentication = readAuthentication(authenticationItem);
  checkDigest(authentication, manifest.raw, 'manifest');
  return { authentication, manifest, payloads };
}

function readPayloads(members: Members): Map<string, Uint8Array> {
  const payloads = new Map<string, Uint8Array>();
  for (const key of [...members.rest().keys()]) {
    if (typeof key === 'number' && SEVERABLE.has(key)) {
      throw new IotError('E_COMMAND', `the envelope carries severed member ${key}, which is not supported`);
    }
    if (typeof key !== 'string' || !key.startsWith(URI_INTEGRATED)) continue;
    payloads.set(key, members.required(key, key, asBytes));
  }
  members.end();
  return payloads;
}
