import { describe, expect, it } from 'vitest';
import { readCbor } from '#runtime/trust/cbor/reader.js';
import { type CborValue, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { coseKey, keyId, readCoseKey } from '#runtime/trust/cose/key.js';
import { createSign1, readSign1, signedBytes, verifySign1 } from '#runtime/trust/cose/sign1.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { p256Signer } from '../p256-signer.js';

const signer = signerFromSeed(new Uint8Array(32).fill(1));
const other = signerFromSeed(new Uint8Array(32).fill(2));
const payload = new TextEncoder().encode('blink');
const map = (...entries: [number, CborValue][]) => new Map(entries);
const code = (expected: string) => expect.objectContaining({ code: expected });

/** A block whose parts can be wrong one at a time. */
function block(parts: {
  header?: CborValue;
  unprotected?: CborValue;
  payload?: CborValue;
  signature?: Uint8Array;
  tag?: number;
  more?: CborValue[];
}): Uint8Array {
  const header = writeCbor(parts.header ?? map([1, -19], [4, keyId(signer.publicKey)]));
  return writeCbor(
    new Tagged(parts.tag ?? 18, [
      header,
      parts.unprotected ?? {},
      parts.payload ?? payload,
      parts.signature ?? signer.sign(signedBytes(header, payload)),
      ...(parts.more ?? []),
    ]),
  );
}

describe('COSE_Sign1', () => {
  it('verifies attached and detached, each only in its own way', () => {
    const attached = readSign1(createSign1(signer, payload));
    expect(attached.payload).toEqual(payload);
    expect(verifySign1(attached, signer.publicKey)).toBe(true);
    expect(verifySign1(attached, signer.publicKey, payload)).toBe(false);
    const detached = readSign1(createSign1(signer, payload, { detached: true }));
    expect(detached.payload).toBeUndefined();
    expect(verifySign1(detached, signer.publicKey, payload)).toBe(true);
    expect(verifySign1(detached, signer.publicKey)).toBe(false);
    expect(verifySign1(detached, signer.publicKey, new Uint8Array(0))).toBe(false);
  });

  it('verifies nothing with another key, even when the kid is changed to that key', () => {
    expect(verifySign1(readSign1(createSign1(signer, payload)), other.publicKey)).toBe(false);
    const renamed = block({ header: map([1, -19], [4, keyId(other.publicKey)]) });
    expect(verifySign1(readSign1(renamed), signer.publicKey)).toBe(false);
    expect(verifySign1(readSign1(renamed), other.publicKey)).toBe(false);
  });

  it('reads EdDSA, which others still write', () => {
    const sign1 = readSign1(block({ header: map([1, -8], [4, keyId(signer.publicKey)]) }));
    expect(verifySign1(sign1, signer.publicKey)).toBe(true);
  });

  it.each<[string, string, Uint8Array]>([
    ['ES384', 'E_ALG', block({ header: map([1, -35], [4, keyId(signer.publicKey)]) })],
    [
      'an algorithm named in text',
      'E_ENVELOPE',
      block({ header: map([1, 'EdDSA'], [4, keyId(signer.publicKey)]) }),
    ],
    ['critical headers', 'E_ALG', block({ header: map([1, -19], [2, [4]], [4, keyId(signer.publicKey)]) })],
    [
      'headers that are not known',
      'E_ALG',
      block({ header: map([1, -19], [3, 0], [4, keyId(signer.publicKey)]) }),
    ],
    ['claims of a CWT', 'E_ALG', block({ header: map([1, -19], [4, keyId(signer.publicKey)], [15, {}]) })],
    ['a certificate', 'E_ALG', block({ header: map([1, -19], [4, keyId(signer.publicKey)], [33, payload]) })],
    [
      'crit that names nothing',
      'E_ALG',
      block({ header: map([1, -19], [2, []], [4, keyId(signer.publicKey)]) }),
    ],
    ['a COSE_Mac0', 'E_ENVELOPE', block({ tag: 17 })],
    ['a CWT around it', 'E_ENVELOPE', block({ tag: 61 })],
    ['no algorithm', 'E_ENVELOPE', block({ header: map([4, keyId(signer.publicKey)]) })],
    ['no kid', 'E_ENVELOPE', block({ header: map([1, -19]) })],
    ['a short kid', 'E_ENVELOPE', block({ header: map([1, -19], [4, new Uint8Array(31)]) })],
    ['an unprotected header', 'E_ENVELOPE', block({ unprotected: map([4, new Uint8Array(32)]) })],
    ['a payload that is no byte string', 'E_ENVELOPE', block({ payload: 'blink' })],
    ['a payload of false', 'E_ENVELOPE', block({ payload: false })],
    ['a short signature', 'E_ENVELOPE', block({ signature: new Uint8Array(63) })],
    ['another tag', 'E_ENVELOPE', block({ tag: 98 })],
    ['five parts', 'E_ENVELOPE', block({ more: [0] })],
    ['no tag', 'E_ENVELOPE', writeCbor([new Uint8Array(0), {}, null, new Uint8Array(64)])],
  ])('refuses %s with %s', (_name, expected, bytes) => {
    expect(() => readSign1(bytes)).toThrow(code(expected));
  });
});

describe('COSE_Sign1 in an algorithm of other keys', () => {
  it.each([-7, -9])('refuses %i from an Ed25519 key with E_ALG, whatever the signature', (algorithm) => {
    const sign1 = readSign1(block({ header: map([1, algorithm], [4, keyId(signer.publicKey)]) }));
    expect(() => verifySign1(sign1, signer.publicKey)).toThrow(code('E_ALG'));
  });
});

describe('COSE_Key', () => {
  const key = (value: CborValue) => readCoseKey(readCbor(writeCbor(value)));
  const point = p256Signer(1);
  const x = point.publicKey.subarray(1, 33);
  const y = point.publicKey.subarray(33);

  it('comes back as the raw key', () => {
    expect(key(coseKey(signer.publicKey))).toEqual(signer.publicKey);
    expect(key(coseKey(point.publicKey))).toEqual(point.publicKey);
  });

  it.each<[string, string, CborValue]>([
    ['P-384', 'E_ALG', map([1, 2], [-1, 2], [-2, x], [-3, y])],
    ['secp256k1', 'E_ALG', map([1, 2], [-1, 8], [-2, x], [-3, y])],
    ['P-256 as an octet key', 'E_ALG', map([1, 1], [-1, 1], [-2, x])],
    ['Ed25519 as a key of two coordinates', 'E_ALG', map([1, 2], [-1, 6], [-2, x], [-3, y])],
    ['a point off the curve', 'E_KEY', map([1, 2], [-1, 1], [-2, signer.publicKey], [-3, signer.publicKey])],
    ['the point 0, 0', 'E_KEY', map([1, 2], [-1, 1], [-2, new Uint8Array(32)], [-3, new Uint8Array(32)])],
    ['a y that is only a sign', 'E_ENVELOPE', map([1, 2], [-1, 1], [-2, x], [-3, true])],
    ['no y', 'E_ENVELOPE', map([1, 2], [-1, 1], [-2, x])],
    ['a short x', 'E_ENVELOPE', map([1, 2], [-1, 1], [-2, x.subarray(1)], [-3, y])],
    ['a private half beside the point', 'E_ENVELOPE', map([1, 2], [-1, 1], [-2, x], [-3, y], [-4, x])],
    ['an Ed25519 key of 65 bytes', 'E_ENVELOPE', map([1, 1], [-1, 6], [-2, point.publicKey])],
    ['X25519', 'E_ALG', map([1, 1], [-1, 4], [-2, signer.publicKey])],
    ['the identity point', 'E_KEY', coseKey(Uint8Array.from([1, ...new Uint8Array(31)]))],
    ['a short key', 'E_KEY', coseKey(new Uint8Array(31))],
    [
      'members that would rename it',
      'E_ENVELOPE',
      map([1, 1], [2, payload], [-1, 6], [-2, signer.publicKey]),
    ],
    ['its private half', 'E_ENVELOPE', map([1, 1], [-1, 6], [-2, signer.publicKey], [-4, payload])],
  ])('refuses %s with %s', (_name, expected, value) => {
    expect(() => key(value)).toThrow(code(expected));
  });
});
