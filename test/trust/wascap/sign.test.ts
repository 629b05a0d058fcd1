import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { KeyPair, verify } from '#runtime/trust/nkeys/index.js';
import {
  callAliasOf,
  inspectModule,
  moduleHashes,
  readToken,
  signModule,
  stripTokens,
  verifyModule,
} from '#runtime/trust/wascap/index.js';
import { readCustomSections } from '#runtime/wasm/sections.js';
import { wat } from '../../helpers/wat.js';
import {
  account,
  CODE,
  moduleKey,
  NOW,
  outcome,
  PADDED,
  payload,
  sha256,
  tokenOf,
  withToken,
} from './support.js';

const KEYS = { account, module: moduleKey };
const sign = (code: Uint8Array, more = {}) =>
  signModule(code, { ...KEYS, name: 'Blink', issuedAt: NOW, ...more });
const payloadText = (module: Uint8Array) =>
  Buffer.from(readToken(module).split('.')[1] ?? '', 'base64url').toString();

describe('signing', () => {
  it('adds one section at the end and leaves the rest as it is', () => {
    const signed = sign(CODE);
    expect(signed.subarray(0, CODE.length)).toEqual(CODE);
    expect(readCustomSections(signed).map(({ name }) => name)).toEqual(['hi', 'jwt']);
    expect(WebAssembly.validate(signed)).toBe(true);
  });

  it('writes the members in the order of wascap', () => {
    const text = payloadText(
      sign(CODE, {
        caps: ['wascc:logging', 'iot:gpio'],
        tags: ['test'],
        rev: 4,
        ver: '1.2.3',
        callAlias: ' My-Blink ',
        provider: true,
        expires: NOW + 10,
        notBefore: NOW - 10,
      }),
    );
    const id = JSON.parse(text).jti;
    expect(id).toMatch(/^[0-9A-Za-z]{22}$/);
    expect(text).toBe(
      `{"exp":${NOW + 10},"jti":"${id}","iat":${NOW},"iss":"${account.publicKey}","sub":"${moduleKey.publicKey}",` +
        `"nbf":${NOW - 10},"wascap":{"name":"Blink","hash":"${sha256(CODE)}","tags":["test"],` +
        '"caps":["wascc:logging","iot:gpio"],"rev":4,"ver":"1.2.3","call_alias":"my_blink","prov":true},' +
        '"wascap_revision":3}',
    );
    const header = Buffer.from(readToken(sign(CODE)).split('.')[0] ?? '', 'base64url').toString();
    expect(header).toBe('{"typ":"jwt","alg":"Ed25519"}');
  });

  it('leaves out what was not given, and signs the text', () => {
    const signed = sign(CODE);
    expect(Object.keys(JSON.parse(payloadText(signed)))).toEqual([
      'jti',
      'iat',
      'iss',
      'sub',
      'wascap',
      'wascap_revision',
    ]);
    const [header, body, signature] = readToken(signed).split('.');
    const bytes = Buffer.from(signature ?? '', 'base64url');
    expect(verify(account.publicKey, Buffer.from(`${header}.${body}`), bytes)).toBe(true);
  });

  it('gives back what it was told', () => {
    const claims = verifyModule(sign(CODE, { caps: ['a:b'], rev: -1, ver: '2', expires: NOW }), { now: NOW });
    expect(claims).toMatchObject({
      name: 'Blink',
      caps: ['a:b'],
      rev: -1,
      ver: '2',
      expires: NOW,
      hashForm: 'raw',
    });
  });

  it('claims revision 3 only where both hashes agree', () => {
    expect(moduleHashes(CODE)).toEqual({ raw: sha256(CODE), canonical: sha256(CODE) });
    expect(moduleHashes(PADDED)).toEqual({ raw: sha256(PADDED), canonical: sha256(CODE) });
    expect(verifyModule(sign(PADDED))).toMatchObject({ hashForm: 'raw', wascapRevision: undefined });
    expect(sign(PADDED).subarray(0, PADDED.length)).toEqual(PADDED);
  });

  it('takes off whatever tokens were there before, of both names', () => {
    const token = tokenOf({ payload: payload(CODE) });
    const twice = withToken(withToken(CODE, token, 'wasmcloud_jwt'), 'rubbish', 'jwt');
    expect(stripTokens(sign(twice))).toEqual(CODE);
    expect(verifyModule(sign(sign(twice))).name).toBe('Blink');
    expect(readCustomSections(sign(twice))).toHaveLength(2);
  });

  it('gives every token another id', () => {
    expect(verifyModule(sign(CODE)).id).not.toBe(verifyModule(sign(CODE)).id);
  });

  it('takes the time from the clock when it is not given', () => {
    const before = Math.floor(Date.now() / 1000);
    const { issuedAt } = verifyModule(signModule(CODE, { ...KEYS, name: '' }));
    expect(issuedAt).toBeGreaterThanOrEqual(before);
    expect(issuedAt).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
  });

  it.each([
    ['bytes that are no module', Buffer.from('text'), {}, 'E_MODULE file of 4 bytes'],
    [
      'a module key as the account',
      CODE,
      { account: moduleKey },
      'E_KEY a key of type account (SA…) signs, not one of type module',
    ],
    [
      'an account as the module',
      CODE,
      { module: account },
      'E_KEY a key of type module (SM…) is the identity of a module, not one of type account',
    ],
    [
      'a module that signs itself',
      CODE,
      { account: KeyPair.fromRawSeed('account', moduleKey.rawSeed) },
      'E_KEY account key and module key are the same',
    ],
    [
      'a revision of 33 bits',
      CODE,
      { rev: 2 ** 31 },
      'E_USAGE revision 2147483648 is not a whole number of 32 bits',
    ],
    ['a revision that is none', CODE, { rev: Number.NaN }, 'E_USAGE revision NaN'],
    ['half a second', CODE, { expires: 0.5 }, 'E_USAGE expires must be whole seconds since 1970, not 0.5'],
    [
      'an end before the start',
      CODE,
      { expires: 1, notBefore: 2 },
      'E_USAGE the claims would expire before they are valid',
    ],
    ['claims without end', CODE, { tags: ['x'.repeat(60_000)] }, 'E_TOO_LARGE the claims take '],
  ])('refuses %s', (_what, code, more, message) => {
    expect(outcome(() => sign(code, more))).toContain(message);
  });

  it.each([
    ['  Blink ', 'blink'],
    ['my blink-er.2', 'my_blink_er_2'],
    ['größe', 'gre'],
  ])('call alias "%s" becomes "%s"', (text, alias) => {
    expect(callAliasOf(text)).toBe(alias);
  });
});

describe('inspecting', () => {
  const code =
    wat(`(module (import "wapc" "__console_log" (func (param i32 i32))) (memory (export "memory") 1 4)
    (func (export "f") i32.const 1 i32.extend8_s drop))`);

  it('shows token and code, whoever signed', () => {
    const module = sign(code);
    const seen = inspectModule(module);
    expect(seen.size).toBe(module.length);
    expect(seen.digest).toBe(sha256(module).toLowerCase());
    expect(seen.sections.at(-1)).toEqual({ name: 'custom "jwt"', size: module.length - code.length });
    expect(seen.token).toMatchObject({ header: { typ: 'jwt' }, payload: { iss: account.publicKey } });
    expect(seen.hashes.raw).toBe(sha256(code));
    expect(seen.code).toEqual({
      imports: ['wapc.__console_log v(ii)'],
      exports: ['memory', 'f'],
      memory: { minimum: 1, maximum: 4 },
      functions: 1,
      features: ['sign-extension'],
    });
  });

  it('says why a part cannot be shown, and shows the others', () => {
    expect(inspectModule(code).token).toMatchObject({ code: 'E_UNSIGNED' });
    expect(inspectModule(withToken(code, 'a.b')).token).toMatchObject({ code: 'E_TOKEN' });
    const broken = Uint8Array.from([...CODE.subarray(0, 8), 1, 1, 9]);
    expect(inspectModule(broken).code).toMatchObject({ code: 'E_MODULE' });
    expect(inspectModule(broken).sections).toEqual([{ name: 'type', size: 3 }]);
  });

  it('refuses only what has no sections', () => {
    expect(() => inspectModule(Buffer.from('nothing of the kind'))).toThrow(IotError);
  });
});
