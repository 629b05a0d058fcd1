import { describe, expect, it } from 'vitest';
import { wat } from '../helpers/wat.js';
import { actor, bytes, engine, failureOf, LIMITS, quietHost, run, text, wapcImports } from './support.js';

const ENDLESS = '(loop $l (br $l))';
const coded = (code: string, part: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(part) });

describe('start functions', () => {
  const log = (at: number): string => `(call $console_log (i32.const ${at}) (i32.const 1))`;
  const module = actor(
    'i32.const 1',
    `(data (i32.const 0) "SABC")
     (func (export "wapc_init") ${log(3)})
     (func (export "_initialize") ${log(2)})
     (func (export "_start") ${log(1)})
     (func $section ${log(0)}) (start $section)`,
  );

  it('run once each in their order, not at load', () => {
    const host = quietHost();
    using instance = engine.load(module, host, LIMITS);
    expect(host.lines).toEqual([]);
    instance.start();
    expect(host.lines).toEqual(['S', 'A', 'B', 'C']);
    expect(instance.fuelUsed).toBe(4);
    expect(instance.call('op', bytes('')).ok).toBe(true);
    expect(host.lines).toHaveLength(4);
    expect(() => instance.start()).toThrow('before');
  });

  it('calls come after start()', () => {
    using instance = engine.load(module, quietHost(), LIMITS);
    expect(failureOf(instance.call('op', bytes('')))).toMatchObject({ code: 'E_NOT_RUNNING', fatal: false });
  });

  it.each(['_start', '_initialize', 'wapc_init'])('%s that never ends runs out of fuel', (name) => {
    using instance = engine.load(
      actor('i32.const 1', `(func (export "${name}") ${ENDLESS})`),
      quietHost(),
      LIMITS,
    );
    expect(() => instance.start()).toThrow(coded('E_FUEL', name));
    expect(failureOf(instance.call('op', bytes('')))).toMatchObject({ code: 'E_NOT_RUNNING', fatal: true });
  });

  it('a start section that never ends runs out of fuel', () => {
    using instance = engine.load(
      actor('i32.const 1', `(func $s ${ENDLESS}) (start $s)`),
      quietHost(),
      LIMITS,
    );
    expect(() => instance.start()).toThrow(coded('E_FUEL', 'start section'));
  });

  it('share one budget', () => {
    const spend = (name: string): string =>
      `(func (export "${name}") (local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
         (br_if $l (i32.lt_u (local.get $i) (i32.const 601)))))`;
    const both = actor('i32.const 1', spend('_start') + spend('wapc_init'));
    using enough = engine.load(both, quietHost(), { ...LIMITS, startFuel: 1200 });
    enough.start();
    expect(enough.fuelUsed).toBe(1200);
    using short = engine.load(both, quietHost(), { ...LIMITS, startFuel: 1199 });
    expect(() => short.start()).toThrow(coded('E_FUEL', 'wapc_init'));
  });

  it('a trap in one says where', () => {
    using instance = engine.load(
      actor('i32.const 1', '(func (export "_start") unreachable)'),
      quietHost(),
      LIMITS,
    );
    expect(() => instance.start()).toThrow(
      coded('E_TRAP', '_start: the actor trapped: unreachable executed'),
    );
  });
});

describe('life of an instance', () => {
  it('nothing works after dispose, and disposing twice is harmless', () => {
    const instance = run(actor('i32.const 1'));
    instance[Symbol.dispose]();
    instance[Symbol.dispose]();
    expect(failureOf(instance.call('op', bytes('')))).toMatchObject({ code: 'E_NOT_RUNNING', fatal: true });
    expect(() => instance.start()).toThrow('disposed');
    const plain = engine.loadPlain(wat('(module (func (export "f")))'), LIMITS);
    plain[Symbol.dispose]();
    expect(() => plain.invoke('f', [])).toThrow('disposed');
  });

  it('the module bytes may change after load', () => {
    const module = actor(
      '(call $guest_response (i32.const 0) (i32.const 2)) i32.const 1',
      '(data (i32.const 0) "hi")',
    );
    using instance = engine.load(module, quietHost(), LIMITS);
    module.fill(0xff);
    instance.start();
    const result = instance.call('op', bytes(''));
    expect(result.ok && text(result.reply)).toBe('hi');
  });
});

describe('imports of AssemblyScript', () => {
  const utf16 = (value: string): string =>
    [...Buffer.from(value, 'utf16le')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  const length = (value: string): string =>
    `\\${(value.length * 2).toString(16).padStart(2, '0')}\\00\\00\\00`;
  const env = (body: string, message = 'no ünit'): Uint8Array =>
    wat(`(module ${wapcImports()}
      (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (import "env" "seed" (func $seed (result f64)))
      (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
      (memory 1)
      (data (i32.const 8) "${length(message)}${utf16(message)}")
      (data (i32.const 100) "${length('a.ts')}${utf16('a.ts')}")
      (func (export "__guest_call") (param i32 i32) (result i32) ${body} i32.const 1))`);

  it('abort is a trap with its message', () => {
    using instance = run(env('(call $abort (i32.const 12) (i32.const 104) (i32.const 7) (i32.const 3))'));
    expect(failureOf(instance.call('op', bytes('')))).toEqual({
      code: 'E_TRAP',
      message: 'the actor trapped: abort: no ünit at a.ts:7:3',
      fatal: true,
    });
  });

  it('abort without texts', () => {
    using instance = run(env('(call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))'));
    expect(failureOf(instance.call('op', bytes(''))).message).toBe('the actor trapped: abort: no message');
  });

  it.each(['1', '70000', '-1'])('abort with a message at %s is a trap of its own', (at) => {
    using instance = run(env(`(call $abort (i32.const ${at}) (i32.const 0) (i32.const 0) (i32.const 0))`));
    expect(failureOf(instance.call('op', bytes(''))).message).toContain("pointer outside the guest's memory");
  });

  it('seed is the same for all: randomness comes through contracts only', () => {
    const body = '(f64.store (i32.const 0) (call $seed)) (call $guest_response (i32.const 0) (i32.const 8))';
    const seeds = [0, 1].map(() => {
      using instance = run(env(body));
      const result = instance.call('op', bytes(''));
      return result.ok && new DataView(result.reply.buffer).getFloat64(0, true);
    });
    expect(seeds[0]).toBe(4294967291);
    expect(seeds[1]).toBe(seeds[0]);
  });

  it('trace goes to the log', () => {
    const host = quietHost();
    const numbers = [1.5, 2, 3, 4, 5].map((value) => `(f64.const ${value})`).join(' ');
    using instance = run(env(`(call $trace (i32.const 12) (i32.const 2) ${numbers})`, 'speed'), host);
    expect(instance.call('op', bytes('')).ok).toBe(true);
    expect(host.lines).toEqual(['speed 1.5, 2']);
  });
});
