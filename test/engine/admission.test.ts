import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { admit, type ModuleKind } from '#runtime/engine/admission/index.js';
import type { Engine } from '#runtime/engine/engine.js';
import { createWasm3Engine, loadEngineModuleSync } from '#runtime/engine/wasm3/index.js';
import { encodeU32 } from '#runtime/wasm/leb.js';
import { wat } from '../helpers/wat.js';

const LIMITS = { memoryPages: 64, maxModuleBytes: 4096 };
const BASE =
  '(memory (export "memory") 1) (func (export "__guest_call") (param i32 i32) (result i32) i32.const 1)';
const ALL = {
  simd: true,
  threads: true,
  exceptions: true,
  tail_call: true,
  memory64: true,
  multi_memory: true,
  reference_types: true,
  extended_const: true,
  function_references: true,
};

const actor = (fields: string) => wat(`(module ${fields} ${BASE})`, ALL);
const tryAdmit = (bytes: Uint8Array, kind: ModuleKind = 'actor', engine?: Engine, limits = LIMITS) => {
  try {
    admit(bytes, { kind, limits, ...(engine === undefined ? {} : { engine }) });
  } catch (thrown) {
    if (thrown instanceof IotError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return 'admitted';
};

describe('what is admitted', () => {
  it.each([
    ['the smallest actor', ''],
    [
      'every waPC import',
      '(import "wapc" "__host_call" (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))',
    ],
    ['the same under its later name', '(import "wasmbus" "__guest_request" (func (param i32 i32)))'],
    ['what AssemblyScript asks for', '(import "env" "abort" (func (param i32 i32 i32 i32)))'],
    ['a start section', '(func $s) (start $s)'],
    ['start functions', '(func (export "_start")) (func (export "_initialize")) (func (export "wapc_init"))'],
    [
      'features that wasm3 has',
      '(func (param f32) (result i32 i32) local.get 0 i32.trunc_sat_f32_s i32.const 3 i32.extend8_s)',
    ],
    ['a block with two results', '(func block (result i32 i32) i32.const 1 i32.const 2 end drop drop)'],
    ['a table with segments at its very end', '(table 2 funcref) (func $f) (elem (i32.const 1) $f)'],
    ['data at the very end of memory', '(data (i32.const 65535) "x")'],
  ])('%s', (_what, fields) => {
    const engine = createWasm3Engine(loadEngineModuleSync());
    expect(tryAdmit(actor(fields), 'actor', engine)).toBe('admitted');
  });

  it('hands back the buffer it checked, and what it read', () => {
    const bytes = actor('');
    const admitted = admit(bytes, { kind: 'actor', limits: LIMITS });
    expect(admitted.bytes).toBe(bytes);
    expect(admitted.module.memories[0]?.minimum).toBe(1);
  });

  it('a plain module without anything that an actor needs', () => {
    const engine = createWasm3Engine(loadEngineModuleSync());
    expect(tryAdmit(wat('(module (func (export "f")))'), 'plain', engine)).toBe('admitted');
  });

  it('a declared maximum of exactly the grant', () => {
    const bytes = wat(`(module ${BASE.replace('") 1)', '") 64 64)')})`);
    expect(tryAdmit(bytes)).toBe('admitted');
  });
});

describe('bytes', () => {
  it('too many', () => {
    const bytes = actor(`(data (i32.const 0) "${'x'.repeat(5000)}")`);
    expect(tryAdmit(bytes)).toBe(`E_TOO_LARGE module of ${bytes.length} bytes exceeds the limit of 4096`);
  });

  it('that are no module', () => {
    expect(tryAdmit(Buffer.from('#!/bin/sh\nexit'))).toMatch(/^E_MODULE file does not begin with/);
    expect(tryAdmit(new Uint8Array())).toMatch(/^E_MODULE file of 0 bytes is too short/);
  });

  it('that can be read but are not valid', () => {
    const bytes = actor('');
    bytes[bytes.length - 3] = 0x42; // i32.const 1 becomes i64.const 1
    expect(tryAdmit(bytes)).toMatch(
      /^E_MODULE module is not valid: Compiling function #0.* failed: type error/,
    );
  });

  it('cut short at every length', () => {
    const bytes = actor('(import "wapc" "__console_log" (func (param i32 i32)))');
    for (let length = 0; length < bytes.length; length += 1) {
      expect(tryAdmit(bytes.subarray(0, length))).toMatch(/^E_(MODULE|EXPORT) /);
    }
  });
});

describe('features that the engine lacks', () => {
  it.each([
    ['(func i32.const 0 block (param i32) drop end)', 'blocks with parameters (multi-value) in function 0'],
    ['(func i32.const 0 loop (param i32) drop end)', 'blocks with parameters (multi-value) in function 0'],
    [
      '(import "wapc" "__console_log" (func (param i32 i32))) (func nop) (func i32.const 0 i32.const 0 if (param i32) drop else drop end)',
      'blocks with parameters (multi-value) in function 2',
    ],
    ['(data "passive")', 'passive segments (bulk memory)'],
    [
      '(data $d "passive") (func i32.const 0 i32.const 0 i32.const 0 memory.init $d)',
      'passive segments (bulk memory)',
    ],
    ['(func $f) (elem declare func $f)', 'passive segments (bulk memory)'],
    [
      '(table 1 funcref) (func i32.const 0 i32.const 0 i32.const 0 table.copy)',
      'table.init, table.copy or elem.drop (bulk memory) in function 0',
    ],
    ['(table 1 externref)', 'reference types'],
    ['(func (local funcref))', 'reference types in function 0'],
    ['(table 1 funcref) (func table.size drop)', 'reference types in function 0'],
    ['(func $f return_call $f)', 'tail calls in function 0'],
    ['(func i32.const 0 i32.atomic.load drop)', 'threads (atomics or shared memory) in function 0'],
    ['(func v128.const i32x4 1 2 3 4 drop)', 'SIMD in function 0'],
    ['(func try nop catch_all end)', 'exceptions in function 0'],
    ['(tag)', 'exceptions'],
    ['(memory 1)', 'more than one memory'],
    ['(table 1 funcref) (table 1 funcref)', 'more than one table'],
    ['(global i32 (i32.add (i32.const 1) (i32.const 2)))', 'extended constant expressions'],
  ])('%s', (fields, words) => {
    expect(tryAdmit(actor(fields))).toMatch(`E_FEATURE module uses ${words} at offset 0x`);
  });

  it('64-bit memory', () => {
    expect(tryAdmit(wat('(module (memory i64 1))', ALL), 'plain')).toMatch(
      /^E_FEATURE module uses 64-bit addresses/,
    );
  });

  it('shared memory', () => {
    expect(tryAdmit(wat('(module (memory 1 2 shared))', ALL), 'plain')).toMatch(
      /^E_FEATURE module uses threads/,
    );
  });

  it('says what to do', () => {
    const bytes = actor('(func $f return_call $f)');
    expect(() => admit(bytes, { kind: 'actor', limits: LIMITS })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('mvp') }),
    );
  });
});

describe('imports', () => {
  it.each([
    ['(import "env" "memory" (memory 1))', 'E_FEATURE module uses more than one memory'],
    [
      '(import "env" "t" (table 1 funcref))',
      'E_IMPORT imports the table env.t, but a module has to bring its own',
    ],
    [
      '(import "env" "g" (global i32))',
      'E_IMPORT imports the global env.g, but a module has to bring its own',
    ],
    ['(import "wapc" "__no_such" (func))', 'E_IMPORT imports wapc.__no_such, which this host does not have'],
    [
      '(import "evil" "__guest_request" (func (param i32 i32)))',
      'E_IMPORT imports evil.__guest_request, which this host does not have',
    ],
    [
      '(import "wapc" "__guest_request" (func (param i32)))',
      'E_IMPORT imports wapc.__guest_request as v(i) instead of v(ii)',
    ],
    [
      '(import "wapc" "__guest_request" (func (param i32 i64)))',
      'E_IMPORT imports wapc.__guest_request as v(iI) instead of v(ii)',
    ],
    ['(import "env" "seed" (func (result f32)))', 'E_IMPORT imports env.seed as f() instead of F()'],
  ])('%s', (fields, refusal) => {
    expect(tryAdmit(actor(fields))).toContain(refusal);
  });

  it('an imported memory alone', () => {
    const bytes = wat(`(module (import "env" "m" (memory 1)) (export "memory" (memory 0))
      (func (export "__guest_call") (param i32 i32) (result i32) i32.const 1))`);
    expect(tryAdmit(bytes)).toBe('E_IMPORT imports the memory env.m, but a module has to bring its own');
  });

  it('any at all in a plain module', () => {
    const bytes = wat('(module (import "wapc" "__console_log" (func (param i32 i32))))');
    expect(tryAdmit(bytes, 'plain')).toBe(
      'E_IMPORT imports wapc.__console_log, but a plain module may not import anything',
    );
  });
});

describe('exports', () => {
  const call = '(func (export "__guest_call") (param i32 i32) (result i32) i32.const 1)';
  const memory = '(memory (export "memory") 1)';

  it.each([
    ['no __guest_call', memory, 'does not export the function __guest_call, so it is not a waPC actor'],
    [
      'another type',
      `${memory} (func (export "__guest_call") (param i32) (result i32) i32.const 1)`,
      'exports __guest_call as i(i) instead of i(ii)',
    ],
    [
      'a global of that name',
      `${memory} (global (export "__guest_call") i32 (i32.const 1))`,
      'exports __guest_call as global instead of i(ii)',
    ],
    ['no memory', call, 'does not export its memory as "memory"'],
    [
      'a memory of another name',
      `${call} (memory (export "mem") 1)`,
      'does not export its memory as "memory"',
    ],
    [
      'a function called memory',
      `${call} (func (export "memory"))`,
      'does not export its memory as "memory"',
    ],
    [
      'a start function with parameters',
      `${memory} ${call} (func (export "_start") (param i32))`,
      'exports _start as v(i) instead of v()',
    ],
    [
      'a name with a NUL',
      `${memory} ${call} (func (export "__guest_call\\00"))`,
      'exports a name with a NUL in it: "__guest_call\\u0000"',
    ],
  ])('%s', (_what, fields, refusal) => {
    expect(tryAdmit(wat(`(module ${fields})`))).toBe(`E_EXPORT ${refusal}`);
  });

  it('finds the type of an export that is an import', () => {
    const bytes = wat(`(module (import "wapc" "__guest_request" (func $r (param i32 i32)))
      (export "__guest_call" (func $r)) ${memory})`);
    expect(tryAdmit(bytes)).toBe('E_EXPORT exports __guest_call as v(ii) instead of i(ii)');
  });
});

describe('limits', () => {
  it('memory at the start and at most', () => {
    const withMemory = (limits: string) => wat(`(module ${BASE.replace('") 1)', `") ${limits})`)})`);
    expect(tryAdmit(withMemory('65'))).toBe('E_LIMIT memory starts with 65 pages, the limit is 64');
    expect(tryAdmit(withMemory('1 65'))).toBe('E_LIMIT memory may grow to 65 pages, the limit is 64');
  });

  // Assembled by hand: wabt takes minutes for ten thousand of anything.
  const section = (id: number, count: number, entry: readonly number[]) => {
    const content = [...encodeU32(count), ...Array.from({ length: count }, () => entry).flat()];
    return [id, ...encodeU32(content.length), ...content];
  };
  const assemble = (...sections: number[][]) =>
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
  const type = section(1, 1, [0x60, 0, 0]);
  const memory = section(5, 1, [0, 1]);
  const table = (entries: number) => section(4, 1, [0x70, 0, ...encodeU32(entries)]);
  const body = (code: readonly number[]) => section(10, 1, [...encodeU32(code.length), ...code]);
  const blocks = (depth: number) => [
    0,
    ...Array(depth).fill([0x02, 0x40]).flat(),
    ...Array(depth + 1).fill(0x0b),
  ];

  it.each([
    [
      'functions',
      20_000,
      'module has 20001 functions, the limit is 20000',
      (count: number) => assemble(type, section(3, count, [0]), section(10, count, [2, 0, 0x0b])),
    ],
    [
      'locals',
      10_000,
      'function 0 has 10001 locals, the limit is 10000',
      (count: number) => assemble(type, section(3, 1, [0]), body([1, ...encodeU32(count), 0x7f, 0x0b])),
    ],
    [
      'nested blocks',
      256,
      'function 0 has 257 nested blocks, the limit is 256',
      (count: number) => assemble(type, section(3, 1, [0]), body(blocks(count))),
    ],
    [
      'table entries',
      20_000,
      'table has 20001 entries, the limit is 20000',
      (count: number) => assemble(table(count)),
    ],
    [
      'data segments',
      10_000,
      'module has 10001 data segments, the limit is 10000',
      (count: number) => assemble(memory, section(11, count, [0, 0x41, 0, 0x0b, 0])),
    ],
    [
      'element segments',
      10_000,
      'module has 10001 element segments, the limit is 10000',
      (count: number) => assemble(table(1), section(9, count, [0, 0x41, 0, 0x0b, 0])),
    ],
  ])('%s: %i are enough', (_what, limit, refusal, build) => {
    const roomy = { memoryPages: 64, maxModuleBytes: 1_000_000 };
    expect(tryAdmit(build(limit), 'plain', undefined, roomy)).toBe('admitted');
    expect(tryAdmit(build(limit + 1), 'plain', undefined, roomy)).toBe(`E_LIMIT ${refusal}`);
  });

  it.each([
    [
      '(data (i32.const 65535) "xy")',
      'data segment 0 ends at 65537, outside of the 65536 bytes of memory at the start',
    ],
    [
      '(data (i32.const -1) "x")',
      'data segment 0 ends at 4294967296, outside of the 65536 bytes of memory at the start',
    ],
    [
      '(table 1 funcref) (func $f) (elem (i32.const 1) $f)',
      'element segment 0 ends at 2, outside of the 1 table entries at the start',
    ],
    [
      '(table 1 funcref) (elem (i32.const 9000000) func)',
      'element segment 0 ends at 9000000, outside of the 1 table entries at the start',
    ],
  ])('%s', (fields, refusal) => {
    expect(tryAdmit(actor(fields))).toBe(`E_MODULE ${refusal}`);
  });
});

describe('the engine itself', () => {
  it('is asked last, loads the very bytes, and is thrown away', () => {
    const seen: unknown[] = [];
    const instance = { [Symbol.dispose]: () => seen.push('disposed') };
    const engine = {
      name: 'fake',
      load: (bytes: Uint8Array, _host: unknown, limits: { memoryPages: number }) => {
        seen.push(bytes, limits.memoryPages);
        return instance;
      },
      loadPlain: () => {
        seen.push('plain');
        return instance;
      },
    } as unknown as Engine;
    const bytes = actor('');
    expect(tryAdmit(bytes, 'actor', engine)).toBe('admitted');
    expect(seen).toEqual([bytes, 64, 'disposed']);
    expect(tryAdmit(wat('(module)'), 'plain', engine)).toBe('admitted');
    expect(seen.slice(3)).toEqual(['plain', 'disposed']);
    expect(tryAdmit(actor('(import "a" "b" (func))'), 'actor', engine)).toMatch(/^E_IMPORT/);
    expect(seen).toHaveLength(5);
  });

  it('runs nothing of the module: a start section that traps is admitted', () => {
    const engine = createWasm3Engine(loadEngineModuleSync());
    expect(tryAdmit(actor('(func $s unreachable) (start $s)'), 'actor', engine)).toBe('admitted');
  });

  it('survives one br_table of 15,000 targets, which once overwrote the heap of wasm3', () => {
    const engine = createWasm3Engine(loadEngineModuleSync());
    const bytes = actor(`(func (param i32) block local.get 0 br_table ${'0 '.repeat(15_001)} end)`);
    const outcome = tryAdmit(bytes, 'actor', engine, { memoryPages: 64, maxModuleBytes: 100_000 });
    expect(outcome).toBe('admitted');
    expect(tryAdmit(actor(''), 'actor', engine)).toBe('admitted');
  });
});
