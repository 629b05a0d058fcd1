import { describe, expect, it } from 'vitest';
import { publicFromSeed, refuseWeakKey, signRaw, verifyRaw } from '#runtime/trust/ed25519.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const seed = new Uint8Array(32).fill(1);
const message = new TextEncoder().encode('blink');

/** The y coordinates of small order, each with both sign bits: eight points and the two with x = 0 misspelt. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].flatMap((encoding) => {
  const signed = hex(encoding);
  signed[31] = (signed[31] ?? 0) ^ 0x80;
  return [hex(encoding), signed];
});

/** The group order, little-endian: S + L verifies under a careless check. */
function malleate(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order;
  const moved = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Uint8Array.from([...signature.subarray(0, 32), ...moved]);
}

describe('ed25519', () => {
  it('agrees with RFC 8032 section 7.1, test 2', () => {
    const rfcSeed = hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    expect(Buffer.from(publicFromSeed(rfcSeed)).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(Buffer.from(signRaw(rfcSeed, hex('72'))).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('verifies its own signature, and nothing near it', () => {
    const publicKey = publicFromSeed(seed);
    const signature = signRaw(seed, message);
    expect(verifyRaw(publicKey, message, signature)).toBe(true);
    expect(verifyRaw(publicKey, hex('00'), signature)).toBe(false);
    expect(verifyRaw(publicKey, message, signature.subarray(0, 63))).toBe(false);
    expect(verifyRaw(publicKey.subarray(1), message, signature)).toBe(false);
    expect(verifyRaw(publicKey, message, malleate(signature))).toBe(false);
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = Uint8Array.from(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyRaw(publicKey, message, flipped)).toBe(false);
    }
  });

  it.each(SMALL_ORDER.map((key) => [Buffer.from(key).toString('hex'), key] as const))(
    'refuses the small-order key %s, for which R = identity, S = 0 would sign anything',
    (_name, key) => {
      expect(() => refuseWeakKey(key)).toThrow(expect.objectContaining({ code: 'E_KEY' }));
      const forged = new Uint8Array(64);
      forged[0] = 1;
      expect(verifyRaw(key, message, forged)).toBe(false);
    },
  );

  it('refuses a y that is not reduced, and wrong lengths', () => {
    for (const key of [
      hex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
      hex('ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
      new Uint8Array(31),
      new Uint8Array(0),
    ]) {
      expect(() => refuseWeakKey(key)).toThrow(expect.objectContaining({ code: 'E_KEY' }));
    }
    expect(() => refuseWeakKey(publicFromSeed(seed))).not.toThrow();
    expect(() => signRaw(new Uint8Array(31), message)).toThrow(expect.objectContaining({ code: 'E_KEY' }));
  });

  it('answers false for 32 bytes that are no point of the curve', () => {
    for (let y = 2; y < 40; y++) {
      const key = new Uint8Array(32);
      key[0] = y;
      expect(verifyRaw(key, message, signRaw(seed, message))).toBe(false);
    }
  });
});
