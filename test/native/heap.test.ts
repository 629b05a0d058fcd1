import { describe, expect, it } from 'vitest';
import { Status } from '#runtime/engine/wasm3/shim.js';
import { wat } from '../helpers/wat.js';
import { invoke32, load, openShim, put } from './shim.js';

const small = wat(`(module (memory 2) (data (i32.const 0) "text") (table 4 funcref) (elem (i32.const 1) $f)
  (global $g (mut i32) (i32.const 7)) (global (export "h") i64 (i64.const 1))
  (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (global.get $g))))`);

describe('the heap of the shim', () => {
  it('is empty again after unload', () => {
    const shim = openShim();
    const before = shim.iot_heap_in_use();
    expect(load(shim, small)).toBe(Status.ok);
    shim.iot_reserve(1, 5000);
    expect(shim.iot_heap_in_use()).toBeGreaterThan(2 * 65_536);
    shim.iot_unload();
    expect(shim.iot_heap_in_use()).toBe(before);
    shim.iot_unload();
    expect(shim.iot_heap_in_use()).toBe(before);
  });

  it('does not grow with loading again and again, refused modules among them', () => {
    const shim = openShim();
    const broken = small.slice(0, small.length - 3);
    const noMemory = wat('(module (memory 65))');
    const round = (): number => {
      expect(load(shim, small)).toBe(Status.ok);
      expect(load(shim, broken)).toBe(Status.badModule);
      expect(load(shim, noMemory)).toBe(Status.tooLarge);
      shim.iot_unload();
      return shim.iot_heap_in_use();
    };
    const first = round();
    const size = shim.memory.buffer.byteLength;
    for (let i = 0; i < 200; i++) round();
    expect(round()).toBe(first);
    expect(shim.memory.buffer.byteLength).toBe(size);
  });

  it('a module that does not fit says so', () => {
    const shim = openShim();
    expect(load(shim, wat('(module (memory 239))'), 239)).toBe(Status.ok);
    expect(load(shim, wat('(module (memory 240) (data (i32.const 0) "x"))'), 65_536)).toBe(Status.noMemory);
    expect(load(shim, small)).toBe(Status.ok);
  });
});

describe('one br_table with some 15,000 targets', () => {
  // Wrote behind its code page in an older wasm3 without anybody noticing.
  const DEPTH = 3;
  const TARGETS = 15_000;
  const depths = Array.from({ length: TARGETS }, (_, index) => (index * 7) % DEPTH);
  const module = wat(`(module (func (export "f") (param i32) (result i32)
    (block $c (block $b (block $a (br_table ${depths.join(' ')} 2 (local.get 0)))
      (return (i32.const 100))) (return (i32.const 101))) (i32.const 102)))`);

  it('branches as it should and leaves its neighbours alone', () => {
    const shim = openShim();
    // Blocks of many sizes, some given back, so that the code pages lie between blocks that must not change.
    const guards = Array.from({ length: 60 }, (_, index) => {
      const content = new Uint8Array(64 << (index % 12)).fill(index + 1);
      return { content, at: put(shim, content) };
    });
    expect(load(shim, module)).toBe(Status.ok);
    const after = Array.from({ length: 60 }, (_, index) => {
      const content = new Uint8Array(4096).fill(200 + (index % 50));
      return { content, at: put(shim, content) };
    });
    for (const index of [0, 1, 2, 3, 7777, TARGETS - 1, TARGETS, TARGETS + 1, -1])
      expect(invoke32(shim, 0, index)).toBe(100 + (depths[index] ?? 2));
    const memory = new Uint8Array(shim.memory.buffer);
    for (const { content, at } of [...guards, ...after])
      expect(Buffer.compare(memory.subarray(at, at + content.length), content)).toBe(0);
  });
});
