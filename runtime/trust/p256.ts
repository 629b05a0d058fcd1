import { createPublicKey, verify } from 'node:crypto';
import { IotError } from '../base/errors.js';

/** Bytes of an uncompressed public key: 0x04, x, y (SEC 1 section 2.3.3), and of a signature: r, s (RFC 9053). */
export const P256_KEY_BYTES = 65;
export const P256_SIGNATURE_BYTES = 64;
export const COORDINATE_BYTES = 32;
const UNCOMPRESSED = 4;

/** What RFC 5480 puts in front of the point in a SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** y² = x³ - 3x + b over the field of p (SP 800-186 section 3.2.1.3). */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/**
 * Whether `signature` (64 bytes, r and s) is an ECDSA signature with SHA-256 of `message` by `publicKey` (65 bytes).
 * Never throws: wrong lengths, keys that are no points and numbers out of range are simply not verified.
 */
export function verifyP256(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== P256_SIGNATURE_BYTES || fault(publicKey) !== undefined) return false;
  const spki = Buffer.concat([SPKI_PREFIX, publicKey]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/**
 * Throws E_KEY for what is no point of the curve. The point at infinity has no coordinates, so no spelling here
 * either; the curve's order is a prime, so every other point is as good as the next.
 */
export function refuseOffCurve(publicKey: Uint8Array): void {
  const reason = fault(publicKey);
  if (reason !== undefined) throw new IotError('E_KEY', `P-256 public key ${reason}`);
}

function fault(publicKey: Uint8Array): string | undefined {
  if (publicKey.length !== P256_KEY_BYTES || publicKey[0] !== UNCOMPRESSED) {
    return `must be 0x04 and ${2 * COORDINATE_BYTES} bytes`;
  }
  const [x, y] = coordinates(publicKey).map((bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  if (x === undefined || y === undefined || x >= P || y >= P) return 'has a coordinate that is not reduced';
  return (y * y - (x * x * x - 3n * x + B)) % P === 0n ? undefined : 'is no point of the curve';
}

/** x and y of a key of the right length. */
export function coordinates(publicKey: Uint8Array): readonly [x: Uint8Array, y: Uint8Array] {
  const middle = 1 + COORDINATE_BYTES;
  return [publicKey.subarray(1, middle), publicKey.subarray(middle)];
}

/** The 65 bytes of the point (x, y), 32 bytes each. */
export function pointOf(x: Uint8Array, y: Uint8Array): Uint8Array {
  return Uint8Array.of(UNCOMPRESSED, ...x, ...y);
}
