import { createHash } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { asBytes, asInt, Members } from '../cbor/shape.js';
import type { CborValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { refuseWeakKey } from '../ed25519.js';

/** Labels and values of RFC 9052 section 7 and RFC 9053 section 7.1. */
const KTY = 1;
const KTY_OKP = 1;
const CRV = -1;
const CRV_ED25519 = 6;
const X = -2;

/** `COSE_Key` of an Ed25519 public key (32 bytes): `{1: 1, -1: 6, -2: x}`, nothing else. */
export function coseKey(publicKey: Uint8Array): CborValue {
  return new Map<number, CborValue>([
    [KTY, KTY_OKP],
    [CRV, CRV_ED25519],
    [X, publicKey],
  ]);
}

/**
 * The raw public key in a `COSE_Key`. Throws E_ALG for another kind of key, E_KEY for a weak one, E_ENVELOPE for
 * what is no key or carries members beyond the three (they would give one key several names).
 */
export function readCoseKey(item: CborItem): Uint8Array {
  const members = Members.of(item, 'COSE_Key');
  const kty = members.required(KTY, 'kty', asInt);
  const crv = members.optional(CRV, 'crv', asInt);
  if (kty !== KTY_OKP || crv !== CRV_ED25519) {
    throw new IotError('E_ALG', `COSE_Key of type ${kty}, curve ${crv ?? 'none'} is not an Ed25519 key`);
  }
  const publicKey = members.required(X, 'x', asBytes);
  members.end();
  refuseWeakKey(publicKey);
  return Uint8Array.from(publicKey);
}

/** Key id: SHA-256 over the deterministic `COSE_Key` (RFC 9679), 32 bytes. A key has one, and proves it. */
export function keyId(publicKey: Uint8Array): Uint8Array {
  return Uint8Array.from(
    createHash('sha256')
      .update(writeCbor(coseKey(publicKey)))
      .digest(),
  );
}

/** `keyId` as 64 hexadecimal digits: how keys are named in maps, lists and messages. */
export function keyName(publicKey: Uint8Array): string {
  return toHex(keyId(publicKey));
}
