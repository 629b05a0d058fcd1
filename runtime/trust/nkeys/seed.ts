import { IotError } from '../../base/errors.js';
import { KEY_BYTES } from '../ed25519.js';
import { decodeChecked, encodeChecked } from './checked.js';
import { KEY_PREFIX, type KeyType, SEED_PREFIX, typeOfPrefix } from './key-types.js';

/** Two type bytes, 32 bytes of seed, CRC-16: 36 bytes. */
const SEED_CHARACTERS = 58;

export interface Seed {
  readonly type: KeyType;
  /** 32 bytes. */
  readonly raw: Uint8Array;
}

/** The 58 characters of a seed, `SA…` for an account: secret. Throws E_KEY unless `raw` is 32 bytes. */
export function encodeSeed(type: KeyType, raw: Uint8Array): string {
  if (raw.length !== KEY_BYTES)
    throw new IotError('E_KEY', `seed must be ${KEY_BYTES} bytes, not ${raw.length}`);
  // The type's five bits follow the five bits of the `S`, so that both become letters of the text.
  const prefix = KEY_PREFIX[type];
  return encodeChecked(Uint8Array.of(SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3, ...raw));
}

/** Reads a seed. Throws E_KEY; no message repeats any of it. */
export function decodeSeed(text: string): Seed {
  const bytes = decodeChecked(text, SEED_CHARACTERS, 'seed');
  const [first = 0, second = 0] = bytes;
  if ((first & 0xf8) !== SEED_PREFIX) throw new IotError('E_KEY', 'seed does not begin with S');
  const type = typeOfPrefix(((first & 7) << 5) | (second >> 3));
  if (type === undefined || (second & 7) !== 0) throw new IotError('E_KEY', 'seed is of no known type');
  return { type, raw: bytes.slice(2) };
}
