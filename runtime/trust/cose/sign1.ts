import { IotError } from '../../base/errors.js';
import { equalBytes } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asArray, asBytes, asInt, asTagged, Members, unwrap, wrong } from '../cbor/shape.js';
import { type CborValue, Tagged } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { SIGNATURE_BYTES } from '../ed25519.js';
import { algorithmOf, fitsKey, isKnownAlgorithm, keyId, type PublicKey, verifyWithKey } from './key.js';
import type { Signer } from './signer.js';

/** `COSE_Sign1_Tagged`, RFC 9052 section 4.2. */
const TAG_SIGN1 = 18;
const ALG = 1;
const KID = 4;
const KID_BYTES = 32;

/** A COSE_Sign1 taken apart; nothing in it is proved until `verifySign1` says so. */
export interface Sign1 {
  /** COSE algorithm number: one of Ed25519 or of P-256. */
  readonly algorithm: number;
  /** Thumbprint of the key it says it was signed with, 32 bytes; `undefined` when it names none. */
  readonly kid: Uint8Array | undefined;
  /** The protected header, as encoded. */
  readonly protectedHeader: Uint8Array;
  /** The attached payload; `undefined` when it is detached (`nil`). */
  readonly payload: Uint8Array | undefined;
  readonly signature: Uint8Array;
}

/** One that says whose it is. */
export interface NamedSign1 extends Sign1 {
  readonly kid: Uint8Array;
}

/**
 * Signs `payload`: the encoded, tagged COSE_Sign1 with alg and kid in the protected header and no other headers.
 * `detached`: the payload is left out and must reach the verifier by another way (default: attached).
 */
export function createSign1(
  signer: Signer,
  payload: Uint8Array,
  options: { detached?: boolean } = {},
): Uint8Array {
  const header = new Map<number, CborValue>([
    [ALG, algorithmOf(signer.publicKey)],
    [KID, keyId(signer.publicKey)],
  ]);
  const protectedHeader = writeCbor(header);
  const signature = signer.sign(signedBytes(protectedHeader, payload));
  const attached = options.detached === true ? null : payload;
  return writeCbor(new Tagged(TAG_SIGN1, [protectedHeader, {}, attached, signature]));
}

/**
 * Takes a COSE_Sign1 apart that must name its key. Throws E_ENVELOPE for wrong structure, for unprotected headers
 * and without a kid, E_ALG for another algorithm, `crit`, or any header that would have to be understood to trust
 * the signature.
 */
export function readSign1(bytes: Uint8Array, offset = 0): NamedSign1 {
  const item = readCbor(bytes, { offset });
  const sign1 = sign1Of(item);
  return { ...sign1, kid: sign1.kid ?? wrong(item, 'COSE_Sign1', `with kid (${KID})`) };
}

/** `readSign1` for an item that is decoded already, and may leave open whose it is. */
export function sign1Of(item: CborItem): Sign1 {
  const parts = asArray(asTagged(item, TAG_SIGN1, 'COSE_Sign1'), 'COSE_Sign1', 4);
  const [protectedItem, unprotected, payload, signature] = parts as [CborItem, CborItem, CborItem, CborItem];
  Members.of(unprotected, 'unprotected header').end();
  const header = readHeader(unwrap(protectedItem, 'protected header'));
  const detached = payload.kind === 'simple' && payload.value === null;
  return {
    ...header,
    protectedHeader: asBytes(protectedItem, 'protected header'),
    payload: detached ? undefined : asBytes(payload, 'payload'),
    signature: asBytes(signature, 'signature', SIGNATURE_BYTES),
  };
}

function readHeader(item: CborItem): Pick<Sign1, 'algorithm' | 'kid'> {
  const members = Members.of(item, 'protected header');
  const algorithm = members.required(ALG, 'alg', asInt);
  if (!isKnownAlgorithm(algorithm)) {
    throw new IotError(
      'E_ALG',
      `signature algorithm ${algorithm} is none of Ed25519 (-19), EdDSA (-8), ESP256 (-9) and ES256 (-7)`,
    );
  }
  const kid = members.optional(KID, 'kid', (value, what) => asBytes(value, what, KID_BYTES));
  members.end('E_ALG');
  return { algorithm, kid };
}

/**
 * Whether `sign1` is a signature by `publicKey` over its payload, or over `detached` when it carries none.
 * False, too, when both or neither are there, and when there is a kid that is not that key's thumbprint.
 * Throws E_ALG when a key of this kind cannot have made it.
 */
export function verifySign1(sign1: Sign1, publicKey: PublicKey, detached?: Uint8Array): boolean {
  if (!fitsKey(sign1.algorithm, publicKey)) {
    throw new IotError('E_ALG', `signature algorithm ${sign1.algorithm} is not one of the key's`);
  }
  if ((sign1.payload === undefined) === (detached === undefined)) return false;
  const payload = sign1.payload ?? detached ?? new Uint8Array(0);
  if (sign1.kid !== undefined && !equalBytes(sign1.kid, keyId(publicKey))) return false;
  return verifyWithKey(publicKey, signedBytes(sign1.protectedHeader, payload), sign1.signature);
}

/** `Sig_structure` of RFC 9052 section 4.4, with empty external data. */
export function signedBytes(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return writeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload]);
}
