import { createHash } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { asBytes, asInt, Members } from '../cbor/shape.js';
import type { CborValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { KEY_BYTES, refuseWeakKey, verifyRaw } from '../ed25519.js';
import {
  COORDINATE_BYTES,
  coordinates,
  P256_KEY_BYTES,
  pointOf,
  refuseOffCurve,
  verifyP256,
} from '../p256.js';

/**
 * A public key that signs manifests, documents, requests or reports: 32 bytes are an Ed25519 key (RFC 8032),
 * 65 bytes a P-256 key (0x04, x, y), as security modules have them. The length alone says which.
 */
export type PublicKey = Uint8Array;

/** Labels and values of RFC 9052 section 7 and RFC 9053 section 7.1. */
const KTY = 1;
const KTY_OKP = 1;
const KTY_EC2 = 2;
const CRV = -1;
const CRV_P256 = 1;
const CRV_ED25519 = 6;
const X = -2;
const Y = -3;

/** Algorithm numbers: RFC 9864 names algorithm and curve in one, RFC 9053 (EdDSA, ES256) the algorithm only. */
const ALG_ED25519 = -19;
const ALG_EDDSA = -8;
const ALG_ESP256 = -9;
const ALG_ES256 = -7;
const ED25519_ALGORITHMS: readonly number[] = [ALG_ED25519, ALG_EDDSA];
const P256_ALGORITHMS: readonly number[] = [ALG_ESP256, ALG_ES256];

const isP256 = (publicKey: PublicKey) => publicKey.length === P256_KEY_BYTES;

/** The algorithm that a signature by this key is marked with. */
export function algorithmOf(publicKey: PublicKey): number {
  return isP256(publicKey) ? ALG_ESP256 : ALG_ED25519;
}

/** Whether any key could have made a signature that is marked with `algorithm`. */
export function isKnownAlgorithm(algorithm: number): boolean {
  return ED25519_ALGORITHMS.includes(algorithm) || P256_ALGORITHMS.includes(algorithm);
}

/** Whether `algorithm` is one of this kind of key. */
export function fitsKey(algorithm: number, publicKey: PublicKey): boolean {
  return (isP256(publicKey) ? P256_ALGORITHMS : ED25519_ALGORITHMS).includes(algorithm);
}

/** Whether `signature` (64 bytes) is one of `message` by `publicKey`. Never throws. */
export function verifyWithKey(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  return (isP256(publicKey) ? verifyP256 : verifyRaw)(publicKey, message, signature);
}

/** Throws E_KEY for a key that must never be trusted: of no known length, weak, or no point of its curve. */
export function refuseBadKey(publicKey: PublicKey): void {
  if (isP256(publicKey)) refuseOffCurve(publicKey);
  else refuseWeakKey(publicKey);
}

export function isEd25519(publicKey: PublicKey): boolean {
  return publicKey.length === KEY_BYTES;
}

/** `COSE_Key`: `{1: 1, -1: 6, -2: x}` of an Ed25519 key, `{1: 2, -1: 1, -2: x, -3: y}` of a P-256 key. */
export function coseKey(publicKey: PublicKey): CborValue {
  if (!isP256(publicKey)) {
    return new Map<number, CborValue>([
      [KTY, KTY_OKP],
      [CRV, CRV_ED25519],
      [X, publicKey],
    ]);
  }
  const [x, y] = coordinates(publicKey);
  return new Map<number, CborValue>([
    [KTY, KTY_EC2],
    [CRV, CRV_P256],
    [X, x],
    [Y, y],
  ]);
}

/**
 * The public key in a `COSE_Key`. Throws E_ALG for another kind of key, E_KEY for a weak one or one off its curve,
 * E_ENVELOPE for what is no key, for a y that is only a sign, and for members beyond those of `coseKey` (they
 * would give one key several names).
 */
export function readCoseKey(item: CborItem): PublicKey {
  const members = Members.of(item, 'COSE_Key');
  const kty = members.required(KTY, 'kty', asInt);
  const crv = members.optional(CRV, 'crv', asInt);
  const publicKey = readPoint(members, kty, crv);
  members.end();
  refuseBadKey(publicKey);
  return publicKey;
}

function readPoint(members: Members, kty: number, crv: number | undefined): PublicKey {
  if (kty === KTY_OKP && crv === CRV_ED25519) return Uint8Array.from(members.required(X, 'x', readX));
  if (kty === KTY_EC2 && crv === CRV_P256) {
    const coordinate = (item: CborItem, what: string) => asBytes(item, what, COORDINATE_BYTES);
    return pointOf(members.required(X, 'x', coordinate), members.required(Y, 'y', coordinate));
  }
  throw new IotError(
    'E_ALG',
    `COSE_Key of type ${kty}, curve ${crv ?? 'none'} is neither an Ed25519 nor a P-256 key`,
  );
}

/** A wrong length is left to `refuseBadKey`, except that of the other kind of key. */
function readX(item: CborItem, what: string): Uint8Array {
  const bytes = asBytes(item, what);
  return bytes.length === P256_KEY_BYTES ? asBytes(item, what, KEY_BYTES) : bytes;
}

/** Key id: SHA-256 over the deterministic `COSE_Key` (RFC 9679), 32 bytes. A key has one, and proves it. */
export function keyId(publicKey: PublicKey): Uint8Array {
  return Uint8Array.from(
    createHash('sha256')
      .update(writeCbor(coseKey(publicKey)))
      .digest(),
  );
}

/** `keyId` as 64 hexadecimal digits: how keys are named in maps, lists and messages. */
export function keyName(publicKey: PublicKey): string {
  return toHex(keyId(publicKey));
}
