import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { IotError } from '../base/errors.js';

/** Bytes of a seed and of a public key (RFC 8032 section 5.1.5), and of a signature. */
export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

// What RFC 8410 puts in front of the raw bytes of a private (PKCS #8) and a public (SPKI) key.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** 2^255 - 19, the field of the curve. */
const FIELD_PRIME = (1n << 255n) - 19n;
const SIGN_BIT = 1n << 255n;

/** The y coordinates of the eight points whose order divides 8; the sign bit of x makes up the rest. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  littleEndian(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  littleEndian(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex')),
]);

/** Signs `message` with the private key of `seed` (32 bytes): 64 bytes, the same every time. Throws E_KEY. */
export function signRaw(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return Uint8Array.from(sign(null, message, privateKey(seed)));
}

/** What `signRaw` and `publicFromSeed` say, with the seed read once: OpenSSL takes longer for that than to sign. */
export function pairFromSeed(seed: Uint8Array): {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
} {
  const key = privateKey(seed);
  return { publicKey: publicOf(key), sign: (message) => Uint8Array.from(sign(null, message, key)) };
}

/**
 * Whether `signature` (64 bytes) is one of `message` by `publicKey` (32 bytes). Never throws: a wrong length, a
 * weak key (`refuseWeakKey`) and a signature whose S is not reduced are simply not verified.
 */
export function verifyRaw(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || weakness(publicKey) !== undefined) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
  return verify(null, message, key, signature);
}

/** The public key (32 bytes) that belongs to `seed` (32 bytes). Throws E_KEY. */
export function publicFromSeed(seed: Uint8Array): Uint8Array {
  return publicOf(privateKey(seed));
}

/**
 * Throws E_KEY for a public key that must never be trusted: not 32 bytes, a point of small order (OpenSSL lets
 * the identity point verify every message), or a y that is not reduced (a second spelling of another key).
 */
export function refuseWeakKey(publicKey: Uint8Array): void {
  const reason = weakness(publicKey);
  if (reason !== undefined) throw new IotError('E_KEY', `ed25519 public key ${reason}`);
}

function weakness(publicKey: Uint8Array): string | undefined {
  if (publicKey.length !== KEY_BYTES) return `must be ${KEY_BYTES} bytes, not ${publicKey.length}`;
  const y = littleEndian(publicKey) & (SIGN_BIT - 1n);
  if (y >= FIELD_PRIME) return 'is not in canonical form';
  if (SMALL_ORDER_Y.has(y)) return 'is a point of small order: anybody could sign for it';
  return undefined;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function publicOf(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return Uint8Array.from(spki.subarray(SPKI_PREFIX.length));
}

function privateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_BYTES) {
    throw new IotError('E_KEY', `ed25519 seed must be ${KEY_BYTES} bytes, not ${seed.length}`);
  }
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}
