import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signModule } from '#runtime/trust/wascap/index.js';
import { encodeCustomSection } from '#runtime/wasm/sections.js';
import { actorModule } from '../helpers/actors.js';
import { wat } from '../helpers/wat.js';
import { CODE, payload, tokenOf, withToken } from '../trust/wascap/support.js';
import { fuzz } from './fuzz.js';
import { account, moduleKey } from './samples.js';
import { damagedModule } from './wasm-parts.js';

/** Hours, when somebody asks for them. */
const TIMEOUT = 24 * 3600 * 1000;

/** One of every section that the engine runs, and two modules that compilers made. */
const SMALL = wat(
  `(module (import "wapc" "__console_log" (func (param i32 i32))) (memory (export "memory") 1)
  (table 2 funcref) (global (mut i32) (i32.const 3)) (elem (i32.const 0) $f) (data (i32.const 8) "text")
  (func $f (export "f") (param i32) (result i32) (local i64)
    block block local.get 0 br_table 0 1 end end
    loop local.get 0 if i32.const 1 i32.const 0 call_indirect (param i32) end end
    i32.const -5 f64.const 1 drop) (func $s) (start $s))`,
);
const MODULES = [SMALL, SMALL, SMALL, actorModule('echo-c'), actorModule('bad-trap')];
const signed = (module: Uint8Array) =>
  signModule(module, { account, module: moduleKey, name: 'x', caps: ['iot:gpio'], rev: 3, issuedAt: 1 });
const SIGNED = [signed(SMALL), signed(actorModule('bad-trap'))];

describe('wasm', () => {
  it(
    'sections: side by side, or refused',
    () => {
      const outcomes = fuzz('sections', damagedModule([...MODULES, ...SIGNED]));
      expect([...outcomes.keys()].sort()).toEqual(['E_MODULE', 'accepted']);
    },
    TIMEOUT,
  );

  it(
    'modules: read when V8 takes them, else refused',
    () => {
      const outcomes = fuzz('module', damagedModule(MODULES));
      expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['E_MODULE', 'accepted']));
    },
    TIMEOUT,
  );
});

describe('claims', () => {
  it(
    'for exactly the code that they were made for',
    () => {
      const outcomes = fuzz('claims', damagedModule(SIGNED));
      expect([...outcomes.keys()]).toEqual(
        expect.arrayContaining(['E_MODULE', 'E_HASH', 'E_UNSIGNED', 'accepted']),
      );
    },
    TIMEOUT,
  );

  it(
    'written by somebody who can sign, whatever they say',
    () => {
      const member = fc.constantFrom(
        'iss',
        'sub',
        'iat',
        'exp',
        'nbf',
        'jti',
        'wascap',
        'wascap_revision',
        'x',
      );
      const inner = fc.constantFrom(
        'name',
        'hash',
        'tags',
        'caps',
        'rev',
        'ver',
        'call_alias',
        'prov',
        '__proto__',
      );
      const value = fc.oneof(fc.jsonValue(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, '', [''], [null], {}));
      const token = fc
        .tuple(member, value, inner, value, fc.boolean())
        .map(([name, outside, field, inside, both]) => {
          const usual = payload(CODE);
          const wascap = { ...(usual.wascap as object), [field]: inside };
          return tokenOf({ payload: { ...usual, wascap, ...(both ? { [name]: outside } : {}) } });
        });
      const outcomes = fuzz(
        'claims',
        token.map((text) => withToken(CODE, text)),
      );
      expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['E_TOKEN', 'accepted']));
    },
    TIMEOUT,
  );

  it(
    'in texts that are cut up and put together again',
    () => {
      const text = tokenOf({ payload: payload(CODE) });
      const cut = fc.tuple(fc.nat(text.length), fc.nat(text.length));
      const piece = fc.oneof(
        cut.map(([from, to]) => text.slice(Math.min(from, to), Math.max(from, to))),
        fc.constantFrom('.', '..', '=', text, ...text.split('.'), 'e30', 'W10', 'bnVsbA'),
        fc.string({ maxLength: 4 }),
      );
      const texts = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
      const joined = fc
        .array(fc.constantFrom(...text.split('.'), 'e30'), { maxLength: 4 })
        .map((parts) => parts.join('.'));
      const place = fc.constantFrom('jwt', 'wasmcloud_jwt', 'JWT', 'jwt\0');
      const module = fc
        .tuple(fc.oneof(texts, joined, fc.constant(text)), place, fc.boolean())
        .map(([token, name, twice]) => {
          const section = encodeCustomSection(name, Buffer.from(token));
          return Uint8Array.of(...CODE, ...section, ...(twice ? section : []));
        });
      const outcomes = fuzz('claims', module);
      expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['E_TOKEN', 'E_UNSIGNED', 'accepted']));
    },
    TIMEOUT,
  );
});
