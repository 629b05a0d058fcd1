import { pairFromSeed } from '../ed25519.js';
import type { PublicKey } from './key.js';

/** Something that can sign with one key; where the private half is kept is its own affair. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** 64 bytes over `message`: Ed25519, or r and s of ECDSA with SHA-256 when the key is of P-256. */
  sign(message: Uint8Array): Uint8Array;
}

/** A signer that holds the seed (32 bytes) of an Ed25519 key in memory. Throws E_KEY. */
export function signerFromSeed(seed: Uint8Array): Signer {
  return pairFromSeed(seed);
}
