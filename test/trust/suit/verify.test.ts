import { describe, expect, it } from 'vitest';
import { Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { digestArray, sha256 } from '#runtime/trust/cose/authentication.js';
import { keyId, keyName } from '#runtime/trust/cose/key.js';
import { createSign1 } from '#runtime/trust/cose/sign1.js';
import type { Signer } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { createManifest, manifestMember } from '#runtime/trust/suit/create-manifest.js';
import { checkPayload } from '#runtime/trust/suit/verify.js';
import { alice, bob, carol, component, context, envelope, MODULE, mallory, outcome } from './scene.js';

/** An envelope around the usual manifest with exactly these signature blocks. */
function withBlocks(blocks: (digest: Uint8Array) => Uint8Array[]): Uint8Array {
  const member = manifestMember(createManifest({ sequence: 10, components: [component()] }));
  const digest = digestArray(sha256(member.bytes));
  return writeCbor(
    new Tagged(
      107,
      new Map([
        [2, writeCbor([digest, ...blocks(digest)])],
        [3, new Encoded(member.bytes)],
      ] as [number, Uint8Array | Encoded][]),
    ),
  );
}

const good = (signer: Signer) => (digest: Uint8Array) => createSign1(signer, digest, { detached: true });
const spoilt = (signer: Signer) => () => createSign1(signer, new Uint8Array(1), { detached: true });
const sign = (...blocks: ((digest: Uint8Array) => Uint8Array)[]) =>
  withBlocks((digest) => blocks.map((block) => block(digest)));

/** S + L in place of S: the same signature to a careless verifier. */
const malleated = (signer: Signer) => (digest: Uint8Array) => {
  const block = good(signer)(digest);
  const s = BigInt(`0x${Buffer.from(block.subarray(-32)).reverse().toString('hex')}`);
  const moved = s + 2n ** 252n + 27742317777372353535851937790883648493n;
  block.set(Buffer.from(moved.toString(16).padStart(64, '0'), 'hex').reverse(), block.length - 32);
  return block;
};

/** A block in an algorithm of the future. */
const unknownAlgorithm = (signer: Signer) => () =>
  writeCbor(
    new Tagged(18, [
      writeCbor(
        new Map<number, number | Uint8Array>([
          [1, -48],
          [4, keyId(signer.publicKey)],
        ]),
      ),
      {},
      null,
      new Uint8Array(64),
    ]),
  );

describe('who signed', () => {
  const twoOfThree = () => context({}, { threshold: 2 });

  it.each<[string, Uint8Array, string]>([
    ['one of two', sign(good(alice)), 'E_UNTRUSTED'],
    ['one key twice', sign(good(alice), good(alice)), 'E_UNTRUSTED'],
    ['one known and one unknown key', sign(good(alice), good(mallory)), 'E_UNTRUSTED'],
    ['one good and one spoilt signature', sign(good(alice), spoilt(bob)), 'E_SIGNATURE'],
    ['one good signature and its malleated twin', sign(good(alice), malleated(alice)), 'E_SIGNATURE'],
    ['no signature at all', sign(), 'E_UNSIGNED'],
    ['nine signatures', sign(...Array.from({ length: 9 }, () => good(alice))), 'E_TOO_LARGE'],
  ])('%s: refused where two must sign', (_name, bytes, code) => {
    expect(outcome(bytes, twoOfThree())).toBe(code);
  });

  it.each<[string, Uint8Array]>([
    ['two of them', sign(good(alice), good(bob))],
    ['two among a spoilt one', sign(spoilt(carol), good(alice), good(bob))],
    ['two among an unknown one', sign(good(mallory), good(carol), good(alice))],
    ['two among one in another algorithm', sign(unknownAlgorithm(carol), good(bob), good(alice))],
  ])('%s: accepted where two must sign', (_name, bytes) => {
    expect(outcome(bytes, twoOfThree())).toMatchObject({ sequence: 10 });
  });

  it('reports the signatures that did not count', () => {
    expect(outcome(sign(spoilt(carol), good(mallory), unknownAlgorithm(bob), good(alice)))).toMatchObject({
      signedBy: [keyName(alice.publicKey)],
      problems: [
        { code: 'E_SIGNATURE', key: keyName(carol.publicKey) },
        { code: 'E_UNTRUSTED', key: keyName(mallory.publicKey) },
        { code: 'E_ALG' },
      ],
    });
  });

  it('refuses an unknown key, a spoilt or malleated signature, an unknown algorithm, each by its name', () => {
    expect(outcome(sign(good(mallory)))).toBe('E_UNTRUSTED');
    expect(outcome(sign(spoilt(alice)))).toBe('E_SIGNATURE');
    expect(outcome(sign(malleated(alice)))).toBe('E_SIGNATURE');
    expect(outcome(sign(unknownAlgorithm(alice)))).toBe('E_ALG');
  });

  it('refuses a key that has another role only, and a document without the role', () => {
    const roles = { root: { keys: [alice.publicKey] } };
    const bare = createTrustDocument({ version: 1, issued: 0, roles });
    const other = createTrustDocument({
      version: 1,
      issued: 0,
      roles: { ...roles, release: { keys: [bob.publicKey] }, control: { keys: [alice.publicKey] } },
    });
    expect(outcome(envelope(), context({ trust: bare }))).toBe('E_UNTRUSTED');
    expect(outcome(envelope(), context({ trust: other }))).toBe('E_UNTRUSTED');
  });

  it('holds the role to its components, every one of them', () => {
    const of = (...components: string[][]) => context({}, { components });
    expect(outcome(envelope(), of(['actor', 'blink']))).toMatchObject({ sequence: 10 });
    expect(outcome(envelope(), of(['actor']))).toMatchObject({ sequence: 10 });
    expect(outcome(envelope(), of([]))).toMatchObject({ sequence: 10 });
    expect(outcome(envelope(), of())).toBe('E_COMPONENT');
    expect(outcome(envelope(), of(['actor', 'blin']))).toBe('E_COMPONENT');
    expect(outcome(envelope(), of(['actor', 'blink', 'x']))).toBe('E_COMPONENT');
    const two = envelope({ components: [component(), component({ id: ['firmware', 'x'] })] });
    expect(outcome(two, of(['actor']))).toBe('E_COMPONENT');
    expect(outcome(two, of(['actor'], ['firmware']))).toMatchObject({ sequence: 10 });
  });
});

describe('in which order', () => {
  const accepted = outcome(envelope());
  const manifestDigest = typeof accepted === 'string' ? undefined : accepted.manifestDigest;
  const floor = (sequence: number, digest = manifestDigest) =>
    context({ floors: () => ({ floor: sequence, manifestDigest: digest }) });

  it('takes what is newer, and the same again as done already', () => {
    expect(outcome(envelope(), floor(9))).toMatchObject({ already: false });
    expect(outcome(envelope(), floor(10))).toMatchObject({ already: true });
    expect(outcome(envelope({ sequence: Number.MAX_SAFE_INTEGER }), floor(10))).toMatchObject({
      sequence: Number.MAX_SAFE_INTEGER,
    });
  });

  it('refuses what is older, and other content under the same number', () => {
    expect(outcome(envelope(), floor(11))).toBe('E_OLDER');
    expect(outcome(envelope({ deviceName: 'pi-01' }), floor(10))).toBe('E_EQUIVOCATION');
  });

  it('starts anew at a floor that was reset', () => {
    expect(
      outcome(envelope(), context({ floors: () => ({ floor: 10, manifestDigest: undefined }) })),
    ).toMatchObject({ already: false });
  });

  it('looks at every component of a release', () => {
    const bytes = envelope({ components: [component(), component({ id: ['actor', 'sensor'] })] });
    const first = outcome(bytes);
    const digest = typeof first === 'string' ? undefined : first.manifestDigest;
    const floors = (blink: number, sensor: number) =>
      context({
        floors: (id) => ({ floor: id[1] === 'blink' ? blink : sensor, manifestDigest: digest }),
      });
    expect(outcome(bytes, floors(9, 11))).toBe('E_OLDER');
    expect(outcome(bytes, floors(9, 10))).toMatchObject({ already: false });
    expect(outcome(bytes, floors(10, 10))).toMatchObject({ already: true });
  });

  it('refuses modules that are blocked here or by the trust document', () => {
    const digest = component().digest;
    expect(outcome(envelope(), context({ blocked: (one) => Buffer.compare(one, digest) === 0 }))).toBe(
      'E_BLOCKED',
    );
    const { trust } = context();
    expect(outcome(envelope(), context({ trust: { ...trust, blocked: [digest] } }))).toBe('E_BLOCKED');
  });
});

describe('for whom and when', () => {
  it.each<[string, Parameters<typeof envelope>[0], Parameters<typeof context>[0], string]>([
    ['another device', { deviceName: 'pi-02' }, {}, 'E_WRONG_DEVICE'],
    ['another vendor', { vendorDomain: 'example.com' }, {}, 'E_WRONG_DEVICE'],
    ['another board', { board: 'esp32-c3' }, {}, 'E_WRONG_DEVICE'],
    ['another interface', { board: 'raspberry-pi-5', abi: 'other' }, {}, 'E_WRONG_DEVICE'],
    ['a board, and the device has none', { board: 'raspberry-pi-5' }, { board: undefined }, 'E_WRONG_DEVICE'],
    ['expired', { useBefore: 100 }, { now: { seconds: 100, trusted: true } }, 'E_EXPIRED'],
    [
      'expired before the time floor',
      { useBefore: 100 },
      { now: { seconds: 101, trusted: false } },
      'E_EXPIRED',
    ],
  ])('%s: refused', (_name, changes, device, code) => {
    expect(outcome(envelope(changes), context(device))).toBe(code);
  });

  it('is accepted by the device and board that it names', () => {
    const bytes = envelope({ deviceName: 'pi-01', board: 'raspberry-pi-5', version: '1.2.3-rc.1' });
    expect(outcome(bytes)).toMatchObject({ version: [1, 2, 3, -1, 1], timeUnverified: false });
  });

  it('says when no clock could be trusted to test its expiry', () => {
    const bytes = envelope({ useBefore: 100 });
    expect(outcome(bytes, context({ now: { seconds: 99, trusted: true } }))).toMatchObject({
      timeUnverified: false,
    });
    expect(outcome(bytes, context({ now: { seconds: 99, trusted: false } }))).toMatchObject({
      timeUnverified: true,
    });
    expect(outcome(bytes)).toMatchObject({ timeUnverified: true });
  });

  it('applies only over the version that it needs', () => {
    const bytes = envelope({ components: [component({ requires: ['>=', '1.2'] })] });
    const installed = (version: number[] | undefined) => context({ installedVersion: () => version });
    expect(outcome(bytes, installed([1, 2, 9]))).toMatchObject({ sequence: 10 });
    expect(outcome(bytes, installed([1, 1]))).toBe('E_WRONG_DEVICE');
    expect(outcome(bytes, installed(undefined))).toBe('E_WRONG_DEVICE');
    expect(outcome(bytes)).toBe('E_WRONG_DEVICE');
  });
});

describe('the module', () => {
  it('is carried, or named with where to fetch it', () => {
    const carried = envelope({
      components: [
        component({ uri: '#blink', securityFloor: 4, probationSeconds: 30, replaceIdentity: true }),
      ],
      payloads: { '#blink': MODULE },
    });
    expect(outcome(carried)).toMatchObject({
      components: [{ payload: MODULE, securityFloor: 4, probationSeconds: 30, replaceIdentity: true }],
    });
    expect(outcome(envelope())).toMatchObject({ components: [{ uri: 'mqtt:', payload: undefined }] });
    const https = envelope({ components: [component({ uri: 'https://example.com/blink.wasm' })] });
    expect(outcome(https)).toMatchObject({ components: [{ uri: 'https://example.com/blink.wasm' }] });
  });

  it.each<[string, Uint8Array, string]>([
    ['of other content', Uint8Array.from(MODULE).fill(1, 7), 'E_DIGEST'],
    ['cut short', MODULE.subarray(1), 'E_SIZE'],
    ['followed by more', Uint8Array.from([...MODULE, 0]), 'E_SIZE'],
  ])('%s is refused', (_name, bytes, code) => {
    const carried = envelope({ components: [component({ uri: '#m' })], payloads: { '#m': bytes } });
    expect(outcome(carried)).toBe(code);
    expect(() => checkPayload(component(), bytes)).toThrow(expect.objectContaining({ code }));
  });

  it('is refused when it is missing from the envelope, too large, or behind another kind of address', () => {
    expect(outcome(envelope({ components: [component({ uri: '#gone' })] }))).toBe('E_ENVELOPE');
    expect(outcome(envelope({ components: [component({ size: 5 * 1024 * 1024 })] }))).toBe('E_TOO_LARGE');
    expect(outcome(envelope(), context({ maxPayloadBytes: 7 }))).toBe('E_TOO_LARGE');
    expect(outcome(envelope({ components: [component({ uri: 'http://example.com/x' })] }))).toBe('E_COMMAND');
    expect(outcome(envelope({ components: [component({ uri: 'file:///etc/passwd' })] }))).toBe('E_COMMAND');
  });

  it('may be eight at once', () => {
    const eight = Array.from({ length: 8 }, (_, index) => component({ id: ['actor', `a${index}`] }));
    const result = outcome(envelope({ components: eight, deviceName: 'pi-01', useBefore: 2 ** 40 }));
    expect(result).toMatchObject({ components: eight.map(({ id }) => ({ id, uri: 'mqtt:' })) });
  });
});
