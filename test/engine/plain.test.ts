import { describe, expect, it } from 'vitest';
import { wat } from '../helpers/wat.js';
import { engine, LIMITS } from './support.js';

const TYPES = ['i32', 'i64', 'f32', 'f64'] as const;
const add = (type: string): string =>
  `(func (export "add_${type}") (param ${type} ${type}) (result ${type}) (${type}.add (local.get 0) (local.get 1)))
   (func (export "same_${type}") (param ${type}) (result ${type}) (local.get 0))`;
const module = wat(`(module ${TYPES.map(add).join('\n')}
  (func (export "nothing"))
  (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "swap") (param i32 f64 i64) (result i64 f64 i32) (local.get 2) (local.get 1) (local.get 0))
  (func (export "boom") unreachable)
  (memory (export "memory") 1))`);

const invoke = (name: string, ...args: string[]): unknown => {
  using plain = engine.loadPlain(module, LIMITS);
  return plain.invoke(name, args);
};
const usage = (part: string) =>
  expect.objectContaining({ code: 'E_USAGE', message: expect.stringContaining(part) });

describe('plain modules', () => {
  it('add in all four types', () => {
    expect(invoke('add_i32', '40', '2')).toEqual([42]);
    expect(invoke('add_i64', '9007199254740993', '1')).toEqual([9007199254740994n]);
    expect(invoke('add_f32', '1.5', '.25')).toEqual([1.75]);
    expect(invoke('add_f64', '1e300', '-1e300')).toEqual([0]);
  });

  it('wrap as WebAssembly does', () => {
    expect(invoke('add_i32', '2147483647', '1')).toEqual([-2147483648]);
    expect(invoke('add_i64', '0x7fffffffffffffff', '1')).toEqual([-9223372036854775808n]);
  });

  it.each([
    ['i32', '-2147483648', -2147483648],
    ['i32', '4294967295', -1],
    ['i32', '0xFFFFFFFF', -1],
    ['i32', '-0x10', -16],
    ['i32', '+7', 7],
    ['i64', '18446744073709551615', -1n],
    ['i64', '-9223372036854775808', -9223372036854775808n],
    ['f32', '0.1', Math.fround(0.1)],
    ['f64', '-0', -0],
    ['f64', 'NaN', Number.NaN],
    ['f64', '-Infinity', Number.NEGATIVE_INFINITY],
    ['f32', '1e39', Number.POSITIVE_INFINITY],
    ['f64', '5.', 5],
  ])('%s %s', (type, argument, value) => {
    expect(invoke(`same_${type}`, argument)).toEqual([value]);
  });

  it.each([
    ['i32', '4294967296'],
    ['i32', '-2147483649'],
    ['i32', '1.5'],
    ['i32', ''],
    ['i32', ' 1'],
    ['i32', '1e3'],
    ['i32', '0x'],
    ['i32', 'NaN'],
    ['i64', '18446744073709551616'],
    ['i64', '1n'],
    ['f32', 'one'],
    ['f64', ''],
    ['f64', '0x10'],
    ['f64', '1,5'],
    ['f64', '.'],
  ])('%s does not take %j', (type, argument) => {
    expect(() => invoke(`same_${type}`, argument)).toThrow(
      usage(`argument 1 is not an ${type}: '${argument}'`),
    );
  });

  it('results: none, and several', () => {
    expect(invoke('nothing')).toEqual([]);
    expect(invoke('two')).toEqual([1, 2n]);
    expect(invoke('swap', '1', '2.5', '3')).toEqual([3n, 2.5, 1]);
  });

  it('a wrong count says what is wanted', () => {
    expect(() => invoke('add_f32', '1')).toThrow(usage('add_f32 takes 2 arguments (f32, f32), not 1'));
    expect(() => invoke('nothing', '1')).toThrow(usage('nothing takes 0 arguments'));
  });

  it('an unknown name lists those that exist', () => {
    expect(() => invoke('ad')).toThrow(
      expect.objectContaining({
        code: 'E_USAGE',
        hint: expect.stringContaining('it exports add_i32, same_i32'),
      }),
    );
    expect(() => invoke('memory')).toThrow(usage("no exported function 'memory'"));
    using empty = engine.loadPlain(wat('(module)'), LIMITS);
    expect(() => empty.invoke('f', [])).toThrow(
      expect.objectContaining({ hint: 'the module exports no functions' }),
    );
  });

  it('a wrong argument leaves the instance usable, a trap does not', () => {
    using plain = engine.loadPlain(module, LIMITS);
    expect(() => plain.invoke('add_i32', ['x', '1'])).toThrow(usage('argument 1'));
    expect(plain.invoke('add_i32', ['1', '1'])).toEqual([2]);
    expect(() => plain.invoke('boom', [])).toThrow(expect.objectContaining({ code: 'E_TRAP' }));
    expect(() => plain.invoke('add_i32', ['1', '1'])).toThrow(
      expect.objectContaining({ code: 'E_NOT_RUNNING' }),
    );
  });

  it('imports are refused, even those an actor has', () => {
    const load = (): unknown =>
      engine.loadPlain(wat('(module (import "wapc" "__host_error" (func (param i32))))'), LIMITS);
    expect(load).toThrow(expect.objectContaining({ code: 'E_IMPORT' }));
  });

  it('many parameters and results', () => {
    const params = 'i32 '.repeat(100);
    const body = Array.from({ length: 100 }, (_, i) => `(local.get ${99 - i})`).join(' ');
    using plain = engine.loadPlain(
      wat(`(module (func (export "f") (param ${params}) (result ${params}) ${body}))`),
      LIMITS,
    );
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    expect(plain.invoke('f', numbers.map(String))).toEqual(numbers.reverse());
    using tooMany = engine.loadPlain(wat(`(module (func (export "f") (param ${params} ${params})))`), LIMITS);
    expect(() => tooMany.invoke('f', Array<string>(200).fill('1'))).toThrow(
      expect.objectContaining({ code: 'E_LIMIT' }),
    );
  });
});
