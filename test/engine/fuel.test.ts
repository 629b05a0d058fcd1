import { describe, expect, it } from 'vitest';
import { wat } from '../helpers/wat.js';
import { actor, callOnce, engine, failureOf, LIMITS, quietHost, run } from './support.js';

const ENDLESS: Record<string, string> = {
  br: '(loop $l br $l) i32.const 1',
  br_if: '(loop $l (br_if $l (i32.const 1))) i32.const 1',
  'br_if on a parameter': '(loop $l (br_if $l (i32.eqz (local.get $len)))) i32.const 1',
  br_table: '(loop $l (br_table $l $l (i32.const 0))) i32.const 1',
  'br_table by its default':
    '(loop $l (block $b (br_table $b $b $l (i32.const 9)))) (loop $m (br $m)) i32.const 1',
  'br_if in a loop with a result': '(loop $l (result i32) (br_if $l (i32.const 1)) (i32.const 1))',
  'br out of a block with a value':
    '(loop $l (drop (block $b (result i32) (br_if $b (i32.const 5) (i32.const 1)))) (br $l)) i32.const 1',
  'if … br': '(loop $l (if (i32.const 1) (then (br $l)))) i32.const 1',
  'loop in if': '(if (i32.const 1) (then (loop $l (br $l)))) i32.const 1',
  'if … else br': '(loop $l (if (i32.const 0) (then) (else (br $l)))) i32.const 1',
  'nested loops': '(loop $o (loop $i (br_if $i (i32.const 0)) (br $o))) i32.const 1',
  'br from three blocks down': '(loop $l (block (block (block (br $l))))) i32.const 1',
  'calls in a loop': '(loop $l (call $nothing) (br $l)) i32.const 1',
  'indirect calls in a loop': '(loop $l (call_indirect (i32.const 0)) (br $l)) i32.const 1',
  'host functions in a loop': '(loop $l (drop (call $host_error_len)) (br $l)) i32.const 1',
};
const EXTRA = '(func $nothing) (table 1 funcref) (elem (i32.const 0) $nothing)';

describe('fuel', () => {
  it.each(Object.entries(ENDLESS))('stops an endless loop by %s', (_, body) => {
    using instance = run(actor(body, EXTRA));
    expect(failureOf(instance.call('op', new Uint8Array(0)))).toMatchObject({ code: 'E_FUEL', fatal: true });
    expect(instance.fuelUsed).toBe(LIMITS.fuelPerCall);
    expect(failureOf(instance.call('op', new Uint8Array(0)))).toMatchObject({
      code: 'E_NOT_RUNNING',
      fatal: true,
    });
  });

  it('costs one for every jump back and every call, and nothing for anything else', () => {
    const counted = (body: string): number => {
      using instance = run(actor(body, EXTRA));
      const result = instance.call('op', new Uint8Array(0));
      expect(result.ok).toBe(true);
      return instance.fuelUsed;
    };
    const loop = (jump: string): string =>
      `(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) ${jump}) i32.const 1`;
    const more = '(i32.lt_u (local.get $i) (i32.const 100))';
    expect(counted('i32.const 1')).toBe(0);
    expect(counted('(block (br 0)) i32.const 1')).toBe(0);
    expect(counted(loop(`(br_if $l ${more})`))).toBe(99);
    expect(counted(loop(`(if ${more} (then (br $l)))`))).toBe(99);
    expect(counted(loop(`(block $out (br_table $out $l ${more}))`))).toBe(99);
    expect(counted('(call $nothing) (call $nothing) i32.const 1')).toBe(2);
    expect(counted('(call_indirect (i32.const 0)) i32.const 1')).toBe(1);
    expect(counted('(drop (call $host_response_len)) i32.const 1')).toBe(1);
  });

  it('lets exactly the budget be spent', () => {
    const module = actor('(call $nothing) (call $nothing) (call $nothing) i32.const 1', EXTRA);
    expect(callOnce(module, { limits: { ...LIMITS, fuelPerCall: 3 } }).ok).toBe(true);
    expect(failureOf(callOnce(module, { limits: { ...LIMITS, fuelPerCall: 2 } })).code).toBe('E_FUEL');
  });

  it('is the same for the same call, again and in a fresh instance', () => {
    const module = actor(
      `(local.set $i (i32.mul (local.get $len) (i32.const 7)))
      (loop $l (call $nothing) (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $l (local.get $i)))
      i32.const 1`,
      EXTRA,
    );
    const used = [0, 1].flatMap(() => {
      using instance = run(module);
      return [0, 1].map(() => {
        instance.call('op', new Uint8Array(13));
        return instance.fuelUsed;
      });
    });
    expect(used).toEqual([181, 181, 181, 181]);
  });

  it('stops a plain module too', () => {
    using plain = engine.loadPlain(wat('(module (func (export "spin") (loop br 0)))'), LIMITS);
    expect(() => plain.invoke('spin', [])).toThrow(expect.objectContaining({ code: 'E_FUEL' }));
    expect(() => plain.invoke('spin', [])).toThrow(expect.objectContaining({ code: 'E_NOT_RUNNING' }));
  });

  it('counts the host call of a guest as one, whatever the host does', () => {
    const host = quietHost(() => new Uint8Array(500_000));
    const call =
      '(drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))';
    using instance = run(actor(`${call} i32.const 1`), host);
    expect(instance.call('op', new Uint8Array(0)).ok).toBe(true);
    expect(instance.fuelUsed).toBe(1);
  });
});
