import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { decodeBase32, encodeBase32 } from '#runtime/trust/nkeys/base32.js';
import { encodeChecked } from '#runtime/trust/nkeys/checked.js';
import { crc16 } from '#runtime/trust/nkeys/crc16.js';
import {
  decodePublicKey,
  decodeSeed,
  encodePublicKey,
  encodeSeed,
  generateKey,
  KeyPair,
  type KeyType,
  requireKeyType,
  verify,
} from '#runtime/trust/nkeys/index.js';

// Public test data of the nkeys project.
const SEED = 'SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4';
const PUBLIC = 'ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2';
const RAW_SEED = 'f6f2db21bca124d484d534f4d20f5a7574470257c184c5a33673c5c8e5e847f1';
const RAW_PUBLIC = '9c32469529416cc07297a4140054075de95cbf3a7789e2e102cf97edff8f0347';

const TYPES: [KeyType, string][] = [
  ['account', 'A'],
  ['cluster', 'C'],
  ['module', 'M'],
  ['server', 'N'],
  ['operator', 'O'],
  ['user', 'U'],
  ['service', 'V'],
  ['curve', 'X'],
];
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof IotError && thrown.code === 'E_KEY') return thrown.message;
    throw thrown;
  }
  return 'accepted';
};

describe('text of keys', () => {
  it('matches the published vector both ways', () => {
    expect(decodePublicKey(PUBLIC)).toEqual({ type: 'account', raw: bytesOf(RAW_PUBLIC) });
    expect(encodePublicKey('account', bytesOf(RAW_PUBLIC))).toBe(PUBLIC);
    expect(decodeSeed(SEED)).toEqual({ type: 'account', raw: bytesOf(RAW_SEED) });
    expect(encodeSeed('account', bytesOf(RAW_SEED))).toBe(SEED);
  });

  it.each(TYPES)('%s begins with %s', (type, letter) => {
    const text = encodePublicKey(type, bytesOf(RAW_PUBLIC));
    expect(text).toMatch(new RegExp(`^${letter}[A-Z2-7]{55}$`));
    expect(decodePublicKey(text).type).toBe(type);
    const seed = encodeSeed(type, bytesOf(RAW_SEED));
    expect(seed).toMatch(new RegExp(`^S${letter}[A-Z2-7]{56}$`));
    expect(decodeSeed(seed).type).toBe(type);
  });

  it.each([
    ['nothing', '', 'public key must have 56 characters, not 0'],
    ['one character less', PUBLIC.slice(1), 'public key must have 56 characters, not 55'],
    ['a line end', `${PUBLIC}\n`, 'public key must have 56 characters, not 57'],
    ['lower case', PUBLIC.toLowerCase(), 'key has a character that is not base32 at position 1'],
    [
      'a digit that is not base32',
      `${PUBLIC.slice(0, 9)}0${PUBLIC.slice(10)}`,
      'key has a character that is not base32 at position 10',
    ],
    ['padding', `${PUBLIC.slice(0, 55)}=`, 'key has a character that is not base32 at position 56'],
    [
      'swapped characters',
      `${PUBLIC.slice(0, 2)}DO${PUBLIC.slice(4)}`,
      'public key has a wrong checksum: it was mistyped or cut',
    ],
    ['a seed', SEED, 'this is a private key, where a public key is needed'],
    [
      'a type that nobody knows',
      encodeChecked(Uint8Array.of(0x08, ...bytesOf(RAW_PUBLIC))),
      'public key is of no known type: ',
    ],
  ])('refuses %s as a public key', (_what, text, message) => {
    expect(refusal(() => decodePublicKey(text))).toContain(message);
  });

  it.each([
    ['a public key', PUBLIC, 'seed must have 58 characters, not 56'],
    [
      'a wrong checksum',
      `${SEED.slice(0, 20)}A${SEED.slice(21)}`,
      'seed has a wrong checksum: it was mistyped or cut',
    ],
    ['spare bits that are set', `${SEED.slice(0, 57)}5`, 'key does not end on a whole byte'],
    [
      'another first letter',
      encodeChecked(Uint8Array.of(0x80, 0, ...bytesOf(RAW_SEED))),
      'seed does not begin with S',
    ],
    [
      'an unknown type',
      encodeChecked(Uint8Array.of(0x90, 0x40, ...bytesOf(RAW_SEED))),
      'seed is of no known type',
    ],
    [
      'spare type bits that are set',
      encodeChecked(Uint8Array.of(0x90, 0x01, ...bytesOf(RAW_SEED))),
      'seed is of no known type',
    ],
  ])('refuses %s as a seed, without repeating it', (_what, text, message) => {
    const said = refusal(() => decodeSeed(text));
    expect(said).toBe(message);
    expect(said).not.toContain(text.slice(4, 20));
  });

  it('every single changed character is noticed', () => {
    for (let at = 0; at < PUBLIC.length; at += 1) {
      const other = PUBLIC[at] === 'B' ? 'C' : 'B';
      const changed = PUBLIC.slice(0, at) + other + PUBLIC.slice(at + 1);
      expect(refusal(() => decodePublicKey(changed))).not.toBe('accepted');
    }
  });

  it('whatever the text is, it is read or refused with E_KEY', () => {
    const base32 = fc.string({
      unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'),
      minLength: 50,
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), base32), (text) => {
        refusal(() => decodePublicKey(text));
        refusal(() => decodeSeed(text));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('requires one type where only one will do', () => {
    expect(requireKeyType(PUBLIC, 'account')).toEqual(bytesOf(RAW_PUBLIC));
    expect(refusal(() => requireKeyType(PUBLIC, 'module'))).toBe(
      `${PUBLIC} is a key of type account, not of type module (M…)`,
    );
  });
});

describe('keys for which anybody could sign', () => {
  it.each([
    ['the identity', `01${'00'.repeat(31)}`],
    ['the identity with its sign bit', `01${'00'.repeat(30)}80`],
    ['a point of order 2', `ec${'ff'.repeat(30)}7f`],
    ['points of order 4', '00'.repeat(32)],
    ['points of order 4 with the sign bit', `${'00'.repeat(31)}80`],
    ['points of order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    [
      'points of order 8 with the sign bit',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    ],
    ['the other points of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['a second spelling of the identity', `ee${'ff'.repeat(30)}7f`],
  ])('%s', (_what, raw) => {
    const text = encodePublicKey('account', bytesOf(raw));
    expect(refusal(() => decodePublicKey(text))).toMatch(/^ed25519 public key is /);
    // R the identity, S zero: OpenSSL calls this a signature of every message by the identity point.
    const forged = Uint8Array.from([1, ...new Uint8Array(63)]);
    expect(verify(bytesOf(raw), Buffer.from('anything'), forged)).toBe(false);
  });
});

describe('base32 and CRC', () => {
  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('RFC 4648: "%s"', (plain, text) => {
    expect(encodeBase32(Buffer.from(plain))).toBe(text);
    expect(Buffer.from(decodeBase32(text)).toString()).toBe(plain);
  });

  it('round trips, and has one spelling only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
      }),
      { seed: 1, numRuns: 200 },
    );
    for (const text of ['A', 'MZ', 'MZXW6YTBO', 'MZXW6YTBOJ', 'my', 'MY======', 'M Y']) {
      expect(refusal(() => decodeBase32(text))).not.toBe('accepted');
    }
  });

  it('has the check value of CRC-16/XMODEM', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x31c3);
  });
});

describe('key pairs', () => {
  it('derive the published public key', () => {
    const pair = KeyPair.fromSeed(SEED);
    expect(pair.publicKey).toBe(PUBLIC);
    expect(hex(pair.rawPublicKey)).toBe(RAW_PUBLIC);
    expect(pair.type).toBe('account');
    expect(pair.seed).toBe(SEED);
    expect(hex(pair.rawSeed)).toBe(RAW_SEED);
  });

  it('sign what their public key verifies, and nothing else', () => {
    const pair = generateKey('module');
    const message = Buffer.from('message');
    const signature = pair.sign(message);
    expect(verify(pair.publicKey, message, signature)).toBe(true);
    expect(verify(pair.rawPublicKey, message, signature)).toBe(true);
    expect(verify(pair.publicKey, Buffer.from('massage'), signature)).toBe(false);
    expect(verify(generateKey('module').publicKey, message, signature)).toBe(false);
    expect(verify(pair.publicKey, message, signature.subarray(1))).toBe(false);
  });

  it('are new each time, and come back from their seed', () => {
    const pair = generateKey('service');
    expect(pair.publicKey).toMatch(/^V/);
    expect(pair.seed).toMatch(/^SV/);
    expect(generateKey('service').publicKey).not.toBe(pair.publicKey);
    expect(KeyPair.fromSeed(pair.seed).publicKey).toBe(pair.publicKey);
  });

  it('do not sign with a curve key', () => {
    expect(refusal(() => KeyPair.fromSeed(encodeSeed('curve', bytesOf(RAW_SEED))))).toMatch(/cannot sign/);
    const curve = encodePublicKey('curve', bytesOf(RAW_PUBLIC));
    expect(refusal(() => verify(curve, new Uint8Array(), new Uint8Array(64)))).toMatch(/cannot sign/);
  });

  it('never show their seed by accident', () => {
    const pair = KeyPair.fromSeed(SEED);
    for (const shown of [inspect(pair), JSON.stringify(pair), String(pair)]) {
      expect(shown).not.toContain(SEED);
      expect(shown).not.toContain(RAW_SEED.slice(0, 16));
      expect(shown).not.toContain('246, 242');
    }
  });

  it('refuse seeds that are not 32 bytes', () => {
    expect(refusal(() => KeyPair.fromRawSeed('account', new Uint8Array(31)))).not.toBe('accepted');
    expect(refusal(() => encodeSeed('account', new Uint8Array(33)))).toBe('seed must be 32 bytes, not 33');
    expect(refusal(() => encodePublicKey('account', new Uint8Array(0)))).toBe(
      'public key must be 32 bytes, not 0',
    );
  });
});
