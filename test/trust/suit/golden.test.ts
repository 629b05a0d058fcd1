import { createHash } from 'node:crypto';
import * as cborg from 'cborg';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { keyName } from '#runtime/trust/cose/key.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { inspectEnvelope } from '#runtime/trust/suit/inspect.js';
import { type VerifyContext, verifyEnvelope } from '#runtime/trust/suit/verify.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** Made with another implementation: key seed 32 x 0x01, sequence 7, the empty module inside. */
const GOLDEN = hex(
  'd86ba3025897825824822f5820ba7618a7d0bc6ddebc347026215d7b417dc230a9f19c3ea6919e8c1310ff6191586ed2845826' +
    'a20132045820dd2fb4e18b5e1ce30c4633aaa5f681da79c3b32998cc5aa21b1149c37231a6aca0f65840357c9ac7261db95b86' +
    '6ec340ed9eb4a8a25cea8de2d743007b69cc5013a8ce304eead5f1cd38d4536b5882536615d3e4990bdce6e6efec2cff16c3ac' +
    '8daaad0e0358a1a50101020703587ea2028182456163746f724673656e736f7204586a8814a50150cfbff0d193755685968c48' +
    'ce8b15ae17025024474765447854df827c4bc603336cd2035824822f582093a44bbb96c751218e4c00d479e4c14358122a389a' +
    'cca16205b1e4d0dc5f94760e081818504e4c2bbbfca358dfa76136c286115c32010f020f18180f074382030f14548614a1156b' +
    '236163746f722e7761736d150f030f6b236163746f722e7761736d480061736d01000000',
);
const CLASS_ID = hex('24474765447854df827c4bc603336cd2');
const MODULE = hex('0061736d01000000');
const signer = signerFromSeed(new Uint8Array(32).fill(1));

const context: VerifyContext = {
  trust: createTrustDocument({
    version: 1,
    issued: 0,
    roles: { root: { keys: [signer.publicKey] }, release: { keys: [signer.publicKey] } },
  }),
  deviceName: 'pi-01',
  vendorDomain: 'example.com',
  floors: () => undefined,
  blocked: () => false,
};

function codeOf(bytes: Uint8Array): string {
  try {
    verifyEnvelope(bytes, context);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof IotError)) throw error;
    return error.code;
  }
}

describe('the golden envelope', () => {
  it('names its key', () => {
    expect(Buffer.from(signer.publicKey).toString('hex')).toBe(
      '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',
    );
    expect(keyName(signer.publicKey)).toBe(
      'dd2fb4e18b5e1ce30c4633aaa5f681da79c3b32998cc5aa21b1149c37231a6ac',
    );
  });

  it('is built byte for byte', () => {
    const built = createEnvelope({
      sequence: 7,
      vendorDomain: 'example.com',
      classId: CLASS_ID,
      deviceName: 'pi-01',
      components: [
        {
          id: ['actor', 'sensor'],
          digest: createHash('sha256').update(MODULE).digest(),
          size: 8,
          uri: '#actor.wasm',
        },
      ],
      payloads: { '#actor.wasm': MODULE },
      signers: [signer],
    });
    expect(Buffer.from(built).toString('hex')).toBe(Buffer.from(GOLDEN).toString('hex'));
  });

  it('is read by a strict decoder that is not ours', () => {
    const options = { strict: true, useMaps: true, rejectDuplicateMapKeys: true };
    const decoded = cborg.decode(GOLDEN, { ...options, tags: { 107: (decode: () => unknown) => decode() } });
    expect([...(decoded as unknown as Map<unknown, unknown>).keys()]).toEqual([2, 3, '#actor.wasm']);
  });

  it('is for one class, so a device without that board refuses it, after its signature was checked', () => {
    expect(codeOf(GOLDEN)).toBe('E_WRONG_DEVICE');
    expect(inspectEnvelope(GOLDEN)).toMatchObject({
      sequence: 7,
      keys: [keyName(signer.publicKey)],
      components: [{ id: ['actor', 'sensor'], size: 8, uri: '#actor.wasm' }],
      conditions: [{ name: 'vendor' }, { name: 'class' }, { name: 'device' }],
    });
  });
});

describe('damage to an envelope that would be accepted', () => {
  const envelope = createEnvelope({
    sequence: 7,
    vendorDomain: 'example.com',
    deviceName: 'pi-01',
    components: [
      {
        id: ['actor', 'sensor'],
        digest: createHash('sha256').update(MODULE).digest(),
        size: 8,
        uri: '#actor.wasm',
      },
    ],
    payloads: { '#actor.wasm': MODULE },
    signers: [signer],
  });

  it('is none when nothing is damaged', () => {
    expect(verifyEnvelope(envelope, context)).toMatchObject({
      sequence: 7,
      already: false,
      timeUnverified: false,
      signedBy: [keyName(signer.publicKey)],
      components: [{ id: ['actor', 'sensor'], size: 8, uri: '#actor.wasm', payload: MODULE }],
    });
  });

  it('is read from the middle of a larger buffer, which may be used again afterwards', () => {
    const pool = Buffer.concat([Buffer.alloc(5), envelope, Buffer.alloc(5)]);
    const result = verifyEnvelope(pool.subarray(5, 5 + envelope.length), context);
    const { manifestDigest, components } = verifyEnvelope(envelope, context);
    pool.fill(0);
    expect(result.manifestDigest).toEqual(manifestDigest);
    expect(result.components[0]?.digest).toEqual(components[0]?.digest);
  });

  it.each([0x01, 0x80, 0xff])('is refused for every byte, flipped with %i', (mask) => {
    const codes = new Set<string>();
    for (let index = 0; index < envelope.length; index++) {
      const damaged = Uint8Array.from(envelope);
      damaged[index] = (damaged[index] ?? 0) ^ mask;
      codes.add(codeOf(damaged));
    }
    expect(codes).not.toContain('accepted');
    for (const code of ['E_ENVELOPE', 'E_DIGEST', 'E_SIGNATURE', 'E_UNTRUSTED'])
      expect(codes).toContain(code);
  });

  it('is refused when cut at any length, or followed by anything', () => {
    for (let length = 0; length < envelope.length; length++) {
      expect(codeOf(envelope.subarray(0, length))).toBe('E_ENVELOPE');
    }
    expect(codeOf(Uint8Array.from([...envelope, 0]))).toBe('E_ENVELOPE');
  });
});
