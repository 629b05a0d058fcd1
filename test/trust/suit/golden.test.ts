import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import * as cborg from 'cborg';
import { describe, expect, it } from 'vitest';
import { keyId, keyName } from '#runtime/trust/cose/key.js';
import { sign1Of, signedBytes } from '#runtime/trust/cose/sign1.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { readEnvelope } from '#runtime/trust/suit/envelope.js';
import { inspectEnvelope } from '#runtime/trust/suit/inspect.js';
import { type VerifyContext, verifyEnvelope } from '#runtime/trust/suit/verify.js';
import { cutCodes, flipCodes, codeOf as outcomeOf, type Range, rangeOf } from '../flips.js';

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
/** What its signature is over. */
const TBS =
  '846a5369676e6174757265315826a20132045820dd2fb4e18b5e1ce30c4633aaa5f681da79c3b32998cc5aa21b1149c3' +
  '7231a6ac405824822f5820ba7618a7d0bc6ddebc347026215d7b417dc230a9f19c3ea6919e8c1310ff6191';
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

const verify = (bytes: Uint8Array) => verifyEnvelope(bytes, context);
const codeOf = (bytes: Uint8Array) => outcomeOf(() => verify(bytes));

describe('the golden envelope', () => {
  it('names its key', () => {
    expect(Buffer.from(signer.publicKey).toString('hex')).toBe(
      '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',
    );
    expect(keyName(signer.publicKey)).toBe(
      'dd2fb4e18b5e1ce30c4633aaa5f681da79c3b32998cc5aa21b1149c37231a6ac',
    );
  });

  it('signs the structure of RFC 9052, byte for byte', () => {
    const { authentication } = readEnvelope(GOLDEN);
    const [block] = authentication.blocks;
    const header = block === undefined ? new Uint8Array() : sign1Of(block).protectedHeader;
    const tbs = signedBytes(header, authentication.signed);
    expect(Buffer.from(tbs).toString('hex')).toBe(TBS);
    // Node verifies the same bytes without any of our code.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(signer.publicKey).toString('base64url') };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    expect(verifySignature(null, Buffer.from(TBS, 'hex'), key, GOLDEN.subarray(93, 157))).toBe(true);
    expect(Buffer.from(signer.sign(Buffer.from(TBS, 'hex'))).toString('hex')).toBe(
      Buffer.from(GOLDEN.subarray(93, 157)).toString('hex'),
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

describe('the golden envelope, one of its 342 bytes wrong', () => {
  /** Offset of the first byte and of the one behind the last → what for it is refused, whichever bits are wrong. */
  const TABLE: readonly (readonly [what: string, from: number, to: number, codes: readonly string[]])[] = [
    ['tag, map, key and head of the authentication', 0, 6, ['E_ENVELOPE']],
    ['array and head of the digest', 6, 10, ['E_ENVELOPE']],
    ['algorithm of the digest', 10, 11, ['E_ALG', 'E_ENVELOPE']],
    ['head of the digest', 11, 13, ['E_ENVELOPE']],
    ['digest', 13, 45, ['E_DIGEST']],
    ['head, tag and array of the signature block', 45, 49, ['E_ENVELOPE']],
    ['head and map of its protected header', 49, 52, ['E_ENVELOPE']],
    ['label of the algorithm', 52, 53, ['E_ENVELOPE']],
    ['algorithm', 53, 54, ['E_ALG', 'E_ENVELOPE']],
    ['label of the kid', 54, 55, ['E_ALG', 'E_ENVELOPE']],
    ['head of the kid', 55, 57, ['E_ENVELOPE']],
    ['kid', 57, 89, ['E_UNTRUSTED']],
    ['unprotected header, payload, head of the signature', 89, 93, ['E_ENVELOPE']],
    ['signature', 93, 157, ['E_SIGNATURE']],
    ['key and head of the manifest', 157, 160, ['E_ENVELOPE']],
    ['manifest', 160, 321, ['E_DIGEST']],
    ['head of the name of the module, and its #', 321, 323, ['E_ENVELOPE']],
    // Both come after the conditions, and this envelope is for a class that no board here has.
    ['name of the module', 323, 333, ['E_ENVELOPE', 'E_WRONG_DEVICE']],
    ['head of the module', 333, 334, ['E_ENVELOPE']],
    ['module', 334, 342, ['E_WRONG_DEVICE']],
  ];
  const found = flipCodes(
    GOLDEN,
    Object.fromEntries(TABLE.map(([what, from, to]) => [what, [from, to] as const])),
    verify,
  );

  it('covers every byte', () => {
    expect(TABLE.map(([, from]) => from)).toEqual([0, ...TABLE.slice(0, -1).map(([, , to]) => to)]);
    expect(TABLE.at(-1)?.[2]).toBe(GOLDEN.length);
    expect(GOLDEN.length).toBe(342);
  });

  it.each(TABLE)('%s (%i to %i): %j', (what, _from, _to, codes) => {
    expect(found[what]).toEqual(codes);
  });

  it('or cut anywhere, is no envelope', () => {
    expect(cutCodes(GOLDEN, verify)).toEqual(['E_ENVELOPE']);
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

  it('is refused in every byte, for a reason that tells what was damaged', () => {
    const { manifestDigest } = verify(envelope);
    const digest = rangeOf(envelope, manifestDigest);
    const kid = rangeOf(envelope, keyId(signer.publicKey), digest[1]);
    const signature: Range = [kid[1] + 4, kid[1] + 4 + 64];
    const name = rangeOf(envelope, Buffer.from('k#actor.wasm'), envelope.length - 22);
    const payload = rangeOf(envelope, MODULE, name[1]);
    const manifest: Range = [signature[1] + 3, name[0]];
    const regions = { digest, kid, signature, manifest, name, payload };
    expect(flipCodes(envelope, regions, verify)).toEqual({
      digest: ['E_DIGEST'],
      kid: ['E_UNTRUSTED'],
      signature: ['E_SIGNATURE'],
      manifest: ['E_DIGEST'],
      name: ['E_ENVELOPE'],
      payload: ['E_DIGEST'],
      structure: ['E_ALG', 'E_ENVELOPE'],
    });
  });

  it('is refused when cut at any length, or followed by anything', () => {
    expect(cutCodes(envelope, verify)).toEqual(['E_ENVELOPE']);
    expect(codeOf(Uint8Array.from([...envelope, 0]))).toBe('E_ENVELOPE');
  });
});
