import { IotError } from '../../base/errors.js';
import { MAX_ENVELOPE_BYTES, MAX_MODULE_BYTES } from '../../base/limits.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asBytes, asTagged, Members, unwrap } from '../cbor/shape.js';
import { type Authentication, checkDigest, readAuthentication } from '../cose/authentication.js';
import { ENVELOPE, SEVERABLE, TAG_ENVELOPE, UNSUPPORTED_SEVERABLE, URI_INTEGRATED } from './labels.js';

/** An envelope whose outer layer was read and whose digest fits; who signed it is still open. */
export interface Envelope {
  readonly authentication: Authentication;
  /** The byte string that holds the manifest; nothing in it has been decoded. */
  readonly manifest: CborItem;
  /** Members that the manifest names by their digest only, by number; nothing in them has been decoded or compared. */
  readonly severed: ReadonlyMap<number, CborItem>;
  /** Payloads carried inside, by uri (`#name`); views into the input. */
  readonly payloads: ReadonlyMap<string, Uint8Array>;
}

/**
 * Steps 1 to 3 of verification: sizes, the outer map, the digest over the manifest as encoded.
 * `maxPayloadBytes`: for all payloads inside together, default `MAX_MODULE_BYTES`.
 * Throws E_TOO_LARGE, E_ENVELOPE, E_COMMAND (severed members that are not supported), E_UNSIGNED, E_ALG, E_DIGEST.
 */
export function readEnvelope(bytes: Uint8Array, maxPayloadBytes: number = MAX_MODULE_BYTES): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES + maxPayloadBytes) {
    throw new IotError('E_TOO_LARGE', `an envelope of ${bytes.length} bytes is not taken`);
  }
  const members = Members.of(asTagged(readCbor(bytes), TAG_ENVELOPE, 'envelope'), 'envelope');
  const authenticationItem = members.required(ENVELOPE.authentication, 'authentication', unwrap);
  const manifest = members.required(ENVELOPE.manifest, 'manifest', wrapped);
  const severed = readSevered(members);
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
  return { authentication, manifest, severed, payloads };
}

/** A byte string that is kept as it was encoded, because a digest is made over it with its head. */
function wrapped(item: CborItem, what: string): CborItem {
  asBytes(item, what);
  return item;
}

function readSevered(members: Members): Map<number, CborItem> {
  const severed = new Map<number, CborItem>();
  for (const key of [...members.rest().keys()]) {
    if (typeof key !== 'number') continue;
    if (UNSUPPORTED_SEVERABLE.has(key)) {
      throw new IotError('E_COMMAND', `the envelope carries severed member ${key}, which is not supported`);
    }
    if (SEVERABLE.has(key)) severed.set(key, members.required(key, `severed member ${key}`, wrapped));
  }
  return severed;
}

function readPayloads(members: Members): Map<string, Uint8Array> {
  const payloads = new Map<string, Uint8Array>();
  for (const key of [...members.rest().keys()]) {
    if (typeof key !== 'string' || !key.startsWith(URI_INTEGRATED)) continue;
    payloads.set(key, members.required(key, key, asBytes));
  }
  members.end();
  return payloads;
}
