import { IotError } from '../../base/errors.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asArray, asBytes, asInt, asTagged, Members, unwrap } from '../cbor/shape.js';
import { type CborValue, Tagged } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { SIGNATURE_BYTES, verifyRaw } from '../ed25519.js';
import { keyId } from './key.js';
import type { Signer } from './signer.js';

/** `COSE_Sign1_Tagged`, RFC 9052 section 4.2. */
const TAG_SIGN1 = 18;
const ALG = 1;
const KID = 4;
/** Ed25519 (RFC 9864) is what is written; EdDSA (RFC 9053) is read as well, the key being an Ed25519 key. */
const ALG_ED25519 = -19;
const ALG_EDDSA = -8;
const KID_BYTES = 32;

/** A COSE_Sign1 taken apart; nothing in it is proved until `verifySign1` says so. */
export interface Sign1 {
  /** Thumbprint of the key it says it was signed with, 32 bytes. */
  readonly kid: Uint8Array;
  /** The protected header, as encoded. */
  readonly protectedHeader: Uint8Array;
  /** The attached payload; `undefined` when it is detached (`nil`). */
  readonly payload: Uint8Array | undefined;
  readonly signature: Uint8Array;
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
    [ALG, ALG_ED25519],
    [KID, keyId(signer.publicKey)],
  ]);
  const protectedHeader = writeCbor(header);
  const signature = signer.sign(signedBytes(protectedHeader, payload));
  const attached = options.detached === true ? null : payload;
  return writeCbor(new Tagged(TAG_SIGN1, [protectedHeader, {}, attached, signature]));
}

/**
 * Takes a COSE_Sign1 apart. Throws E_ENVELOPE for wrong structure and for unprotected headers, E_ALG for another
 * algorithm, `crit`, or any header that would have to be understood to trust the signature.
 */
export function readSign1(bytes: Uint8Array, offset = 0): Sign1 {
  return sign1Of(readCbor(bytes, { offset }));
}

/** `readSign1` for an item that is decoded already. */
export function sign1Of(item: CborItem): Sign1 {
  const parts = asArray(asTagged(item, TAG_SIGN1, 'COSE_Sign1'), 'COSE_Sign1', 4);
  const [protectedItem, unprotected, payload, signature] = parts as [CborItem, CborItem, CborItem, CborItem];
  Members.of(unprotected, 'unprotected header').end();
  const kid = readHeader(unwrap(protectedItem, 'protected header'));
  const detached = payload.kind === 'simple' && payload.value === null;
  return {
    kid,
    protectedHeader: asBytes(protectedItem, 'protected header'),
    payload: detached ? undefined : asBytes(payload, 'payload'),
    signature: asBytes(signature, 'signature', SIGNATURE_BYTES),
  };
}

function readHeader(item: CborItem): Uint8Array {
  const members = Members.of(item, 'protected header');
  const alg = members.required(ALG, 'alg', asInt);
  if (alg !== ALG_ED25519 && alg !== ALG_EDDSA) {
    throw new IotError('E_ALG', `signature algorithm ${alg} is not Ed25519 (-19) or EdDSA (-8)`);
  }
  const kid = members.required(KID, 'kid', (value, what) => asBytes(value, what, KID_BYTES));
  members.end('E_ALG');
  return kid;
}

/**
 * Whether `sign1` is a signature by `publicKey` over its payload, or over `detached` when it carries none.
 * False, too, when both or neither are there, and when the kid is not that key's thumbprint.
 */
export function verifySign1(sign1: Sign1, publicKey: Uint8Array, detached?: Uint8Array): boolean {
  if ((sign1.payload === undefined) === (detached === undefined)) return false;
  const payload = sign1.payload ?? detached ?? new Uint8Array(0);
  if (Buffer.compare(sign1.kid, keyId(publicKey)) !== 0) return false;
  return verifyRaw(publicKey, signedBytes(sign1.protectedHeader, payload), sign1.signature);
}

/** `Sig_structure` of RFC 9052 section 4.4, with empty external data. */
export function signedBytes(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return writeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload]);
}
