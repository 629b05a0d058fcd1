import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { encodeU32 } from '#runtime/wasm/leb.js';
import { readModule } from '#runtime/wasm/module.js';
import { ByteReader } from '#runtime/wasm/reader.js';
import { encodeCustomSection, readCustomSections, readSections } from '#runtime/wasm/sections.js';
import { wat } from '../helpers/wat.js';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const file = (...bytes: number[]) => Uint8Array.from([...HEADER, ...bytes]);
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof IotError && thrown.code === 'E_MODULE') return thrown.message;
    throw thrown;
  }
  return 'accepted';
};

describe('sections', () => {
  it('reads where each one starts and ends, padded lengths included', () => {
    const bytes = file(0, 0x83, 0x00, 1, 0x61, 7, 1, 1, 0);
    expect(readSections(bytes)).toEqual([
      { id: 0, name: 'a', start: 8, bodyStart: 11, contentStart: 13, end: 14 },
      { id: 1, name: undefined, start: 14, bodyStart: 16, contentStart: 16, end: 17 },
    ]);
    expect(readCustomSections(bytes)).toEqual([{ name: 'a', content: Uint8Array.of(7) }]);
  });

  it.each([
    ['nothing', new Uint8Array(), 'file of 0 bytes is too short for a WebAssembly module at offset 0x0'],
    ['text', Buffer.from('(module (func))'), 'file does not begin with "\\0asm" at offset 0x0'],
    [
      'a component',
      Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]),
      'file is a WebAssembly component, not a core module at offset 0x4',
    ],
    [
      'another version',
      Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]),
      'WebAssembly version 2 is not known at offset 0x4',
    ],
    ['an unknown id', file(14, 0), 'section id 14 is not known at offset 0x8'],
    ['a section without length', file(1), 'bytes end too early at offset 0x9'],
    [
      'a section past the end',
      file(1, 2, 0),
      'section type of 2 bytes runs past the end of the file at offset 0x8',
    ],
    [
      'a huge length',
      file(1, 0xff, 0xff, 0xff, 0xff, 0x0f),
      'section type of 4294967295 bytes runs past the end of the file at offset 0x8',
    ],
    [
      'a length of 33 bits',
      file(1, 0xff, 0xff, 0xff, 0xff, 0x1f),
      'number does not fit 32 bits at offset 0x9',
    ],
    [
      'a length of six bytes',
      file(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0),
      'number does not fit 32 bits at offset 0x9',
    ],
    ['two of one kind', file(1, 1, 0, 1, 1, 0), 'section type appears twice at offset 0xb'],
    ['a wrong order', file(3, 1, 0, 1, 1, 0), 'section type is out of order at offset 0xb'],
    ['data count behind code', file(10, 1, 0, 12, 1, 0), 'section dataCount is out of order at offset 0xb'],
    ['a custom section without name', file(0, 0), 'bytes end too early at offset 0xa'],
    ['a name past its section', file(0, 2, 5, 0x61), '5 bytes are announced, 1 are left at offset 0xb'],
    ['a name that is not UTF-8', file(0, 2, 1, 0xff), 'name is not UTF-8 at offset 0xa'],
  ])('refuses %s', (_what, bytes, message) => {
    expect(refusal(() => readSections(bytes))).toBe(message);
  });

  it('refuses contents that go on, and counts that cannot be', () => {
    expect(refusal(() => readModule(file(1, 2, 0, 0)))).toBe(
      'section type goes on behind its contents at offset 0xb',
    );
    expect(refusal(() => readModule(file(1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f)))).toBe(
      '4294967295 entries are announced in too few bytes at offset 0xa',
    );
    expect(refusal(() => readModule(file(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0)))).toBe(
      '1 functions are declared, 0 have a body at offset 0x0',
    );
  });

  it('writes lengths in as few bytes as possible', () => {
    const section = encodeCustomSection('jwt', new Uint8Array(200));
    expect([...section.subarray(0, 7)]).toEqual([0, 0xcc, 0x01, 3, 0x6a, 0x77, 0x74]);
    expect(section.length).toBe(207);
  });
});

describe('numbers', () => {
  it('round trip, and take up to five bytes', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        const reader = new ByteReader(encodeU32(value));
        expect(reader.u32()).toBe(value);
        expect(reader.atEnd).toBe(true);
      }),
      { seed: 1, numRuns: 200 },
    );
    expect(new ByteReader(Uint8Array.of(0x85, 0x80, 0x80, 0x80, 0x00)).u32()).toBe(5);
  });

  it.each([
    [[0x7f], -1],
    [[0x40], -64],
    [[0x3f], 63],
    [[0xff, 0xff, 0xff, 0xff, 0x07], 0x7fffffff],
    [[0x80, 0x80, 0x80, 0x80, 0x78], -0x80000000],
    [[0xff, 0xff, 0xff, 0xff, 0x7f], -1],
  ])('signed %j is %i', (bytes, value) => {
    expect(new ByteReader(Uint8Array.from(bytes)).signed(32)).toBe(value);
  });

  it('refuses signed numbers that do not fit', () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f);
    expect(refusal(() => new ByteReader(bytes).signed(32))).toBe('number does not fit 32 bits at offset 0x0');
    expect(new ByteReader(bytes).signed(33)).toBe(0xffffffff);
  });
});

describe('whatever the bytes are', () => {
  const sample = wat(
    `(module (import "wapc" "__console_log" (func (param i32 i32))) (memory (export "memory") 1)
    (table 2 funcref) (global i32 (i32.const 3)) (elem (i32.const 0) $f) (data (i32.const 8) "text")
    (func $f (export "f") (param i32) (result i32) (local i64)
      block block local.get 0 br_table 0 1 end end
      loop local.get 0 if i32.const 1 i32.const 0 call_indirect (param i32) end end
      i32.const -5 f64.const 1 drop))`,
  );

  const onlyRefuses = (bytes: Uint8Array) => {
    try {
      readModule(bytes);
    } catch (thrown) {
      if (!(thrown instanceof IotError)) throw thrown;
      expect(['E_MODULE', 'E_FEATURE']).toContain(thrown.code);
    }
  };

  it('cut short at every length, is refused or has fewer sections', () => {
    const ends = new Set([8, ...readSections(sample).map(({ end }) => end)]);
    for (let length = 0; length < sample.length; length += 1) {
      const cut = () => readSections(sample.subarray(0, length));
      if (ends.has(length)) expect(cut).not.toThrow();
      else expect(refusal(cut)).toMatch(/ at offset 0x/);
      onlyRefuses(sample.subarray(0, length));
    }
  });

  it('ends, and throws nothing but refusals', () => {
    const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => file(...bytes));
    const mutated = fc
      .array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Uint8Array.from(sample);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(fc.property(fc.oneof(body, mutated), onlyRefuses), { seed: 2, numRuns: 3000 });
  });

  it('reads every module that V8 takes, apart from garbage collection', () => {
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), (at, value) => {
        const bytes = Uint8Array.from(sample);
        bytes[at] = value;
        if (WebAssembly.validate(bytes)) readModule(bytes);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});
