import { createHash } from 'node:crypto';
import * as cborg from 'cborg';
import { describe, expect, it } from 'vitest';
import { type CborValue, Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { digestArray, sha256 } from '#runtime/trust/cose/authentication.js';
import { keyId, keyName } from '#runtime/trust/cose/key.js';
import { createSign1, signedBytes } from '#runtime/trust/cose/sign1.js';
import type { Signer } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { readTrustDocument, signTrustDocument } from '#runtime/trust/document/signed.js';
import { createRequest, verifyRequest } from '#runtime/trust/rpc/request.js';
import { createManifest, manifestMember } from '#runtime/trust/suit/create-manifest.js';
import { inspectEnvelope } from '#runtime/trust/suit/inspect.js';
import { createReport, readReport } from '#runtime/trust/suit/report.js';
import type { VerifyContext } from '#runtime/trust/suit/verify.js';
import { p256Signer } from '../p256-signer.js';
import { alice, component, context, envelope, mallory, outcome } from './scene.js';

const [module1, module2, stranger] = [1, 2, 3].map(p256Signer) as [Signer, Signer, Signer];
const code = (expected: string) => expect.objectContaining({ code: expected });
const ES256 = -7;
const ESP256 = -9;
const ED25519 = -19;

/** A device on which one key of a security module and alice may release. */
function device(threshold = 1): VerifyContext {
  const keys = [module1.publicKey, module2.publicKey, alice.publicKey];
  const roles = { root: { keys }, release: { keys, threshold } };
  return context({ trust: createTrustDocument({ version: 1, issued: 0, roles }) });
}

interface Block {
  readonly by: Signer;
  readonly algorithm: number;
  /** Whose name it carries; default that of `by`, `null` for none. */
  readonly kid?: Uint8Array | null;
}

/** An envelope around the usual manifest with such blocks, the way other tools make them. */
function signedBy(...blocks: Block[]): Uint8Array {
  const member = manifestMember(createManifest({ sequence: 10, components: [component()] }));
  const digest = digestArray(sha256(member.bytes));
  const signatures = blocks.map(({ by, algorithm, kid = keyId(by.publicKey) }) => {
    const header = writeCbor(
      new Map<number, CborValue | undefined>([
        [1, algorithm],
        [4, kid ?? undefined],
      ]),
    );
    return writeCbor(new Tagged(18, [header, {}, null, by.sign(signedBytes(header, digest))]));
  });
  return writeCbor(
    new Tagged(
      107,
      new Map<number, CborValue>([
        [2, writeCbor([digest, ...signatures])],
        [3, new Encoded(member.bytes)],
      ]),
    ),
  );
}

describe('an envelope signed by a key of a security module', () => {
  it('is written with ESP256 and verified', () => {
    const bytes = envelope({ signers: [module1] });
    const [, block] = cborg.decode(
      (
        cborg.decode(bytes, { useMaps: true, strict: true, tags: { 107: (read) => read() } }) as Map<
          number,
          Uint8Array
        >
      ).get(2) ?? new Uint8Array(0),
    ) as Uint8Array[];
    const parts = cborg.decode(block ?? new Uint8Array(0), {
      useMaps: true,
      strict: true,
      tags: { 18: (read) => read() },
    }) as Uint8Array[];
    const header = cborg.decode(parts[0] ?? new Uint8Array(0), { useMaps: true }) as Map<number, unknown>;
    expect(header.get(1)).toBe(ESP256);
    // The thumbprint of RFC 9679, by another encoder.
    const key = new Map<number, unknown>([
      [1, 2],
      [-1, 1],
      [-2, module1.publicKey.subarray(1, 33)],
      [-3, module1.publicKey.subarray(33)],
    ]);
    const thumbprint = createHash('sha256')
      .update(cborg.encode(key, cborg.rfc8949EncodeOptions))
      .digest('hex');
    expect(Buffer.from(header.get(4) as Uint8Array).toString('hex')).toBe(thumbprint);
    expect(keyName(module1.publicKey)).toBe(thumbprint);
    expect(outcome(bytes, device())).toMatchObject({ sequence: 10, signedBy: [thumbprint] });
    expect(inspectEnvelope(bytes).keys).toEqual([thumbprint]);
  });

  it.each<[string, readonly Block[]]>([
    ['ES256', [{ by: module1, algorithm: ES256 }]],
    ['ESP256', [{ by: module1, algorithm: ESP256 }]],
    ['ES256 without a kid, as in the examples of the draft', [{ by: module2, algorithm: ES256, kid: null }]],
    ['Ed25519 without a kid', [{ by: alice, algorithm: ED25519, kid: null }]],
  ])('is accepted with %s', (_name, blocks) => {
    const [first] = blocks;
    expect(outcome(signedBy(...blocks), device())).toMatchObject({
      signedBy: [keyName(first?.by.publicKey ?? new Uint8Array(0))],
    });
  });

  it.each<[string, string, Block]>([
    ['Ed25519 by a key of P-256', 'E_ALG', { by: module1, algorithm: ED25519 }],
    ['EdDSA by a key of P-256', 'E_ALG', { by: module1, algorithm: -8 }],
    ['ES256 by a key of Ed25519', 'E_ALG', { by: alice, algorithm: ES256 }],
    ['ESP256 by a key of Ed25519', 'E_ALG', { by: alice, algorithm: ESP256 }],
    ['ES384', 'E_ALG', { by: module1, algorithm: -35 }],
    ['ESP384', 'E_ALG', { by: module1, algorithm: -51 }],
    ['ES256K', 'E_ALG', { by: module1, algorithm: -47 }],
    ['HMAC', 'E_ALG', { by: module1, algorithm: 5 }],
    ['a key that is not trusted', 'E_UNTRUSTED', { by: stranger, algorithm: ESP256 }],
    [
      'the name of another key',
      'E_SIGNATURE',
      { by: stranger, algorithm: ESP256, kid: keyId(module1.publicKey) },
    ],
    ['no kid, by a key that is not trusted', 'E_UNTRUSTED', { by: stranger, algorithm: ES256, kid: null }],
    ['no kid, and an algorithm of other keys', 'E_UNTRUSTED', { by: alice, algorithm: ES256, kid: null }],
  ])('is refused with %s: %s', (_name, expected, block) => {
    expect(outcome(signedBy(block), device())).toBe(expected);
  });

  it('counts keys, not signatures: the same one with and without its name, and in both algorithms, is one', () => {
    const same = [
      { by: module1, algorithm: ES256 },
      { by: module1, algorithm: ESP256 },
      { by: module1, algorithm: ES256, kid: null },
    ];
    expect(outcome(signedBy(...same), device(2))).toBe('E_UNTRUSTED');
    expect(outcome(signedBy(...same, { by: alice, algorithm: ED25519 }), device(2))).toMatchObject({
      signedBy: [keyName(module1.publicKey), keyName(alice.publicKey)],
    });
  });
});

describe('a key of a security module', () => {
  it('may be root, release and control', () => {
    const control = { keys: [module2.publicKey] };
    const roles = { root: { keys: [module1.publicKey] }, release: { keys: [module1.publicKey] }, control };
    const document = createTrustDocument({ version: 1, issued: 0, roles });
    expect(readTrustDocument(signTrustDocument(document, [module1]))).toEqual(document);
    expect(() => readTrustDocument(signTrustDocument(document, [module2]))).toThrow(code('E_UNTRUSTED'));
    const request = { device: 'pi-01', session: 5, counter: 8, operation: 'ps', args: null };
    const now = { device: 'pi-01', session: 5, lastCounter: () => 7 };
    expect(verifyRequest(createRequest(module2, request), document, now)).toMatchObject({ counter: 8 });
    expect(() => verifyRequest(createRequest(module1, request), document, now)).toThrow(
      code('E_UNAUTHORISED'),
    );
  });

  it('may not issue claims: tokens inside modules know one algorithm', () => {
    const roles = {
      root: { keys: [alice.publicKey] },
      claims: { keys: [alice.publicKey, module1.publicKey] },
    };
    expect(() => createTrustDocument({ version: 1, issued: 0, roles })).toThrow(code('E_CONFIG'));
  });

  it('may be that of a device', () => {
    const report = {
      uri: 'mqtt:',
      manifestDigest: component().digest,
      device: 'pi-01',
      state: 'active',
      outcome: 'done',
    } as const;
    expect(readReport(createReport(report, module1), module1.publicKey)).toMatchObject(report);
    expect(() => readReport(createReport(report, module1), mallory.publicKey)).toThrow(code('E_UNTRUSTED'));
  });

  it('has to name itself where nobody would look for it', () => {
    const header = writeCbor(new Map([[1, ES256]]));
    const payload = writeCbor({});
    const unnamed = writeCbor(
      new Tagged(18, [header, {}, payload, module1.sign(signedBytes(header, payload))]),
    );
    expect(() => readReport(unnamed, module1.publicKey)).toThrow(code('E_ENVELOPE'));
    expect(createSign1(module1, payload)).not.toEqual(unnamed);
  });
});
