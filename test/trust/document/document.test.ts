import { describe, expect, it } from 'vitest';
import { type CborKey, type CborValue, Encoded } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { createAuthentication, sha256 } from '#runtime/trust/cose/authentication.js';
import { coseKey, keyId, keyName } from '#runtime/trust/cose/key.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import { encodeTrustDocument } from '#runtime/trust/document/codec.js';
import {
  allowsCapability,
  createTrustDocument,
  keysOf,
  type TrustDocumentOptions,
} from '#runtime/trust/document/document.js';
import { acceptNext, readTrustDocument, signTrustDocument } from '#runtime/trust/document/signed.js';
import { codeOf, cutCodes, flipCodes, type Range, rangeOf } from '../flips.js';

const [a, b, c, d] = [1, 2, 3, 4].map((fill) => signerFromSeed(new Uint8Array(32).fill(fill))) as [
  Signer,
  Signer,
  Signer,
  Signer,
];
const pub = (...signers: Signer[]) => signers.map((signer) => signer.publicKey);
const IDENTITY = Uint8Array.from([1, ...new Uint8Array(31)]);

function options(version: number, root: Signer[], threshold: number): TrustDocumentOptions {
  return { version, issued: 1000 + version, roles: { root: { keys: pub(...root), threshold } } };
}
const file = (version: number, root: Signer[], threshold: number, by: Signer[]) =>
  signTrustDocument(createTrustDocument(options(version, root, threshold)), by);

describe('a trust document', () => {
  const full = createTrustDocument({
    version: 3,
    issued: 1000,
    expires: 2000,
    roles: {
      root: { keys: pub(a, b, c), threshold: 2 },
      release: {
        keys: pub(d),
        components: [['actor'], ['firmware', 'x']],
        capabilities: ['iot:gpio'],
        mayGrow: false,
      },
      control: { keys: pub(a, d) },
      claims: { keys: pub(c), components: [] },
    },
    floorResets: [{ component: ['actor', 'blink'], floor: 7 }],
    blocked: [new Uint8Array(32).fill(9)],
    minimumHost: [0, 1],
  });

  it('comes back as it was', () => {
    const read = readTrustDocument(signTrustDocument(full, [a, c]));
    expect(read).toEqual(full);
    expect([...keysOf(read, 'control').keys()].sort()).toEqual(pub(a, d).map(keyName).sort());
    expect(keysOf(read, 'push').size).toBe(0);
  });

  it('grants every component and contract unless told otherwise', () => {
    const root = createTrustDocument(options(1, [a], 1)).roles.get('root');
    expect(root).toMatchObject({ threshold: 1, components: [[]], capabilities: ['*'], mayGrow: true });
    const release = full.roles.get('release');
    expect(release && allowsCapability(release, 'iot:gpio')).toBe(true);
    expect(release && allowsCapability(release, 'iot:gpi')).toBe(false);
    expect(root && allowsCapability(root, 'iot:anything')).toBe(true);
  });

  it.each<[string, string, () => unknown]>([
    ['one signature where two are needed', 'E_UNTRUSTED', () => file(1, [a, b], 2, [a])],
    ['one key twice where two are needed', 'E_UNTRUSTED', () => file(1, [a, b], 2, [a, a])],
    ['a signature by a key that is not root', 'E_UNTRUSTED', () => signTrustDocument(full, [a, d])],
  ])('is refused with %s: %s', (_name, code, make) => {
    expect(codeOf(() => readTrustDocument(make() as Uint8Array))).toBe(code);
  });

  it.each<[string, string, () => unknown]>([
    ['a weak key', 'E_KEY', () => ({ ...options(1, [a], 1), roles: { root: { keys: [IDENTITY] } } })],
    ['a key twice in a role', 'E_CONFIG', () => options(1, [a, a], 1)],
    ['more signatures than keys', 'E_CONFIG', () => options(1, [a], 2)],
    ['a threshold of none', 'E_CONFIG', () => options(1, [a], 0)],
    ['version 0', 'E_CONFIG', () => options(0, [a], 1)],
    ['half a second', 'E_CONFIG', () => ({ ...options(1, [a], 1), issued: 0.5 })],
    ['an expiry beyond 2^53-1', 'E_CONFIG', () => ({ ...options(1, [a], 1), expires: 2 ** 53 })],
    [
      'a floor below 0',
      'E_CONFIG',
      () => ({ ...options(1, [a], 1), floorResets: [{ component: ['x'], floor: -1 }] }),
    ],
    ['a short blocked digest', 'E_CONFIG', () => ({ ...options(1, [a], 1), blocked: [new Uint8Array(3)] })],
    [
      'two floor resets of one component',
      'E_CONFIG',
      () => ({
        ...options(1, [a], 1),
        floorResets: [
          { component: ['x'], floor: 1 },
          { component: ['x'], floor: 2 },
        ],
      }),
    ],
  ])('is not made with %s: %s', (_name, code, make) => {
    expect(codeOf(() => createTrustDocument(make() as TrustDocumentOptions))).toBe(code);
  });

  it('is refused when any byte is flipped, and when cut anywhere', () => {
    const bytes = signTrustDocument(full, [a, b]);
    const member = writeCbor(encodeTrustDocument(full));
    const [content, digest] = [rangeOf(bytes, encodeTrustDocument(full)), rangeOf(bytes, sha256(member))];
    const [first, second] = [rangeOf(bytes, keyId(a.publicKey)), rangeOf(bytes, keyId(b.publicKey))];
    const behind = ([, end]: Range): Range => [end + 4, end + 4 + 64];
    const regions = {
      digest,
      'first kid': first,
      'first signature': behind(first),
      'second kid': second,
      'second signature': behind(second),
      'head of the content': [content[0] - 3, content[0]] as const,
      content,
    };
    expect(flipCodes(bytes, regions, readTrustDocument)).toEqual({
      digest: ['E_DIGEST'],
      'first kid': ['E_UNTRUSTED'],
      'first signature': ['E_SIGNATURE'],
      'second kid': ['E_UNTRUSTED'],
      'second signature': ['E_SIGNATURE'],
      // Compared before it is looked into: even what became a tag has another digest.
      'head of the content': ['E_DIGEST', 'E_ENVELOPE'],
      content: ['E_DIGEST'],
      structure: ['E_ALG', 'E_ENVELOPE', 'E_UNTRUSTED'],
    });
    expect(cutCodes(bytes, readTrustDocument)).toEqual(['E_ENVELOPE']);
    expect(codeOf(() => readTrustDocument(new Uint8Array(70_000)))).toBe('E_TOO_LARGE');
  });
});

describe('a document that its root keys signed, but that is not sound', () => {
  type Entries = [CborKey, CborValue | undefined][];
  const map = (entries: Entries) => new Map(entries);
  const role = (changes: Entries = []) =>
    map([...map([[1, [keyId(a.publicKey)]], [2, 1], [3, [[]]], [4, ['*']], [5, 1], ...changes])]);
  const sound: Entries = [
    [1, 1],
    [2, 1000],
    [4, map([[keyId(a.publicKey), coseKey(a.publicKey)]])],
    [5, map([['root', role()]])],
  ];
  const read = (changes: Entries) => {
    const member = writeCbor(writeCbor(map([...map([...sound, ...changes])])));
    return codeOf(() =>
      readTrustDocument(writeCbor([createAuthentication(member, [a]), new Encoded(member)])),
    );
  };
  const keys = (...entries: Entries) => map([[keyId(a.publicKey), coseKey(a.publicKey)], ...entries]);

  it('is accepted when it is sound', () => {
    expect(read([])).toBe('accepted');
  });

  it.each<[string, string, Entries]>([
    ['an unknown member', 'E_COMMAND', [[9, 0]]],
    [
      'an unknown role',
      'E_COMMAND',
      [
        [
          5,
          map([
            ['root', role()],
            ['admin', role()],
          ]),
        ],
      ],
    ],
    ['no floor reset, but said so', 'E_ENVELOPE', [[6, map([])]]],
    ['no blocked digest, but said so', 'E_ENVELOPE', [[7, []]]],
    ['no root', 'E_CONFIG', [[5, map([['release', role()]])]]],
    ['no roles', 'E_ENVELOPE', [[5, undefined]]],
    ['unknown flags', 'E_ENVELOPE', [[5, map([['root', role([[5, 2]])]])]]],
    ['an unknown member of a role', 'E_COMMAND', [[5, map([['root', role([[6, 0]])]])]]],
    [
      'a key under the name of another',
      'E_ENVELOPE',
      [[4, keys([keyId(b.publicKey), coseKey(c.publicKey)])]],
    ],
    ['a weak key, though no role uses it', 'E_KEY', [[4, keys([keyId(IDENTITY), coseKey(IDENTITY)])]]],
    [
      'a role with a key that is not there',
      'E_CONFIG',
      [
        [
          5,
          map([
            ['root', role()],
            ['release', role([[1, [keyId(b.publicKey)]]])],
          ]),
        ],
      ],
    ],
    [
      'a role that lists a key twice',
      'E_CONFIG',
      [[5, map([['root', role([[1, [keyId(a.publicKey), keyId(a.publicKey)]]])]])]],
    ],
    ['a fraction as version', 'E_ENVELOPE', [[1, 1.5]]],
  ])('is refused with %s: %s', (_name, code, changes) => {
    expect(read(changes)).toBe(code);
  });
});

describe('the next document', () => {
  const current = createTrustDocument(options(1, [a, b], 2));
  const next = (bytes: Uint8Array, from = current) => codeOf(() => acceptNext(from, bytes));

  it.each<[string, string, Uint8Array]>([
    ['the same keys', 'accepted', file(2, [a, b], 2, [a, b])],
    ['new keys, signed by the old and the new', 'accepted', file(2, [c, d], 2, [a, b, c, d])],
    ['one key replaced', 'accepted', file(2, [b, c], 2, [a, b, c])],
    ['a lower threshold, signed by enough of the old', 'accepted', file(2, [a], 1, [a, b])],
    ['new keys, signed by the new only', 'E_UNTRUSTED', file(2, [c, d], 2, [c, d])],
    ['new keys, signed by the old only', 'E_UNTRUSTED', file(2, [c, d], 2, [a, b])],
    ['a lower threshold, signed by one of the old', 'E_UNTRUSTED', file(2, [a], 1, [a])],
    ['a version in between missing', 'E_UNTRUSTED', file(3, [a, b], 2, [a, b])],
    ['the same version', 'E_OLDER', file(1, [a, b], 2, [a, b])],
  ])('with %s: %s', (_name, code, bytes) => {
    expect(next(bytes)).toBe(code);
  });

  it('walks from one set of keys to another, and revokes what it leaves out', () => {
    const second = acceptNext(current, file(2, [b, c], 2, [a, b, c]));
    const third = acceptNext(second, file(3, [c, d], 2, [b, c, d]));
    expect([...third.keys.keys()].sort()).toEqual(pub(c, d).map(keyName).sort());
    expect(next(file(4, [a, b], 2, [a, b]), third)).toBe('E_UNTRUSTED');
    expect(next(file(2, [b, c], 2, [a, b, c]), third)).toBe('E_OLDER');
  });
});
