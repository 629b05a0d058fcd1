import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePublicKey, generateKey, KeyPair } from '#runtime/trust/nkeys/index.js';
import {
  isSigned,
  readToken,
  requireIssuer,
  stripTokens,
  verifyModule,
} from '#runtime/trust/wascap/index.js';
import { cutCodes, flipCodes, rangeOf } from '../flips.js';
import {
  account,
  CODE,
  handSigned,
  moduleKey,
  NOW,
  OTHER_CODE,
  otherModuleKey,
  outcome,
  PADDED,
  payload,
  sha256,
  stranger,
  tokenOf,
  withToken,
} from './support.js';

const verified = (module: Uint8Array, options = {}) => outcome(() => verifyModule(module, options));
/** The wascap object of the usual payload, changed. */
const claims = (more: Record<string, unknown>) => ({
  wascap: { ...(payload(CODE).wascap as Record<string, unknown>), ...more },
});

describe('modules as other signers made them', () => {
  it('of waSCC: section jwt, no revision, an empty capability', () => {
    const module = handSigned(claims({ caps: [''], call_alias: 'blink_it', rev: 7, tags: ['a', 'b'] }));
    expect(verifyModule(module)).toEqual({
      issuer: account.publicKey,
      subject: moduleKey.publicKey,
      name: 'Blink',
      caps: [],
      tags: ['a', 'b'],
      rev: 7,
      ver: '1.0.0',
      callAlias: 'blink_it',
      provider: false,
      id: 'one',
      issuedAt: NOW,
      expires: undefined,
      notBefore: undefined,
      wascapRevision: undefined,
      hashForm: 'raw',
    });
  });

  it.each([
    ['jwt', undefined],
    ['jwt', 2],
    ['wasmcloud_jwt', 2],
    ['wasmcloud_jwt', 3],
  ])('section %s, revision %s, both forms of hash', (section, revision) => {
    const token = (hash: string) =>
      tokenOf({ payload: payload(CODE, { ...claims({ hash }), wascap_revision: revision }) });
    const raw = verifyModule(withToken(PADDED, token(sha256(PADDED)), section));
    expect(raw).toMatchObject({ hashForm: 'raw', wascapRevision: revision });
    const canonical = verifyModule(withToken(PADDED, token(sha256(CODE)), section));
    expect(canonical).toMatchObject({ hashForm: 'canonical', wascapRevision: revision });
  });

  it('with the token in front of the code, and with a padded section length', () => {
    const token = Buffer.from(tokenOf({ payload: payload(CODE) }));
    const size = token.length + 4;
    const section = [0, (size & 0x7f) | 0x80, (size >> 7) | 0x80, 0x80, 0x00, 3, 0x6a, 0x77, 0x74, ...token];
    const module = Uint8Array.from([...CODE.subarray(0, 8), ...section, ...CODE.subarray(8)]);
    expect(verifyModule(module).name).toBe('Blink');
    expect(stripTokens(module)).toEqual(CODE);
  });

  it('with what serde leaves out or writes as null', () => {
    const module = handSigned({
      nbf: null,
      exp: null,
      wascap: { hash: sha256(CODE), caps: null, rev: null },
    });
    expect(verifyModule(module)).toMatchObject({ name: '', caps: [], rev: undefined, expires: undefined });
  });

  it('with the later name of the algorithm', () => {
    const token = tokenOf({ header: { alg: 'EdDSA', typ: 'jwt' }, payload: payload(CODE) });
    expect(verifyModule(withToken(CODE, token)).name).toBe('Blink');
  });

  it('that are providers themselves', () => {
    expect(verifyModule(handSigned(claims({ prov: true }))).provider).toBe(true);
  });

  it('of unequal code with equal tokens: the identity goes with the token, the code has to fit', () => {
    const one = tokenOf({ payload: payload(CODE) });
    const other = tokenOf({ payload: payload(OTHER_CODE, { sub: otherModuleKey.publicKey }) });
    expect(verified(withToken(CODE, other))).toMatch(/^E_HASH the claims were made for other code/);
    expect(verified(withToken(OTHER_CODE, one))).toMatch(/^E_HASH /);
    const sameCode = tokenOf({ payload: payload(CODE, { sub: otherModuleKey.publicKey }) });
    expect(verifyModule(withToken(CODE, sameCode)).subject).toBe(otherModuleKey.publicKey);
  });
});

describe('what is refused', () => {
  it('no token, with the command that makes one', () => {
    expect(() => verifyModule(CODE)).toThrow(
      expect.objectContaining({ code: 'E_UNSIGNED', hint: 'iot-host sign FILE' }),
    );
    expect(isSigned(CODE)).toBe(false);
    expect(isSigned(handSigned())).toBe(true);
  });

  it.each([
    ['jwt', 'jwt'],
    ['jwt', 'wasmcloud_jwt'],
    ['wasmcloud_jwt', 'jwt'],
  ])('two tokens, even the same one twice: %s and %s', (first, second) => {
    const token = tokenOf({ payload: payload(CODE) });
    const module = withToken(withToken(CODE, token, first), token, second);
    expect(verified(module)).toBe(
      `E_TOKEN the module carries two tokens, in sections ${first} and ${second}`,
    );
  });

  it.each([
    ['nothing', '', 'E_TOKEN the token has 1 segments instead of 3'],
    ['two segments', 'asd.123123123', 'E_TOKEN the token has 2 segments instead of 3'],
    ['four segments', 'asd.123.abc.easy', 'E_TOKEN the token has 4 segments instead of 3'],
    ['no base64url', 'ddd.123.notajwt', "E_TOKEN the token's header is not base64url"],
    ['padding', 'e30=.e30.AAAA', "E_TOKEN the token's header is not base64url"],
    ['the other base64', 'e30.e30.++++', "E_TOKEN the token's signature is not base64url"],
    ['spare bits that are set', 'e31.e30.AAAA', "E_TOKEN the token's header is not base64url"],
    ['an empty segment', 'e30..AAAA', "E_TOKEN the token's payload is not base64url"],
    ['no JSON', 'e30.bm8.AAAA', "E_TOKEN the token's payload is not JSON"],
    ['JSON that is no object', 'e30.W10.AAAA', "E_TOKEN the token's payload is not a JSON object"],
    ['a header of nothing', 'e30.e30.AAAA', 'E_TOKEN the token\'s type is absent, not "jwt"'],
    [
      'a line end',
      `${tokenOf({ payload: payload(CODE) })}\n`,
      'E_TOKEN the token has a byte that is not ASCII text',
    ],
    ['a letter that is not ASCII', 'é', 'E_TOKEN the token has a byte that is not ASCII text at 0'],
  ])('a token of %s', (_what, token, message) => {
    expect(verified(withToken(CODE, token))).toContain(message);
  });

  it('a token of more than 64 KiB', () => {
    expect(verified(withToken(CODE, 'x'.repeat(65_537)))).toBe(
      'E_TOKEN the token has 65537 bytes, more than 65536',
    );
  });

  it.each([
    [{ typ: 'JWT', alg: 'Ed25519' }, 'E_TOKEN the token\'s type is "JWT", not "jwt"'],
    [{ typ: 'jwt' }, 'E_ALG the token\'s algorithm is absent, not "Ed25519"'],
    [{ typ: 'jwt', alg: 'none' }, 'E_ALG the token\'s algorithm is "none", not "Ed25519"'],
    [{ typ: 'jwt', alg: 'HS256' }, 'E_ALG the token\'s algorithm is "HS256", not "Ed25519"'],
    [{ typ: 'jwt', alg: ['Ed25519'] }, 'E_ALG the token\'s algorithm is ["Ed25519"], not "Ed25519"'],
    [
      { typ: 'jwt', alg: 'Ed25519', crit: ['b64'] },
      'E_TOKEN the token\'s header has an unknown member "crit"',
    ],
  ])('the header %j', (header, message) => {
    expect(verified(withToken(CODE, tokenOf({ header, payload: payload(CODE) })))).toBe(message);
  });

  it('a signature by anybody but the issuer', () => {
    const token = tokenOf({ payload: payload(CODE), signer: stranger });
    expect(verified(withToken(CODE, token))).toBe(
      `E_SIGNATURE the token is not signed by ${account.publicKey}, which it names as its issuer`,
    );
  });

  it('payloads exchanged under a signature', () => {
    const [header, , signature] = tokenOf({ payload: payload(CODE) }).split('.');
    const [, body] = tokenOf({ payload: payload(CODE, claims({ caps: ['wascc:http_server'] })) }).split('.');
    expect(verified(withToken(CODE, `${header}.${body}.${signature}`))).toMatch(/^E_SIGNATURE /);
  });

  it('a module that signed itself', () => {
    const self = KeyPair.fromRawSeed('account', moduleKey.rawSeed);
    const token = tokenOf({ payload: payload(CODE, { iss: self.publicKey }), signer: self });
    expect(verified(withToken(CODE, token))).toMatch(/^E_TOKEN the module is signed with its own key/);
  });

  it.each([
    ['no issuer', { iss: undefined }, 'E_TOKEN the token has no iss'],
    ['an empty subject', { sub: '' }, 'E_TOKEN the token has no sub'],
    [
      'an issuer that is no account',
      { iss: moduleKey.publicKey },
      `E_KEY ${moduleKey.publicKey} is a key of type module, not of type account (A…)`,
    ],
    [
      'a subject that is no module',
      { sub: account.publicKey },
      `E_KEY ${account.publicKey} is a key of type account, not of type module (M…)`,
    ],
    [
      'a mistyped issuer',
      { iss: account.publicKey.replace(/.$/, '2') },
      'E_KEY public key has a wrong checksum',
    ],
    [
      'the identity point as issuer',
      { iss: encodePublicKey('account', Uint8Array.of(1, ...new Uint8Array(31))) },
      'E_KEY ed25519 public key is a point of small order',
    ],
    ['no claims', { wascap: undefined }, 'E_TOKEN the token has no wascap'],
    ['claims that are a list', { wascap: [] }, "E_TOKEN the token's wascap is not an object"],
    ['no hash', { wascap: { name: 'x' } }, 'E_TOKEN the token has no hash'],
    [
      'a hash in lower case',
      claims({ hash: sha256(CODE).toLowerCase() }),
      "E_TOKEN the token's hash is not a SHA-256 in upper-case hex",
    ],
    [
      'a hash of something else',
      claims({ hash: '00'.repeat(32) }),
      `E_HASH the claims were made for other code: their hash is ${'00'.repeat(32)}, the module's ${sha256(CODE)}`,
    ],
    ['a name that is a number', claims({ name: 3 }), "E_TOKEN the token's name is not text"],
    [
      'capabilities that are text',
      claims({ caps: 'wascc:logging' }),
      "E_TOKEN the token's caps is not a list of texts",
    ],
    [
      'a capability that is an object',
      claims({ caps: [{}] }),
      "E_TOKEN the token's caps is not a list of texts",
    ],
    [
      'a revision of 33 bits',
      claims({ rev: 2 ** 31 }),
      "E_TOKEN the token's rev is not a whole number from -2147483648 to 2147483647",
    ],
    [
      'a provider flag that is text',
      claims({ prov: 'true' }),
      "E_TOKEN the token's prov is not true or false",
    ],
    ['no time of issue', { iat: undefined }, 'E_TOKEN the token has no iat'],
    [
      'a time that is a fraction',
      { exp: 1.5 },
      "E_TOKEN the token's exp is not a whole number from 0 to 9007199254740991",
    ],
    [
      'a negative time',
      { nbf: -1 },
      "E_TOKEN the token's nbf is not a whole number from 0 to 9007199254740991",
    ],
  ])('%s', (_what, more, message) => {
    expect(verified(handSigned(more))).toContain(message);
  });

  it('members that an object only inherits', () => {
    const body = JSON.stringify(payload(CODE, claims({ __proto__: 1 })));
    const token = tokenOf({ payload: body.replace('"wascap":{', '"wascap":{"__proto__":{"ver":"9"},') });
    const without = tokenOf({ payload: body.replace('"ver":"1.0.0",', '"__proto__":{"ver":"9"},') });
    expect(verifyModule(withToken(CODE, token)).ver).toBe('1.0.0');
    expect(verifyModule(withToken(CODE, without)).ver).toBeUndefined();
  });
});

describe('time', () => {
  const module = handSigned({ exp: NOW + 100, nbf: NOW - 100 });

  it.each([
    [NOW - 101, 'E_NOT_YET_VALID the claims are valid from 2020-09-13T12:25:00.000Z on'],
    [NOW - 100, 'valid'],
    [NOW, 'valid'],
    [NOW + 100, 'valid'],
    [NOW + 101, 'E_EXPIRED the claims expired at 2020-09-13T12:28:20.000Z'],
  ])('at %i', (now, expected) => {
    const result = verified(module, { now });
    expect(typeof result === 'string' ? result : 'valid').toBe(expected);
  });

  it('without a clock nothing is too early, but what is over is over', () => {
    expect(verified(module, { now: 0, timeTrusted: false })).toMatchObject({ name: 'Blink' });
    expect(verified(module, { now: NOW + 101, timeTrusted: false })).toMatch(/^E_EXPIRED/);
  });

  it('is not judged when nobody says what time it is', () => {
    expect(verified(module)).toMatchObject({ expires: NOW + 100, notBefore: NOW - 100 });
  });

  it('that no calendar has is still refused in words', () => {
    const far = handSigned({ nbf: Number.MAX_SAFE_INTEGER });
    expect(verified(far, { now: NOW })).toBe(
      'E_NOT_YET_VALID the claims are valid from second 9007199254740991 on',
    );
  });
});

describe('trust in the issuer', () => {
  const own = verifyModule(handSigned());

  it('takes keys as text and as bytes', () => {
    expect(() => requireIssuer(own, [stranger.publicKey, account.publicKey])).not.toThrow();
    expect(() => requireIssuer(own, [account.rawPublicKey])).not.toThrow();
  });

  it('refuses everybody else, with the command that would trust them', () => {
    for (const trusted of [[], [stranger.publicKey], [moduleKey.rawPublicKey]]) {
      expect(() => requireIssuer(own, trusted)).toThrow(
        expect.objectContaining({
          code: 'E_UNTRUSTED',
          message: `Blink is signed by ${account.publicKey}, which is not trusted`,
          hint: `iot-host keys trust ${account.publicKey} --role claims`,
        }),
      );
    }
  });

  it('never takes a trusted key that is not one of an account', () => {
    expect(outcome(() => requireIssuer(own, [generateKey('module').publicKey]))).toMatch(/^E_KEY /);
  });
});

describe('damage', () => {
  const module = handSigned();

  it('of any bit of any byte is noticed', () => {
    for (let at = 0; at < module.length; at += 1) {
      for (const bit of [0x01, 0x08, 0x20, 0x80]) {
        const damaged = Uint8Array.from(module);
        damaged[at] = (damaged[at] ?? 0) ^ bit;
        expect(verified(damaged), `byte ${at} with ${bit}`).toMatch(
          /^E_(MODULE|UNSIGNED|TOKEN|ALG|KEY|SIGNATURE|HASH) /,
        );
      }
    }
  });

  it('is told by where it is', () => {
    const token = tokenOf({ payload: payload(CODE) });
    const [header = '', body = '', signature = ''] = token.split('.');
    const part = (text: string, after = 0) => rangeOf(module, Buffer.from(text), after);
    const regions = {
      'head of the file': [0, 8] as const,
      header: part(header),
      payload: part(body),
      signature: part(signature),
      code: [8, CODE.length] as const,
      'head of the section': [CODE.length, part(header)[0]] as const,
    };
    expect(flipCodes(module, regions, verifyModule)).toEqual({
      'head of the file': ['E_MODULE'],
      code: ['E_HASH', 'E_MODULE'],
      'head of the section': ['E_MODULE', 'E_UNSIGNED'],
      header: ['E_ALG', 'E_TOKEN'],
      payload: ['E_KEY', 'E_SIGNATURE', 'E_TOKEN'],
      // A letter less or a spare bit more is no base64url.
      signature: ['E_SIGNATURE', 'E_TOKEN'],
      // The two dots.
      structure: ['E_TOKEN'],
    });
    expect(cutCodes(module, verifyModule)).toEqual(['E_MODULE', 'E_UNSIGNED']);
  });

  it('by cutting at any length is noticed', () => {
    for (let length = 0; length < module.length; length += 1) {
      expect(verified(module.subarray(0, length)), `${length} bytes`).toMatch(/^E_(MODULE|UNSIGNED) /);
    }
  });

  it('by adding to it is noticed, be it code or a section that nobody knows', () => {
    const extra = [...module, ...[0, 2, 1, 0x78]];
    expect(verified(Uint8Array.from(extra))).toMatch(/^E_HASH /);
    expect(verified(Uint8Array.from([...module, 0]))).toMatch(/^E_MODULE /);
  });

  it('of whatever kind leads to a refusal and to nothing else', () => {
    const json = fc.json({ maxDepth: 3 });
    const signed = fc.tuple(json, json).map(([header, body]) => tokenOf({ header, payload: body }));
    const segments = fc.array(fc.string({ unit: fc.constantFrom(...'eyJ0-_.=A {}"') }), { maxLength: 4 });
    const text = fc.oneof(
      fc.string(),
      segments.map((parts) => parts.join('.')),
      signed,
    );
    fc.assert(
      fc.property(text, (token) => {
        expect(verified(withToken(CODE, token))).toMatch(/^E_(TOKEN|ALG) /);
      }),
      { seed: 1, numRuns: 400 },
    );
    const member = fc.constantFrom('iss', 'sub', 'iat', 'exp', 'nbf', 'wascap', 'wascap_revision', 'jti');
    fc.assert(
      fc.property(member, fc.jsonValue(), (name, value) => {
        const result = verified(handSigned({ [name]: value }));
        if (typeof result === 'string') expect(result).toMatch(/^E_(TOKEN|KEY) /);
      }),
      { seed: 2, numRuns: 400 },
    );
  });
});

it('readToken returns the text as it is', () => {
  const token = tokenOf({ payload: payload(CODE) });
  expect(readToken(withToken(CODE, token, 'wasmcloud_jwt'))).toBe(token);
});
