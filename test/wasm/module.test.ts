import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { readModule } from '#runtime/wasm/module.js';
import { signatureOf } from '#runtime/wasm/types.js';
import { wat } from '../helpers/wat.js';

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
const featuresOf = (text: string) => readModule(wat(text, ALL)).features;
const names = (text: string) => featuresOf(text).map(({ feature }) => feature);
const inFunction = (code: string) =>
  names(`(module (memory 1) (table 1 funcref) (func $f) (elem $e (i32.const 0) $f) (func ${code}))`);

describe('what a module declares', () => {
  const module = readModule(
    wat(`(module
      (import "wapc" "__guest_request" (func (param i32 i32)))
      (memory (export "memory") 2 17)
      (table 3 9 funcref)
      (global (mut i64) (i64.const 7))
      (func $call (export "__guest_call") (param i32 i32) (result i32) (local f32 f64 f64)
        block loop if nop end end end i32.const 1)
      (func $main)
      (start $main)
      (elem (i32.const 1) $call $main)
      (data (i32.const 0xfffffff0) "abc"))`),
  );

  it('reads imports, exports and types', () => {
    expect(module.imports).toEqual([
      { module: 'wapc', name: '__guest_request', kind: 'function', typeIndex: 0 },
    ]);
    expect(module.exports).toEqual([
      { name: 'memory', kind: 'memory', index: 0 },
      { name: '__guest_call', kind: 'function', index: 1 },
    ]);
    expect(module.types.map(signatureOf)).toEqual(['v(ii)', 'i(ii)', 'v()']);
    expect(module.functions).toEqual([1, 2]);
    expect(module.start).toBe(2);
  });

  it('reads memories, tables, globals and segments', () => {
    expect(module.memories).toMatchObject([{ minimum: 2, maximum: 17, shared: false, wide: false }]);
    expect(module.tables).toMatchObject([{ element: 'funcref', minimum: 3, maximum: 9 }]);
    expect(module.globals).toEqual([{ type: 'i64', mutable: true }]);
    expect(module.elements).toEqual([{ offset: 1, length: 2 }]);
    expect(module.data).toEqual([{ offset: 0xfffffff0, length: 3 }]);
  });

  it('measures bodies', () => {
    expect(module.bodies).toMatchObject([
      { locals: 3, nesting: 3 },
      { locals: 0, nesting: 0 },
    ]);
    expect(module.features).toEqual([]);
  });

  it('reads a module with nothing in it', () => {
    expect(readModule(wat('(module)'))).toMatchObject({ types: [], memories: [], start: undefined });
  });
});

describe('features in code', () => {
  it.each([
    ['i32.const 1 i32.extend8_s drop', 'sign-extension'],
    ['f32.const 1 i32.trunc_sat_f32_s drop', 'saturating-float-to-int'],
    ['i32.const 0 i32.const 0 i32.const 0 memory.copy', 'memory-copy-fill'],
    ['i32.const 0 i32.const 0 i32.const 0 memory.fill', 'memory-copy-fill'],
    ['i32.const 0 block (param i32) drop end', 'block-parameters'],
    ['i32.const 0 loop (param i32) drop end', 'block-parameters'],
    ['i32.const 0 i32.const 0 if (param i32) drop else drop end', 'block-parameters'],
    ['i32.const 0 i32.const 0 i32.const 0 table.init $e', 'table-instructions'],
    ['i32.const 0 i32.const 0 i32.const 0 table.copy', 'table-instructions'],
    ['elem.drop $e', 'table-instructions'],
    ['table.size drop', 'reference-types'],
    ['ref.null func drop', 'reference-types'],
    ['i32.const 0 table.get 0 drop', 'reference-types'],
    ['i32.const 0 i32.const 0 i32.const 0 select (result i32) drop', 'reference-types'],
    ['(local externref)', 'reference-types'],
    ['return_call $f', 'tail-calls'],
    ['i32.const 0 return_call_indirect', 'tail-calls'],
    ['i32.const 0 i32.atomic.load drop', 'threads'],
    ['atomic.fence', 'threads'],
    ['v128.const i32x4 1 2 3 4 drop', 'simd'],
    ['i32.const 0 v128.load drop', 'simd'],
    ['(local v128)', 'simd'],
    ['try nop catch_all end', 'exceptions'],
  ])('%s', (code, feature) => {
    expect(inFunction(code)).toEqual([feature]);
  });

  it('names the function, imported ones counted, and the offset', () => {
    const [use] = featuresOf('(module (import "a" "b" (func)) (func) (func return_call 0))');
    expect(use).toMatchObject({ feature: 'tail-calls', functionIndex: 2 });
    expect(use?.offset).toBeGreaterThan(8);
  });

  it('notes blocks with two results, which is not the same as parameters', () => {
    expect(inFunction('block (result i32 i32) i32.const 1 i32.const 2 end drop drop')).toEqual([
      'multi-value-results',
    ]);
  });

  it('takes the overlong table index that LLVM writes in call_indirect for 0', () => {
    const bytes = wat('(module (table 1 funcref) (func i32.const 0 call_indirect))');
    const at = bytes.lastIndexOf(0x11);
    expect([...bytes.subarray(at)]).toEqual([0x11, 0, 0, 0x0b]);
    const padded = Uint8Array.from([...bytes.subarray(0, at + 2), 0x80, 0x80, 0x80, 0x80, 0x00, 0x0b]);
    padded[at - 4] = (padded[at - 4] ?? 0) + 4; // body
    padded[at - 6] = (padded[at - 6] ?? 0) + 4; // section
    expect(WebAssembly.validate(padded)).toBe(true);
    expect(readModule(padded).features).toEqual([]);
  });

  it('sees a padded opcode behind a prefix', () => {
    const bytes = wat('(module (func f32.const 1 i32.trunc_sat_f32_s drop))');
    const at = bytes.lastIndexOf(0xfc);
    const padded = Uint8Array.from([...bytes.subarray(0, at + 1), 0x80, 0x00, 0x1a, 0x0b]);
    padded[at - 7] = (padded[at - 7] ?? 0) + 1;
    padded[at - 9] = (padded[at - 9] ?? 0) + 1;
    expect(WebAssembly.validate(padded)).toBe(true);
    expect(readModule(padded).features.map(({ feature }) => feature)).toEqual([
      'saturating-float-to-int',
      'padded-encoding',
    ]);
  });
});

describe('features in declarations', () => {
  it.each([
    ['(module (memory 1) (data "a"))', ['passive-segments']],
    ['(module (func $f) (elem func $f))', ['passive-segments']],
    ['(module (func $f) (elem declare func $f))', ['passive-segments']],
    ['(module (memory 1) (data $d "a") (func data.drop $d))', ['passive-segments']],
    ['(module (table 1 externref))', ['reference-types']],
    ['(module (table 1 funcref) (table 1 funcref))', ['multi-table']],
    ['(module (memory 1) (memory 1))', ['multi-memory']],
    ['(module (memory i64 1))', ['memory64']],
    ['(module (memory 1 2 shared))', ['threads']],
    ['(module (global i32 (i32.add (i32.const 1) (i32.const 2))))', ['extended-constants']],
    ['(module (global i32 (i32.const 1)) (global i32 (global.get 0)))', ['extended-constants']],
    ['(module (global funcref (ref.null func)))', ['reference-types']],
    ['(module (tag (param i32)))', ['exceptions']],
    ['(module (func (result i32 i32) i32.const 1 i32.const 2))', ['multi-value-results']],
    ['(module (func (param v128)))', ['simd']],
  ])('%s', (text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it('refuses garbage-collected types, which it cannot read further', () => {
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x5f, 1, 0x7f, 0]);
    expect(() => readModule(bytes)).toThrow(
      new IotError('E_FEATURE', 'module uses garbage-collected types at offset 0xb'),
    );
  });
});
