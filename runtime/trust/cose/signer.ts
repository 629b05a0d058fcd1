import { publicFromSeed, signRaw } from '../ed25519.js';

/** Something that can sign with one Ed25519 key; where the private half is kept is its own affair. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes over `message`. */
  sign(message: Uint8Array): Uint8Array;
}

/** A signer that holds its seed (32 bytes) in memory. Throws E_KEY. */
export function signerFromSeed(seed: Uint8Array): Signer {
  const own = Uint8Array.from(seed);
  return { publicKey: publicFromSeed(own), sign: (message) => signRaw(own, message) };
}
