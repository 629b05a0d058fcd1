import { IotError } from '../../base/errors.js';
import { KEY_BYTES, refuseWeakKey, verifyRaw } from '../ed25519.js';
import { decodeChecked, encodeChecked } from './checked.js';
import { KEY_PREFIX, type KeyType, letterOf, typeOfPrefix } from './key-types.js';

/** Type byte, 32 bytes of key, CRC-16: 35 bytes. */
const PUBLIC_CHARACTERS = 56;

export interface PublicKey {
  readonly type: KeyType;
  /** 32 bytes. */
  readonly raw: Uint8Array;
}

/** The 56 characters of a public key, `A…` for an account. Throws E_KEY unless `raw` is 32 bytes. */
export function encodePublicKey(type: KeyType, raw: Uint8Array): string {
  if (raw.length !== KEY_BYTES) {
    throw new IotError('E_KEY', `public key must be ${KEY_BYTES} bytes, not ${raw.length}`);
  }
  return encodeChecked(Uint8Array.of(KEY_PREFIX[type], ...raw));
}

/**
 * Reads a public key. Throws E_KEY for anything but the one spelling of a key, for a seed or private key (which is
 * never repeated in the message), and for keys for which anybody could sign.
 */
export function decodePublicKey(text: string): PublicKey {
  if (/^[SP][A-Z2-7]{50,}$/.test(text)) {
    throw new IotError('E_KEY', 'this is a private key, where a public key is needed');
  }
  const bytes = decodeChecked(text, PUBLIC_CHARACTERS, 'public key');
  const prefix = bytes[0] ?? 0;
  const type = typeOfPrefix(prefix);
  if (type === undefined) throw new IotError('E_KEY', `public key is of no known type: ${text}`);
  const raw = bytes.slice(1);
  if (type !== 'curve') refuseWeakKey(raw);
  return { type, raw };
}

/** The raw bytes of a public key of exactly this type. Throws E_KEY. */
export function requireKeyType(text: string, type: KeyType): Uint8Array {
  const key = decodePublicKey(text);
  if (key.type === type) return key.raw;
  throw new IotError(
    'E_KEY',
    `${text} is a key of type ${key.type}, not of type ${type} (${letterOf(type)}…)`,
  );
}

/**
 * Whether `signature` (64 bytes) is one of `message` by the key, given as text or as 32 bytes. Throws E_KEY for a
 * text that is no public key or one that cannot sign; a weak raw key is simply not verified.
 */
export function verify(publicKey: string | Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (typeof publicKey !== 'string') return verifyRaw(publicKey, message, signature);
  const { type, raw } = decodePublicKey(publicKey);
  if (type === 'curve') throw new IotError('E_KEY', `${publicKey} is a curve key, which cannot sign`);
  return verifyRaw(raw, message, signature);
}
