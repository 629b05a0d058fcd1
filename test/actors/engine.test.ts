import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { IotError } from '#runtime/base/errors.js';
import { DEFAULT_ACTOR_LIMITS } from '#runtime/base/limits.js';
import type { GuestHost, Instance } from '#runtime/engine/engine.js';
import { createWasm3Engine, loadEngineModuleSync } from '#runtime/engine/wasm3/index.js';
import { actorModule } from '../helpers/actors.js';

const EMPTY = new Uint8Array(0);
const START = encodePayload('cbor', { reason: 'start' });
const TICK = encodePayload('cbor', { id: 'blink', dueAt: 1_767_225_600_000, at: 1_767_225_600_003.5 });
const message = (id: string) =>
  encodePayload('cbor', {
    topic: 'home/cmd/count',
    payload: new TextEncoder().encode(id),
    qos: 1,
    retain: false,
  });

interface Seen {
  readonly name: string;
  readonly request: unknown;
}

/** The actor on the default engine, not started yet. `answer` gets "contract operation". */
function load(name: string, answer: (call: string) => Uint8Array | IotError = () => EMPTY) {
  const calls: Seen[] = [];
  const logs: string[] = [];
  const host: GuestHost = {
    hostCall(_binding, namespace, operation, payload) {
      const codec = namespace.startsWith('iot:') ? 'cbor' : 'msgpack';
      calls.push({
        name: `${namespace} ${operation}`,
        request: decodePayload(codec, Uint8Array.from(payload)),
      });
      return answer(`${namespace} ${operation}`);
    },
    log: (text) => void logs.push(text),
  };
  const { fuelPerCall, payloadBytes } = DEFAULT_ACTOR_LIMITS;
  const instance: Instance = createWasm3Engine(loadEngineModuleSync()).load(actorModule(name), host, {
    memoryPages: 1,
    fuelPerCall,
    startFuel: fuelPerCall,
    payloadBytes,
  });
  return { instance, calls, logs };
}

describe('actors on wasm3', () => {
  it.each(['blink-v1', 'blink-v2'])('%s blinks', (name) => {
    const { instance, calls } = load(name);
    using actor = instance;
    actor.start();
    expect(calls).toEqual([]);
    expect(actor.call('Start', START).ok).toBe(true);
    expect(actor.call('Tick', TICK).ok).toBe(true);
    expect(actor.call('Tick', TICK).ok).toBe(true);
    expect(calls.map((c) => c.name)).toEqual([
      'iot:timer Every',
      ...['iot:gpio Write', 'iot:mqtt Publish', 'iot:gpio Write', 'iot:mqtt Publish'],
    ]);
    expect(calls[1]?.request).toEqual({ line: 'LED', value: 1 });
    expect(calls[3]?.request).toEqual({ line: 'LED', value: 0 });
    expect(actor.call('Nope', EMPTY)).toMatchObject({ ok: false, fatal: false });
  });

  it('counter counts, reports a store that fails, and lives on', () => {
    let stored = 0;
    let broken = false;
    const { instance, calls } = load('counter-v1', (call) => {
      if (!call.startsWith('wascc:keyvalue')) return EMPTY;
      return broken ? new IotError('E_PROVIDER', 'disk is gone') : encode({ value: ++stored });
    });
    using actor = instance;
    actor.start();
    expect(actor.call('Start', START).ok).toBe(true);
    expect(actor.call('Message', message('7')).ok).toBe(true);
    broken = true;
    const failed = actor.call('Message', message('8'));
    expect(failed).toMatchObject({ ok: false, fatal: false });
    expect(!failed.ok && failed.error.message).toContain('wascc:keyvalue Add: E_PROVIDER: disk is gone');
    broken = false;
    expect(actor.call('Message', message('8')).ok).toBe(true);
    const states = calls.filter((c) => c.name === 'iot:mqtt Publish');
    expect(
      states.map((c) => new TextDecoder().decode((c.request as { payload: Uint8Array }).payload)),
    ).toEqual(['7 1', '8 2']);
  });

  it('a call burns the same fuel each time and the memory stays at one page', () => {
    const { instance } = load('counter-v1', () => encode({ value: 1 }));
    using actor = instance;
    actor.start();
    const fuel = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      expect(actor.call('Message', message('12345')).ok).toBe(true);
      fuel.add(actor.fuelUsed);
    }
    console.log(`counter Message: ${[...fuel].join()} units of fuel`);
    expect(fuel.size).toBe(1);
    expect(actor.memoryPages).toBe(1);
  });
});

describe('bad actors on wasm3', () => {
  const HEALTH = encodePayload('msgpack', { placeholder: false });

  it.each([
    ['Tick', TICK],
    ['Message', message('1')],
  ])('bad-trap starts well and traps on its first %s', (operation, payload) => {
    const { instance, calls } = load('bad-trap', () => new IotError('E_NOT_CLAIMED', 'no'));
    using actor = instance;
    actor.start();
    expect(actor.call('HealthRequest', HEALTH).ok).toBe(true);
    expect(actor.call('Start', START).ok).toBe(true);
    expect(calls.map((c) => c.name)).toEqual(['iot:timer Every', 'iot:mqtt Subscribe']);
    expect(actor.call(operation, payload)).toMatchObject({
      ok: false,
      fatal: true,
      error: { code: 'E_TRAP' },
    });
  });

  it('bad-trap-start traps on Start', () => {
    using actor = load('bad-trap-start').instance;
    actor.start();
    expect(actor.call('HealthRequest', HEALTH).ok).toBe(true);
    expect(actor.call('Start', START)).toMatchObject({ ok: false, fatal: true, error: { code: 'E_TRAP' } });
  });

  it('bad-hang never ends its Start', () => {
    using actor = load('bad-hang').instance;
    actor.start();
    expect(actor.call('HealthRequest', HEALTH).ok).toBe(true);
    expect(actor.call('Start', START)).toMatchObject({ ok: false, fatal: true, error: { code: 'E_FUEL' } });
  });

  it('bad-start never ends its start function', () => {
    using actor = load('bad-start').instance;
    expect(() => actor.start()).toThrow(expect.objectContaining({ code: 'E_FUEL' }));
  });
});
