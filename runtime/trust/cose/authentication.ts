import { createHash } from 'node:crypto';
import { asIotError, IotError } from '../../base/errors.js';
import { MAX_SIGNATURES } from '../../base/limits.js';
import type { ReasonCode } from '../../base/reasons.js';
import { equalBytes, toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { asArray, asBytes, asInt, asNonEmpty, unwrap, wrong } from '../cbor/shape.js';
import { writeCbor } from '../cbor/writer.js';
import { fitsKey, type PublicKey } from './key.js';
import { createSign1, type Sign1, sign1Of, verifySign1 } from './sign1.js';
import type { Signer } from './signer.js';

/** COSE algorithm number of SHA-256, the only digest used here. */
const SHA256 = -16;
export const DIGEST_BYTES = 32;

/** `SUIT_Authentication` taken apart: a digest, and the blocks that sign it. */
export interface Authentication {
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
  /** The encoded `[-16, digest]`: what every block signs. */
  readonly signed: Uint8Array;
  readonly blocks: readonly CborItem[];
}

/** A signature that did not count, and why: E_UNTRUSTED, E_SIGNATURE or E_ALG. `key`: its name, when it has one. */
export interface SignatureProblem {
  readonly code: ReasonCode;
  readonly message: string;
  readonly key?: string;
}

export interface Verified {
  /** Names (thumbprints) of the distinct keys whose signature is right. */
  readonly keys: ReadonlySet<string>;
  readonly problems: readonly SignatureProblem[];
}

/** Public keys by name. */
export type KeySet = ReadonlyMap<string, PublicKey>;

export function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}

/** `SUIT_Digest`, encoded: `[-16, digest]`. */
export function digestArray(digest: Uint8Array): Uint8Array {
  return writeCbor([SHA256, digest]);
}

/** The 32 bytes of a `SUIT_Digest`, a copy: whoever reuses the input must not change it. Else throws E_ALG. */
export function readDigest(item: CborItem, what: string): Uint8Array {
  const [algorithm, bytes] = asArray(item, what, 2) as [CborItem, CborItem];
  const name = asInt(algorithm, `algorithm of ${what}`);
  if (name !== SHA256)
    throw new IotError('E_ALG', `digest algorithm ${name} of ${what} is not SHA-256 (-16)`);
  return Uint8Array.from(asBytes(bytes, what, DIGEST_BYTES));
}

/** The encoded `SUIT_Authentication` for `covered`: the item that is protected, exactly as it will be encoded. */
export function createAuthentication(covered: Uint8Array, signers: readonly Signer[]): Uint8Array {
  if (signers.length === 0) throw new IotError('E_UNSIGNED', 'no key was given to sign with');
  if (signers.length > MAX_SIGNATURES) {
    throw new IotError('E_TOO_LARGE', `${signers.length} signatures exceed ${MAX_SIGNATURES}`);
  }
  const signed = digestArray(sha256(covered));
  return writeCbor([signed, ...signers.map((signer) => createSign1(signer, signed, { detached: true }))]);
}

/** Throws E_ENVELOPE, E_ALG (another digest), E_UNSIGNED (no block), E_TOO_LARGE (more than `MAX_SIGNATURES`). */
export function readAuthentication(item: CborItem): Authentication {
  const [first, [, ...wrappedBlocks]] = asNonEmpty(item, 'authentication');
  if (wrappedBlocks.length === 0) throw new IotError('E_UNSIGNED', 'authentication carries no signature');
  if (wrappedBlocks.length > MAX_SIGNATURES) {
    throw new IotError('E_TOO_LARGE', `${wrappedBlocks.length} signatures exceed ${MAX_SIGNATURES}`);
  }
  const signed = unwrap(first, 'digest');
  const digest = readDigest(signed, 'digest');
  return { digest, signed: signed.raw, blocks: wrappedBlocks.map((block) => unwrap(block, 'signature')) };
}

/** Throws E_DIGEST unless `covered` (an item as encoded) is what the digest was made of. */
export function checkDigest(authentication: Authentication, covered: Uint8Array, what: string): void {
  if (!equalBytes(authentication.digest, sha256(covered))) {
    throw new IotError('E_DIGEST', `${what} does not match the digest that was signed`);
  }
}

/**
 * Tries every block against `keys`. A block that does not count is no error by itself, so that one spoilt or newer
 * signature cannot stop a release that others signed; broken structure is (E_ENVELOPE).
 */
export function verifyBlocks(authentication: Authentication, keys: KeySet): Verified {
  const verified = new Set<string>();
  const problems: SignatureProblem[] = [];
  for (const block of authentication.blocks) {
    const result = verifyBlock(block, authentication.signed, keys);
    if (typeof result === 'string') verified.add(result);
    else problems.push(result);
  }
  return { keys: verified, problems };
}

function verifyBlock(block: CborItem, signed: Uint8Array, keys: KeySet): string | SignatureProblem {
  try {
    const sign1 = sign1Of(block);
    if (sign1.payload !== undefined) return wrong(block, 'signature', 'detached');
    return sign1.kid === undefined
      ? verifyUnnamed(sign1, signed, keys)
      : verifyNamed(sign1, toHex(sign1.kid), signed, keys);
  } catch (thrown) {
    const error = asIotError(thrown);
    if (error.code !== 'E_ALG') throw error;
    return { code: 'E_ALG', message: error.message };
  }
}

function verifyNamed(sign1: Sign1, key: string, signed: Uint8Array, keys: KeySet): string | SignatureProblem {
  const publicKey = keys.get(key);
  if (publicKey === undefined) return { code: 'E_UNTRUSTED', message: `key ${key} is not trusted here`, key };
  if (verifySign1(sign1, publicKey, signed)) return key;
  return { code: 'E_SIGNATURE', message: `signature by key ${key} does not match`, key };
}

/** A kid only saves work (the examples of the SUIT draft have none): without one each key that fits is tried. */
function verifyUnnamed(sign1: Sign1, signed: Uint8Array, keys: KeySet): string | SignatureProblem {
  for (const [key, publicKey] of keys) {
    if (fitsKey(sign1.algorithm, publicKey) && verifySign1(sign1, publicKey, signed)) return key;
  }
  return { code: 'E_UNTRUSTED', message: 'a signature that names no key is by none that is trusted here' };
}
