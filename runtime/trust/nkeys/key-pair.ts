import { randomBytes } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { KEY_BYTES, publicFromSeed, signRaw } from '../ed25519.js';
import type { SigningKeyType } from './key-types.js';
import { encodePublicKey } from './public-key.js';
import { decodeSeed, encodeSeed } from './seed.js';

/** A key that can sign. The seed stays in a private field: neither a log line nor JSON shows it. */
export class KeyPair {
  readonly type: SigningKeyType;
  /** 56 characters, `A…` for an account. */
  readonly publicKey: string;
  /** 32 bytes. */
  readonly rawPublicKey: Uint8Array;
  readonly #seed: Uint8Array;

  private constructor(type: SigningKeyType, seed: Uint8Array) {
    this.type = type;
    this.#seed = seed;
    this.rawPublicKey = publicFromSeed(seed);
    this.publicKey = encodePublicKey(type, this.rawPublicKey);
  }

  /** From the 58 characters of a seed. Throws E_KEY, also for a curve key, which cannot sign. */
  static fromSeed(text: string): KeyPair {
    const { type, raw } = decodeSeed(text);
    if (type === 'curve') throw new IotError('E_KEY', 'a curve key (SX…) cannot sign');
    return new KeyPair(type, raw);
  }

  /** From 32 bytes. Throws E_KEY. */
  static fromRawSeed(type: SigningKeyType, raw: Uint8Array): KeyPair {
    return new KeyPair(type, Uint8Array.from(raw));
  }

  /** 58 characters, to be kept secret. */
  get seed(): string {
    return encodeSeed(this.type, this.#seed);
  }

  /** A copy of the 32 bytes, as secret as the text. */
  get rawSeed(): Uint8Array {
    return Uint8Array.from(this.#seed);
  }

  /** 64 bytes over `message`. */
  sign(message: Uint8Array): Uint8Array {
    return signRaw(this.#seed, message);
  }
}

/** A new key from the machine's random source. */
export function generateKey(type: SigningKeyType): KeyPair {
  return KeyPair.fromRawSeed(type, randomBytes(KEY_BYTES));
}
