import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyName } from '#runtime/trust/cose/key.js';
import { refuseOffCurve, verifyP256 } from '#runtime/trust/p256.js';
import { PROPERTY } from './cbor/arbitrary.js';
import { p256Signer } from './p256-signer.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const text = (value: string) => new TextEncoder().encode(value);
const FIELD = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const GENERATOR_X = '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296';
const GENERATOR_Y = '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5';
const signer = p256Signer(1);
const message = text('blink');
const signature = signer.sign(message);

/** r and n - s: the other signature that anybody can make of one. */
function twin(of: Uint8Array): Uint8Array {
  const s = ORDER - BigInt(`0x${Buffer.from(of.subarray(32)).toString('hex')}`);
  return Uint8Array.from([...of.subarray(0, 32), ...hex(s.toString(16).padStart(64, '0'))]);
}

describe('P-256', () => {
  it('agrees with RFC 6979 section A.2.5', () => {
    const key = hex(
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    );
    const sample = hex(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    );
    expect(verifyP256(key, text('sample'), sample)).toBe(true);
    expect(verifyP256(key, text('simple'), sample)).toBe(false);
  });

  it('names a key as RFC 9679 does', () => {
    const key = hex(
      '0465eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c',
    );
    expect(keyName(key)).toBe('496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec');
  });

  it('verifies what another implementation signed, and nothing near it', () => {
    expect(verifyP256(signer.publicKey, message, signature)).toBe(true);
    expect(verifyP256(p256Signer(2).publicKey, message, signature)).toBe(false);
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const flipped = Uint8Array.from(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifyP256(signer.publicKey, message, flipped)).toBe(false);
      }),
      { ...PROPERTY, numRuns: 60 },
    );
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['63 bytes', signature.subarray(1)],
    ['zeros', new Uint8Array(64)],
    ['s = 0', Uint8Array.from([...signature.subarray(0, 32), ...new Uint8Array(32)])],
    ['r = 0', Uint8Array.from([...new Uint8Array(32), ...signature.subarray(32)])],
    ['the order of the curve twice', hex(ORDER.toString(16).repeat(2))],
    ['ones', new Uint8Array(64).fill(0xff)],
  ])('does not verify %s', (_name, bytes) => {
    expect(verifyP256(signer.publicKey, message, bytes)).toBe(false);
  });

  it('takes the twin of a signature, by the same key: who counts signatures has to count keys', () => {
    expect(verifyP256(signer.publicKey, message, twin(signature))).toBe(true);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['the point at infinity, as SEC 1 writes it', Uint8Array.of(0)],
    ['the point at infinity, filled up', new Uint8Array(65)],
    ['x = 0, y = 0', hex(`04${'00'.repeat(64)}`)],
    ['a point beside the curve', hex(`04${GENERATOR_X}${GENERATOR_Y.slice(0, -1)}6`)],
    ['x and y exchanged', hex(`04${GENERATOR_Y}${GENERATOR_X}`)],
    ['x = p', hex(`04${FIELD}${GENERATOR_Y}`)],
    ['y = p', hex(`04${GENERATOR_X}${FIELD}`)],
    ['the compressed form', hex(`03${GENERATOR_X}`)],
    ['the hybrid form', hex(`07${GENERATOR_X}${GENERATOR_Y}`)],
    ['one byte more', hex(`04${GENERATOR_X}${GENERATOR_Y}00`)],
  ])('refuses the key %s', (_name, key) => {
    expect(() => refuseOffCurve(key)).toThrow(expect.objectContaining({ code: 'E_KEY' }));
    expect(verifyP256(key, message, signature)).toBe(false);
  });

  it('takes the generator, and every key that another implementation makes', () => {
    expect(() => refuseOffCurve(hex(`04${GENERATOR_X}${GENERATOR_Y}`))).not.toThrow();
    for (let fill = 1; fill < 40; fill++) {
      expect(() => refuseOffCurve(p256Signer(fill).publicKey)).not.toThrow();
    }
  });
});
