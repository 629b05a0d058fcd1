import { describe, expect, it } from 'vitest';
import { createWasm3Engine } from '#runtime/engine/wasm3/index.js';
import { wat } from '../helpers/wat.js';
import {
  actor,
  callOnce,
  engine,
  failureOf,
  LIMITS,
  quietHost,
  replyOf,
  run,
  wapcImports,
} from './support.js';

const OK = 'i32.const 1';
const deepFuel = { ...LIMITS, fuelPerCall: 1e9 };

describe('stack', () => {
  it.each([
    [
      'a small function',
      '(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))',
    ],
    ['no locals', '(func $f (param i32) (result i32) (call $g) (i32.const 1)) (func $g (call $g))'],
    [
      'mutual recursion',
      '(func $f (param i32) (result i32) (call $g (local.get 0))) (func $g (param i32) (result i32) (call $f (local.get 0)))',
    ],
    [
      'indirect recursion',
      '(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0)))',
    ],
  ])('endless recursion of %s is a trap', (_, extra) => {
    const result = callOnce(actor('(drop (call $f (i32.const 1))) i32.const 1', extra), { limits: deepFuel });
    expect(failureOf(result)).toEqual({
      code: 'E_TRAP',
      message: 'the actor trapped: stack overflow',
      fatal: true,
    });
  });

  // Written as bytes: wabt's own stack ends at some 120 blocks.
  it.each([10, 60, 250])('endless recursion through %d nested loops is a trap', (depth) => {
    const open = Array<number[]>(depth).fill([0x03, 0x40]).flat();
    const close = Array<number>(depth + 1).fill(0x0b);
    using plain = engine.loadPlain(moduleOf([0, ...open, 0x10, 0, ...close]), deepFuel);
    expect(() => plain.invoke('f', [])).toThrow(
      expect.objectContaining({ code: 'E_TRAP', message: 'the actor trapped: stack overflow' }),
    );
    expect(() => plain.invoke('f', [])).toThrow(expect.objectContaining({ code: 'E_NOT_RUNNING' }));
    expect(callOnce(actor(OK)).ok).toBe(true);
  });

  it('refuses a module that nests deeper than the compiler can follow', () => {
    const depth = 40_000;
    const code = [
      0,
      ...Array<number[]>(depth).fill([0x02, 0x40]).flat(),
      ...Array<number>(depth).fill(0x0b),
      0x0b,
    ];
    const module = moduleOf(code);
    expect(WebAssembly.validate(module)).toBe(true);
    expect(() => engine.loadPlain(module, LIMITS)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^E_(LIMIT|ENGINE|MODULE)$/) }),
    );
    expect(callOnce(actor(OK)).ok).toBe(true);
  });
});

/** A module with one exported function `f` of type () -> () and this body (locals included). */
function moduleOf(code: number[]): Uint8Array {
  const leb = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
  const section = (id: number, body: number[]): number[] => [id, ...leb(body.length), ...body];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

describe('memory', () => {
  const grow = (pages: string): string => `(memory.grow ${pages})`;
  const reply = `(call $guest_response (i32.const 0) (i32.const 4)) ${OK}`;
  const i32 = (data: Uint8Array): number => new DataView(data.buffer).getInt32(0, true);

  it('grows to its limit and not beyond', () => {
    const module = actor(`(i32.store (i32.const 0) ${grow('(local.get $len)')}) ${reply}`);
    using instance = run(module, quietHost(), { ...LIMITS, memoryPages: 20 });
    expect(instance.memoryPages).toBe(17);
    expect(i32(replyOf(instance.call('op', new Uint8Array(4))))).toBe(-1);
    expect(instance.memoryPages).toBe(17);
    expect(i32(replyOf(instance.call('op', new Uint8Array(3))))).toBe(17);
    expect(instance.memoryPages).toBe(20);
    expect(i32(replyOf(instance.call('op', new Uint8Array(1))))).toBe(-1);
    expect(i32(replyOf(instance.call('op', new Uint8Array(0))))).toBe(20);
  });

  it.each(['-1', '0x7fffffff', '65536', '65535', '-16'])('refuses to grow by %s pages', (pages) => {
    const module = actor(`(i32.store (i32.const 0) ${grow(`(i32.const ${pages})`)})
      (i32.store (i32.const 4) (memory.size)) (call $guest_response (i32.const 0) (i32.const 8)) ${OK}`);
    const answer = new DataView(replyOf(callOnce(module)).buffer);
    expect([answer.getInt32(0, true), answer.getInt32(4, true)]).toEqual([-1, 17]);
  });

  it('keeps a declared maximum that is smaller', () => {
    const module = actor(`(i32.store (i32.const 0) ${grow('(i32.const 2)')}) ${reply}`, '', '(memory 1 2)');
    expect(i32(replyOf(callOnce(module)))).toBe(-1);
  });

  it('a guest that takes all it can get hurts nobody', () => {
    const module = actor(`(loop $l (br_if $l (i32.ne ${grow('(i32.const 1)')} (i32.const -1))))
      (i32.store (i32.const 0) (memory.size)) ${reply}`);
    const limits = { ...LIMITS, memoryPages: 65_536 };
    expect(i32(replyOf(callOnce(module, { limits })))).toBeLessThanOrEqual(240);
    expect(i32(replyOf(callOnce(module)))).toBe(64);
  });

  it('new pages are zero', () => {
    const module = actor(`(drop ${grow('(i32.const 1)')})
      (i32.store (i32.const 0) (i32.load (i32.const 0x110000))) ${reply}`);
    expect(i32(replyOf(callOnce(module)))).toBe(0);
  });

  it('refuses a module that starts with too much', () => {
    const load = (): unknown => engine.load(actor(OK, '', '(memory 65)'), quietHost(), LIMITS);
    expect(load).toThrow(
      expect.objectContaining({ code: 'E_LIMIT', message: expect.stringContaining('64 pages') }),
    );
  });

  it('a module without memory runs', () => {
    expect(replyOf(callOnce(actor(OK, '', '')))).toEqual(new Uint8Array(0));
  });
});

describe('traps', () => {
  it.each([
    ['unreachable', 'unreachable executed'],
    ['(drop (i32.div_u (i32.const 1) (i32.const 0)))', 'integer divide by zero'],
    ['(drop (i32.load (i32.const -4)))', 'out of bounds memory access'],
    ['(i64.store offset=0xfffffff0 (i32.const -1) (i64.const 0))', 'out of bounds memory access'],
    ['(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))', 'out of bounds memory access'],
    ['(memory.copy (i32.const 0) (i32.const -2) (i32.const 4))', 'out of bounds memory access'],
  ])('%s', (body, message) => {
    const result = callOnce(actor(`${body} ${OK}`));
    expect(failureOf(result)).toEqual({
      code: 'E_TRAP',
      message: `the actor trapped: ${message}`,
      fatal: true,
    });
  });
});

describe('modules the engine does not take', () => {
  const load = (module: Uint8Array) => () => engine.load(module, quietHost(), LIMITS);
  const coded = (code: string, part: string) =>
    expect.objectContaining({ code, message: expect.stringContaining(part) });

  it('no module at all', () => {
    expect(load(new Uint8Array(0))).toThrow(coded('E_MODULE', 'too short'));
    expect(load(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1))).toThrow(coded('E_MODULE', ''));
  });

  it('valid bytes cut short anywhere', () => {
    const module = actor(OK);
    for (let length = 0; length < module.length; length++)
      expect(load(module.slice(0, length))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^E_(MODULE|EXPORT)$/) }),
      );
  });

  it('an import this host does not have', () => {
    expect(load(wat('(module (import "env" "launch" (func)))'))).toThrow(
      coded('E_IMPORT', 'imports env.launch, which this host does not have'),
    );
    expect(load(wat('(module (import "wapc" "__host_call" (global i32)))'))).toThrow(
      coded('E_IMPORT', 'wapc.__host_call'),
    );
    expect(load(wat('(module (import "env" "memory" (memory 1)))'))).toThrow(coded('E_IMPORT', 'env.memory'));
    expect(load(wat('(module (import "env" "table" (table 1 funcref)))'))).toThrow(
      coded('E_IMPORT', 'env.table'),
    );
  });

  it('an import of another type', () => {
    expect(load(wat('(module (import "wapc" "__host_error" (func (param i64))))'))).toThrow(
      coded('E_IMPORT', 'imports wapc.__host_error with another signature than v(i)'),
    );
  });

  it('no __guest_call, or one of another type', () => {
    expect(load(wat(`(module ${wapcImports()})`))).toThrow(
      coded('E_EXPORT', 'does not export the function __guest_call'),
    );
    expect(load(wat('(module (func (export "__guest_call")))'))).toThrow(
      coded('E_EXPORT', 'exports __guest_call as () -> () instead of (i32, i32) -> i32'),
    );
    expect(load(wat('(module (memory (export "__guest_call") 1))'))).toThrow(
      coded('E_EXPORT', '__guest_call'),
    );
  });

  it('a start function of another type', () => {
    const module = actor(OK, '(func (export "_start") (param i32))');
    expect(load(module)).toThrow(coded('E_EXPORT', 'exports _start as (i32) -> () instead of () -> ()'));
  });

  it('an instruction wasm3 does not have', () => {
    const module = wat(
      '(module (func (export "f") (result i32) (i32x4.extract_lane 0 (v128.const i32x4 1 2 3 4))))',
      { simd: true },
    );
    expect(() => engine.loadPlain(module, LIMITS)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^E_(FEATURE|MODULE)$/) }),
    );
  });

  it('data outside its memory', () => {
    expect(load(actor(OK, '(data (i32.const 70000) "x")', '(memory 1)'))).toThrow(
      coded('E_MODULE', 'out of bounds'),
    );
  });
});

it('a stale engine.wasm says what to do', () => {
  const stale = createWasm3Engine(new WebAssembly.Module(wat('(module (import "old" "border" (func)))')));
  expect(() => stale.load(actor(OK), quietHost(), LIMITS)).toThrow(
    expect.objectContaining({ code: 'E_ENGINE', hint: 'npm run build' }),
  );
});

describe('an export under many names', () => {
  it('is found by each, and never confused with a debug name', () => {
    const module = wat(`(module
      (func $__decoy (result i32) i32.const 666)
      (func $real (export "a") (export "b") (export "c") (export "d") (export "__decoy") (result i32) i32.const 42))`);
    using plain = engine.loadPlain(module, LIMITS);
    for (const name of ['a', 'b', 'c', 'd', '__decoy']) expect(plain.invoke(name, [])).toEqual([42]);
  });
});
