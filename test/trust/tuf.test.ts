import { describe, expect, it } from 'vitest';
import { newResets } from '#runtime/ota/trust/adopt.js';
import { type CborKey, type CborValue, Encoded } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { createAuthentication } from '#runtime/trust/cose/authentication.js';
import { coseKey, keyId, keyName } from '#runtime/trust/cose/key.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import {
  createTrustDocument,
  keysOf,
  ROLES,
  type RoleName,
  type TrustDocument,
  type TrustDocumentOptions,
} from '#runtime/trust/document/document.js';
import {
  acceptNext,
  MAX_DOCUMENT_BYTES,
  readTrustDocument,
  signTrustDocument,
} from '#runtime/trust/document/signed.js';
import { MAX_FRESH_BYTES, signFreshUntil, verifyFreshUntil } from '#runtime/trust/fresh/fresh-until.js';
import { freshness } from '#runtime/trust/fresh/freshness.js';
import { KeyPair } from '#runtime/trust/nkeys/index.js';
import { createRequest, verifyRequest } from '#runtime/trust/rpc/request.js';
import type { Floor } from '#runtime/trust/suit/verify.js';
import { requireIssuer, signModule, verifyModule } from '#runtime/trust/wascap/index.js';
import { codeOf } from './flips.js';
import { p256Signer } from './p256-signer.js';
import { component, context, envelope, MODULE, outcome } from './suit/scene.js';

/** Everybody by one letter; upper case are keys of security modules. */
const signers = new Map<string, Signer>([
  ...[...'abcdef'].map(
    (letter, index) => [letter, signerFromSeed(new Uint8Array(32).fill(index + 1))] as const,
  ),
  ...[...'AB'].map((letter, index) => [letter, p256Signer(index + 1)] as const),
]);
const by = (letters: string): Signer[] =>
  [...letters].map((letter) => signers.get(letter) ?? signerFromSeed(new Uint8Array(32)));
const pub = (letters: string) => by(letters).map(({ publicKey }) => publicKey);

/** `2 ab/2 abc`: version 2, root keys a and b, two of which must sign; signed by a, b and c. */
function root(text: string, more: Partial<TrustDocumentOptions> = {}): Uint8Array {
  const [version, role, signedBy = ''] = text.split(' ');
  const [keys = '', threshold] = (role ?? '').split('/');
  const document = createTrustDocument({
    version: Number(version),
    issued: 1000,
    roles: { root: { keys: pub(keys), threshold: Number(threshold) } },
    ...more,
  });
  return signTrustDocument(document, by(signedBy));
}

/** What becomes of a device that is given these, one after another: its version in the end, and each refusal. */
function follow(...steps: string[]): string {
  let current: TrustDocument | undefined;
  const refused: string[] = [];
  for (const step of steps) {
    const code = codeOf(() => {
      const bytes = root(step);
      current = current === undefined ? readTrustDocument(bytes) : acceptNext(current, bytes);
    });
    if (code !== 'accepted') refused.push(code);
  }
  return [`at ${current?.version}`, ...refused].join(', ');
}

describe('root rotation', () => {
  it.each<[string, string, string[]]>([
    ['the same keys', 'at 2', ['1 a/1 a', '2 a/1 a']],
    ['one key for another', 'at 2', ['1 a/1 a', '2 b/1 ab']],
    ['one key for another, signed by the old alone', 'at 1, E_UNTRUSTED', ['1 a/1 a', '2 b/1 a']],
    ['one key for another, signed by the new alone', 'at 1, E_UNTRUSTED', ['1 a/1 a', '2 b/1 b']],
    ['one key becomes two of two', 'at 2', ['1 a/1 a', '2 ab/2 ab']],
    ['one key becomes two of two, signed once', 'at 1, E_UNTRUSTED', ['1 a/1 a', '2 ab/2 a']],
    ['two of three, one of them replaced', 'at 2', ['1 abc/2 ab', '2 abd/2 ab']],
    [
      'two of three, one replaced, signed by new and one old',
      'at 1, E_UNTRUSTED',
      ['1 abc/2 ab', '2 abd/2 ad'],
    ],
    ['two of three, all replaced', 'at 2', ['1 abc/2 ab', '2 def/2 abde']],
    ['two of three, all replaced, one old too few', 'at 1, E_UNTRUSTED', ['1 abc/2 ab', '2 def/2 ade']],
    ['two of three, all replaced, one new too few', 'at 1, E_UNTRUSTED', ['1 abc/2 ab', '2 def/2 abd']],
    ['a lower threshold, by the old threshold', 'at 2', ['1 ab/2 ab', '2 ab/1 ab']],
    ['a lower threshold, by one', 'at 1, E_UNTRUSTED', ['1 ab/2 ab', '2 ab/1 a']],
    ['a lower threshold and the same key twice', 'at 1, E_UNTRUSTED', ['1 ab/2 ab', '2 ab/1 aa']],
    ['a higher threshold, by the old one', 'at 1, E_UNTRUSTED', ['1 ab/1 a', '2 ab/2 a']],
    ['a higher threshold, by the new one', 'at 2', ['1 ab/1 a', '2 ab/2 ab']],
    ['a threshold beyond the keys', 'at 1, E_CONFIG', ['1 ab/1 a', '2 ab/3 ab']],
    ['no key', 'at 1, E_CONFIG', ['1 a/1 a', '2 /1 a']],
    ['no threshold', 'at 1, E_CONFIG', ['1 a/1 a', '2 a/0 a']],
    ['a key listed twice for a threshold of two', 'at 1, E_CONFIG', ['1 a/1 a', '2 aa/2 aa']],
    ['many steps', 'at 5', ['1 a/1 a', '2 b/1 ab', '3 c/1 bc', '4 d/1 cd', '5 a/1 da']],
    ['a gap', 'at 1, E_UNTRUSTED', ['1 a/1 a', '3 a/1 a']],
    ['a gap that is filled', 'at 3, E_UNTRUSTED', ['1 a/1 a', '3 a/1 a', '2 a/1 a', '3 a/1 a']],
    ['the same again', 'at 2, E_OLDER', ['1 a/1 a', '2 a/1 a', '2 a/1 a']],
    ['an older one', 'at 2, E_OLDER', ['1 a/1 a', '2 a/1 a', '1 a/1 a']],
    ['a fork: another second one', 'at 2, E_OLDER', ['1 ab/1 a', '2 ab/1 a', '2 b/1 ab']],
    ['an old key after its replacement', 'at 2, E_UNTRUSTED', ['1 a/1 a', '2 b/1 ab', '3 a/1 a']],
    ['an old key that is taken back', 'at 3', ['1 a/1 a', '2 b/1 ab', '3 a/1 ab']],
    ['signatures by strangers beside enough good ones', 'at 2', ['1 ab/2 ab', '2 ab/2 cdab']],
    ['more signatures than a device reads', 'at 1, E_TOO_LARGE', ['1 a/1 a', '2 a/1 aaaaaaaaa']],
    ['a security module takes over, and hands back', 'at 3', ['1 a/1 a', '2 A/1 aA', '3 b/1 Ab']],
    ['a security module and a key, both needed', 'at 2', ['1 aA/2 aA', '2 aB/2 aAB']],
    ['a security module, without its own signature', 'at 1, E_UNTRUSTED', ['1 a/1 a', '2 A/1 a']],
    ['the highest version there is, at once', 'at 1, E_UNTRUSTED', ['1 a/1 a', `${2 ** 53 - 1} a/1 a`]],
    ['a first document that lacks a signature', 'at undefined, E_UNTRUSTED', ['1 ab/2 a']],
  ])('%s: %s', (_name, ending, steps) => {
    expect(follow(...steps)).toBe(ending);
  });

  it('tells a spoilt signature of a trusted key from one that is missing, and does without it when it can', () => {
    const current = readTrustDocument(root('1 abc/2 ab'));
    const spoil = (bytes: Uint8Array, letter: string) => {
      const at = Buffer.from(bytes).indexOf(keyId(pub(letter)[0] ?? new Uint8Array())) + 32 + 4;
      return Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));
    };
    expect(codeOf(() => acceptNext(current, spoil(root('2 abc/2 abc'), 'a')))).toBe('accepted');
    expect(codeOf(() => acceptNext(current, spoil(root('2 abc/2 ab'), 'a')))).toBe('E_SIGNATURE');
  });
});

describe('one key under several names', () => {
  type Entries = readonly (readonly [CborKey, CborValue])[];
  const [a = new Uint8Array(), b = new Uint8Array()] = pub('ab');
  const role = (kids: Uint8Array[]) =>
    new Map<number, CborValue>([
      [1, kids],
      [2, 2],
      [3, [[]]],
      [4, ['*']],
      [5, 1],
    ]);
  const read = (keys: Entries, kids: Uint8Array[]) => {
    const document = new Map<number, CborValue>([
      [1, 1],
      [2, 1000],
      [4, new Map(keys)],
      [5, new Map([['root', role(kids)]])],
    ]);
    const member = writeCbor(writeCbor(document));
    const bytes = writeCbor([createAuthentication(member, by('ab')), new Encoded(member)]);
    return codeOf(() => readTrustDocument(bytes));
  };
  const plain = [keyId(a), coseKey(a)] as const;
  const named = new Map([...(coseKey(a) as Map<number, CborValue>), [2, Uint8Array.of(1)] as const]);

  it('is impossible: a name is the thumbprint of its key, and a key has one spelling', () => {
    expect(read([plain, [keyId(b), coseKey(b)]], [keyId(a), keyId(b)])).toBe('accepted');
    expect(read([plain, [keyId(b), coseKey(a)]], [keyId(a), keyId(b)])).toBe('E_ENVELOPE');
    expect(read([plain, [new Uint8Array(32), coseKey(a)]], [keyId(a), new Uint8Array(32)])).toBe(
      'E_ENVELOPE',
    );
    expect(read([plain, [keyId(b), named]], [keyId(a), keyId(b)])).toBe('E_ENVELOPE');
    expect(read([plain, [keyId(b), coseKey(b)]], [keyId(a), keyId(a)])).toBe('E_CONFIG');
    expect(read([plain], [keyId(a), keyId(b)])).toBe('E_CONFIG');
  });
});

describe('separation of roles', () => {
  /** Each role has a key of its own. */
  const own: Readonly<Record<RoleName, string>> = {
    root: 'a',
    release: 'b',
    claims: 'c',
    control: 'd',
    fresh: 'e',
    push: 'f',
  };
  const trust = createTrustDocument({
    version: 1,
    issued: 0,
    roles: {
      root: { keys: pub(own.root) },
      ...Object.fromEntries(ROLES.slice(1).map((name) => [name, { keys: pub(own[name]) }])),
    },
  });
  const signer = (name: RoleName) => by(own[name])[0] as Signer;
  const account = (name: RoleName) =>
    KeyPair.fromRawSeed('account', new Uint8Array(32).fill('abcdef'.indexOf(own[name]) + 1));
  const moduleKey = KeyPair.fromRawSeed('module', new Uint8Array(32).fill(9));
  const request = { device: 'pi-01', session: 1, counter: 1, operation: 'ps', args: null };
  const statement = { device: 'pi-01', issued: 0, until: 1, newest: new Map<string, number>() };

  /** What each object needs, and how it is judged when a key of some role has signed it. */
  const objects: Readonly<Record<string, readonly [needs: RoleName, judge: (as: RoleName) => unknown]>> = {
    'a trust document': [
      'root',
      (as) => {
        const next = createTrustDocument({
          version: 2,
          issued: 0,
          roles: { root: { keys: pub(own.root + own[as]).slice(0, as === 'root' ? 1 : 2) } },
        });
        return acceptNext(trust, signTrustDocument(next, [signer(as)]));
      },
    ],
    'an update': [
      'release',
      (as) => {
        const result = outcome(envelope({ signers: [signer(as)] }), context({ trust }));
        if (typeof result === 'string') throw Object.assign(new Error(result), { code: result });
        return result;
      },
    ],
    claims: [
      'claims',
      (as) => {
        const module = signModule(MODULE, { account: account(as), module: moduleKey, name: 'blink' });
        return requireIssuer(verifyModule(module), keysOf(trust, 'claims').values());
      },
    ],
    'a request': [
      'control',
      (as) =>
        verifyRequest(createRequest(signer(as), request), trust, {
          ...request,
          lastCounter: () => undefined,
        }),
    ],
    'the freshness index': [
      'fresh',
      (as) => verifyFreshUntil(signFreshUntil(signer(as), statement), trust, 'pi-01'),
    ],
  };
  const judged = (judge: (as: RoleName) => unknown, as: RoleName) => {
    try {
      judge(as);
      return 'accepted';
    } catch (thrown) {
      return (thrown as { code?: string }).code ?? String(thrown);
    }
  };

  it.each(Object.entries(objects))(
    '%s is taken from a key of its own role, from no other',
    (_name, [needs, judge]) => {
      const results = Object.fromEntries(ROLES.map((name) => [name, judged(judge, name)]));
      const refusal = needs === 'control' ? 'E_UNAUTHORISED' : 'E_UNTRUSTED';
      expect(results).toEqual(
        Object.fromEntries(ROLES.map((name) => [name, name === needs ? 'accepted' : refusal])),
      );
    },
  );

  it('a key that the document holds for no role is good for nothing', () => {
    const [f = new Uint8Array()] = pub('f');
    const idle = { ...trust, roles: new Map([...trust.roles].filter(([name]) => name !== 'push')) };
    expect(idle.keys.has(keyName(f))).toBe(true);
    expect(outcome(envelope({ signers: by('f') }), context({ trust: idle }))).toBe('E_UNTRUSTED');
    expect(keysOf(idle, 'push').size).toBe(0);
  });
});

describe('rollback, object by object', () => {
  const trust = createTrustDocument({
    version: 1,
    issued: 0,
    roles: { root: { keys: pub('a') }, release: { keys: pub('ab') }, control: { keys: pub('a') } },
  });
  const floors = (floor: Floor) => context({ trust, floors: () => floor });
  const manifestDigest = new Uint8Array(32);

  it.each<[string, string, () => unknown]>([
    [
      'an older trust document',
      'E_OLDER',
      () => acceptNext(readTrustDocument(root('7 a/1 a')), root('6 a/1 a')),
    ],
    [
      'the same trust document',
      'E_OLDER',
      () => acceptNext(readTrustDocument(root('7 a/1 a')), root('7 a/1 a')),
    ],
    [
      'a request that was seen',
      'E_REPLAY',
      () => {
        const request = { device: 'pi-01', session: 1, counter: 4, operation: 'ps', args: null };
        return verifyRequest(createRequest(by('a')[0] as Signer, request), trust, {
          ...request,
          lastCounter: () => 4,
        });
      },
    ],
    [
      'a request of another session',
      'E_REPLAY',
      () => {
        const request = { device: 'pi-01', session: 1, counter: 4, operation: 'ps', args: null };
        return verifyRequest(createRequest(by('a')[0] as Signer, request), trust, {
          device: 'pi-01',
          session: 2,
          lastCounter: () => undefined,
        });
      },
    ],
  ])('%s: %s', (_name, code, judge) => {
    expect(codeOf(judge)).toBe(code);
  });

  it.each<[string, string, number, number]>([
    ['older', 'E_OLDER', 9, 10],
    ['much older', 'E_OLDER', 0, 2 ** 53 - 1],
    ['other content under the same number', 'E_EQUIVOCATION', 10, 10],
  ])('an update that is %s: %s', (_name, code, sequence, floor) => {
    expect(outcome(envelope({ sequence }), floors({ floor, manifestDigest }))).toBe(code);
  });

  it('an update is told to be older before anybody looks at where it is for, or when', () => {
    const late = envelope({ sequence: 9, deviceName: 'pi-02', useBefore: 1 });
    expect(outcome(late, floors({ floor: 10, manifestDigest }))).toBe('E_OLDER');
  });
});

describe('expiry, object by object', () => {
  it('an update, to the second', () => {
    const at = (seconds: number, trusted = true) =>
      outcome(envelope({ useBefore: 100 }), context({ now: { seconds, trusted } }));
    expect(at(99)).toMatchObject({ timeUnverified: false });
    expect(at(100)).toBe('E_EXPIRED');
    expect(at(100, false)).toBe('E_EXPIRED');
    expect(at(99, false)).toMatchObject({ timeUnverified: true });
  });

  it('claims, to the second; not yet valid only by a clock that is trusted', () => {
    const account = KeyPair.fromRawSeed('account', new Uint8Array(32).fill(1));
    const module = KeyPair.fromRawSeed('module', new Uint8Array(32).fill(2));
    const bytes = signModule(MODULE, {
      account,
      module,
      name: 'x',
      expires: 100,
      notBefore: 50,
      issuedAt: 40,
    });
    const at = (now: number, timeTrusted = true) => codeOf(() => verifyModule(bytes, { now, timeTrusted }));
    expect([49, 50, 100, 101].map((now) => at(now))).toEqual([
      'E_NOT_YET_VALID',
      'accepted',
      'accepted',
      'E_EXPIRED',
    ]);
    expect([49, 101].map((now) => at(now, false))).toEqual(['accepted', 'E_EXPIRED']);
  });

  it('the freshness index: stale from its second on, which stops nothing', () => {
    const statement = { device: 'pi-01', issued: 10, until: 100, newest: new Map([['blink', 3]]) };
    expect(freshness(statement, 99, () => 3).state).toBe('fresh');
    expect(freshness(statement, 100, () => 3)).toMatchObject({ state: 'stale', at: 100 });
    expect(freshness(statement, 99, () => 2)).toMatchObject({ state: 'behind', missing: ['blink'] });
  });

  it('a trust document is still read when it has expired, so that the next one can follow it', () => {
    const expired = readTrustDocument(root('1 a/1 a', { expires: 1 }));
    expect(expired.expires).toBe(1);
    expect(acceptNext(expired, root('2 a/1 a')).version).toBe(2);
  });
});

describe('a stolen release key that runs ahead', () => {
  const released = (version: number, keys: string, floor?: number) =>
    createTrustDocument({
      version,
      issued: version,
      roles: { root: { keys: pub('ab'), threshold: 2 }, release: { keys: pub(keys) } },
      ...(floor === undefined ? {} : { floorResets: [{ component: ['actor', 'blink'], floor }] }),
    });
  const stolen = (sequence: number) => envelope({ sequence, signers: by('d') });
  // For one device: other content than the thief's under the same number.
  const ours = (sequence: number) => envelope({ sequence, deviceName: 'pi-01', signers: by('c') });
  const highest = Number.MAX_SAFE_INTEGER;

  it('blocks everything, until a document drops it and starts the component anew', () => {
    const first = released(1, 'cd');
    const taken = outcome(stolen(highest), context({ trust: first }));
    if (typeof taken === 'string') throw new Error(taken);
    const ahead = { floor: highest, manifestDigest: taken.manifestDigest };
    expect(outcome(ours(11), context({ trust: first, floors: () => ahead }))).toBe('E_OLDER');
    expect(outcome(ours(highest), context({ trust: first, floors: () => ahead }))).toBe('E_EQUIVOCATION');

    const second = acceptNext(first, signTrustDocument(released(2, 'c', 11), by('ab')));
    const floor = newResets(second, first).get('blink') ?? highest;
    const anew = { floor, manifestDigest: undefined };
    expect(outcome(ours(11), context({ trust: second, floors: () => anew }))).toMatchObject({
      already: false,
    });
    expect(outcome(ours(10), context({ trust: second, floors: () => anew }))).toBe('E_OLDER');
    expect(outcome(stolen(highest), context({ trust: second, floors: () => anew }))).toBe('E_UNTRUSTED');
  });

  it('resets a floor once: the document after it hands the reset on without making it again', () => {
    const second = released(2, 'c', 11);
    const third = acceptNext(second, signTrustDocument(released(3, 'c', 11), by('ab')));
    expect(newResets(third, second).has('blink')).toBe(false);
    expect(newResets(released(4, 'c', 12), third).get('blink')).toBe(12);
  });

  it('cannot make sequence numbers that nobody could exceed', () => {
    expect(codeOf(() => stolen(2 ** 53))).toBe('E_USAGE');
  });

  it('cannot reset floors itself: only root signs documents', () => {
    const first = released(1, 'cd');
    expect(codeOf(() => acceptNext(first, signTrustDocument(released(2, 'cd', 0), by('d'))))).toBe(
      'E_UNTRUSTED',
    );
  });
});

describe('endless data is refused by its size, before it is read', () => {
  const trust = readTrustDocument(root('1 a/1 a'));
  it.each<[string, (bytes: Uint8Array) => unknown, number]>([
    ['a trust document', readTrustDocument, MAX_DOCUMENT_BYTES],
    ['the freshness index', (bytes) => verifyFreshUntil(bytes, trust, 'pi-01'), MAX_FRESH_BYTES],
    [
      'a request',
      (bytes) => verifyRequest(bytes, trust, { device: '', session: 0, lastCounter: () => 0 }),
      1024 * 1024 + 8192,
    ],
  ])('%s', (_name, judge, limit) => {
    // Nonsense: whoever began to read it would say so.
    expect(codeOf(() => judge(new Uint8Array(limit + 1).fill(0xff)))).toBe('E_TOO_LARGE');
    expect(codeOf(() => judge(new Uint8Array(limit).fill(0xff)))).toBe('E_ENVELOPE');
  });

  it('an update, with its modules and without', () => {
    const small = context({ maxPayloadBytes: 100 });
    expect(outcome(new Uint8Array(8192 + 101).fill(0xff), small)).toBe('E_TOO_LARGE');
    expect(outcome(new Uint8Array(8192 + 100).fill(0xff), small)).toBe('E_ENVELOPE');
    expect(outcome(envelope({ components: [component({ size: 101 })] }), small)).toBe('E_TOO_LARGE');
  });

  it('a module with another digest than was signed, or another size', () => {
    const other = Uint8Array.from(MODULE).fill(1, 7);
    const carried = (bytes: Uint8Array) =>
      outcome(envelope({ components: [component({ uri: '#m' })], payloads: { '#m': bytes } }));
    expect(carried(MODULE)).toMatchObject({ sequence: 10 });
    expect(carried(other)).toBe('E_DIGEST');
    expect(carried(Uint8Array.of(...MODULE, 0))).toBe('E_SIZE');
  });
});
