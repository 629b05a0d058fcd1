import { IotError } from '../../base/errors.js';
import { KIB } from '../../base/limits.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asArray, unwrap } from '../cbor/shape.js';
import { Encoded } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import {
  type Authentication,
  checkDigest,
  createAuthentication,
  type KeySet,
  readAuthentication,
  verifyBlocks,
} from '../cose/authentication.js';
import { keyName } from '../cose/key.js';
import { createSign1 } from '../cose/sign1.js';
import type { Signer } from '../cose/signer.js';
import { decodeTrustDocument, encodeTrustDocument } from './codec.js';
import type { TrustDocument } from './document.js';
import { requireThreshold } from './threshold.js';

export const MAX_DOCUMENT_BYTES = 64 * KIB;

/**
 * The signed file: `[bstr .cbor SUIT_Authentication, bstr .cbor document]`, the digest made over the second
 * element as encoded, as with a manifest. A manifest can never pass for a document, nor the other way: member 3 is
 * a byte string in one and a time in the other. Throws E_UNSIGNED, E_TOO_LARGE.
 */
export function signTrustDocument(document: TrustDocument, signers: readonly Signer[]): Uint8Array {
  const member = writeCbor(encodeTrustDocument(document));
  return sized(writeCbor([createAuthentication(member, signers), new Encoded(member)]));
}

/**
 * Reads a signed document and checks that it agrees with itself: digest, weak keys, thresholds, and a sufficient
 * number of its own root keys. That makes it whole, not trustworthy: it must have been put on the device by its
 * owner, or follow from the one before (`acceptNext`).
 * Throws E_TOO_LARGE, E_ENVELOPE, E_UNSIGNED, E_ALG, E_DIGEST, E_KEY, E_CONFIG, E_COMMAND, E_SIGNATURE, E_UNTRUSTED.
 */
export function readTrustDocument(bytes: Uint8Array): TrustDocument {
  return open(bytes).document;
}

/**
 * The document that replaces `current`: exactly its version + 1, signed by enough root keys of both. A key that is
 * absent from it is revoked. Throws as `readTrustDocument`; E_OLDER for a version that is not newer; E_UNTRUSTED
 * when versions in between are missing or `current`'s root keys did not sign.
 */
export function acceptNext(current: TrustDocument, nextBytes: Uint8Array): TrustDocument {
  const { document, authentication } = open(nextBytes);
  if (document.version <= current.version) {
    throw new IotError(
      'E_OLDER',
      `trust document ${document.version} does not follow ${current.version}, which is in force`,
    );
  }
  if (document.version > current.version + 1) {
    throw new IotError(
      'E_UNTRUSTED',
      `trust document ${document.version} cannot follow ${current.version}: ${current.version + 1} is missing`,
    );
  }
  requireThreshold(authentication, current, 'root');
  return document;
}

function open(bytes: Uint8Array): Unfinished {
  const opened = readUnfinished(bytes);
  requireThreshold(opened.authentication, opened.document, 'root');
  return opened;
}

/** A document that may lack signatures. */
export interface Unfinished {
  readonly document: TrustDocument;
  readonly authentication: Authentication;
  /** The document as it is encoded: what the signatures cover. */
  readonly member: Uint8Array;
}

/**
 * Reads a document whose signatures are still being collected: whole, but signed by nobody in particular. No device
 * asks this. Throws as `readTrustDocument`, but for missing signatures.
 */
export function readUnfinished(bytes: Uint8Array): Unfinished {
  const file = readCbor(bytes, { maxBytes: MAX_DOCUMENT_BYTES });
  const [head, member] = asArray(file, 'trust document', 2) as [CborItem, CborItem];
  const authentication = readAuthentication(unwrap(head, 'authentication'));
  checkDigest(authentication, member.raw, 'trust document');
  const document = decodeTrustDocument(unwrap(member, 'trust document'));
  return { document, authentication, member: member.raw };
}

/**
 * The same document with the signatures of `signers` too. Of those that it has, the right ones by `keys` are kept, so
 * that one that was spoilt can be made again. Throws as `readUnfinished`, E_TOO_LARGE.
 */
export function addSignatures(bytes: Uint8Array, keys: KeySet, signers: readonly Signer[]): Uint8Array {
  const { authentication, member } = readUnfinished(bytes);
  const { signed, blocks } = authentication;
  const { keys: there } = verifyBlocks(authentication, keys);
  const kept = blocks.filter(
    (block) => verifyBlocks({ ...authentication, blocks: [block] }, keys).keys.size > 0,
  );
  const made = signers
    .filter(({ publicKey }) => !there.has(keyName(publicKey)))
    .map((signer) => createSign1(signer, signed, { detached: true }));
  const all = [signed, ...kept.map(({ raw }) => raw), ...made];
  return sized(writeCbor([writeCbor(all), new Encoded(member)]));
}

function sized(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= MAX_DOCUMENT_BYTES) return bytes;
  throw new IotError('E_TOO_LARGE', `trust document of ${bytes.length} bytes exceeds ${MAX_DOCUMENT_BYTES}`);
}
