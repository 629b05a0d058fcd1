export { generateKey, KeyPair } from './key-pair.js';
export { type KeyType, letterOf, type SigningKeyType } from './key-types.js';
export { decodePublicKey, encodePublicKey, type PublicKey, requireKeyType, verify } from './public-key.js';
export { decodeSeed, encodeSeed, type Seed } from './seed.js';
