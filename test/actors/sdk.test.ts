import { describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { actor } from '../helpers/actors.js';
import type { WapcHost } from '../helpers/wapc-host.js';

const EMPTY = new Uint8Array(0);
const OK = { ok: true, reply: EMPTY };
const bytes = (value: string) => new TextEncoder().encode(value);

describe.each(['probe-c', 'probe-as', 'blink-v1', 'counter-v1'])('every actor: %s', (name) => {
  it('answers HealthRequest with an empty reply', () => {
    expect(actor(name).call('HealthRequest', encodePayload('msgpack', { placeholder: false }))).toEqual(OK);
  });

  it.each(['Nope', '', 'Start\0', 'star', 'Größe', 'x'.repeat(128)])('does not know %j', (operation) => {
    expect(actor(name).call(operation)).toEqual({
      ok: false,
      error: `Could not find function "${operation}"`,
    });
  });

  it('refuses a name or payload beyond its buffers and leaves its memory alone', () => {
    const host = actor(name);
    host.call('HealthRequest');
    const before = host.memory.slice();
    expect(host.call('x'.repeat(129))).toEqual({
      ok: false,
      error: "operation name does not fit into the actor's buffer",
    });
    expect(host.call('HealthRequest', new Uint8Array(60_000).fill(255))).toEqual({
      ok: false,
      error: "payload does not fit into the actor's buffer",
    });
    // Only bookkeeping words may differ: none of the 60,000 bytes was fetched.
    const differing = host.memory.reduce((sum, byte, i) => sum + (byte === before[i] ? 0 : 1), 0);
    expect(differing).toBeLessThan(300);
    expect(host.call('HealthRequest')).toEqual(OK);
  });
});

describe.each(['probe-c', 'probe-as'])('buffers of %s', (name) => {
  it('refuses a reply that does not fit', () => {
    const host = actor(name);
    const half = new Uint8Array(4096).fill(7);
    expect(host.call('Twice', half)).toEqual({ ok: true, reply: new Uint8Array(8192).fill(7) });
    expect(host.call('Twice', new Uint8Array(4097))).toEqual({
      ok: false,
      error: "reply does not fit into the actor's buffer",
    });
  });

  it('makes host calls through a named binding and fetches replies up to its buffer', () => {
    const host = actor(name);
    host.answer = ({ payload }) => payload.slice().reverse();
    expect(host.call('Raw', bytes('abc'))).toEqual({ ok: true, reply: bytes('cba') });
    expect(host.calls[0]).toMatchObject({ binding: 'other', namespace: 'test:raw', operation: 'Raw' });
    host.answer = () => new Uint8Array(8192).fill(9);
    expect(host.call('Raw')).toEqual({ ok: true, reply: new Uint8Array(8192).fill(9) });
    host.answer = () => new Uint8Array(8193);
    expect(host.call('Raw')).toEqual({
      ok: false,
      error: "Raw: host's reply does not fit into the actor's buffer",
    });
    host.answer = () => EMPTY;
    expect(host.call('Raw')).toEqual(OK);
  });

  it('passes host errors on: absent, long, cut between characters, too long', () => {
    const host = actor(name);
    const error = (text: string) => {
      host.answer = () => text;
      const result = host.call('Raw');
      return result.ok ? 'ok' : result.error;
    };
    expect(error('')).toBe('Raw: the host gave no reason');
    expect(error('käse')).toBe('Raw: käse');
    const long = `${'ä'.repeat(4095)}x`;
    // 8192 - "Raw: ".length leaves 8187 bytes: 4093 whole characters.
    expect(error(long)).toBe(`Raw: ${'ä'.repeat(4093)}`);
    expect(error('y'.repeat(8193))).toBe("Raw: the host's reason does not fit into the actor's buffer");
  });

  it('does not call the host with a request that does not fit', () => {
    const host = actor(name);
    expect(host.call('RawTwice', new Uint8Array(4608))).toEqual(OK);
    expect(host.call('RawTwice', new Uint8Array(4609))).toEqual({
      ok: false,
      error: "Raw: request does not fit into the actor's buffer",
    });
    expect(host.calls).toHaveLength(1);
  });

  it('turns a failure without a reason into an error with a text', () => {
    expect(actor(name).call('Silent')).toEqual({
      ok: false,
      error: 'the actor failed without giving a reason',
    });
  });
});

it('AssemblyScript: a text made during a call is an error and a trap, not a leak', () => {
  const host: WapcHost = actor('probe-as');
  expect(() => host.call('LateText')).toThrow(WebAssembly.RuntimeError);
  expect(host.lastError).toBe('text() belongs at top level, not into a handler');
});

describe('nothing is allocated', () => {
  const TICK = encodePayload('cbor', { id: 'blink', dueAt: 1_767_225_600_000, at: 1_767_225_600_003.5 });
  const MESSAGE = encodePayload('cbor', {
    topic: 'home/cmd/count',
    payload: bytes('123456'),
    qos: 1,
    retain: false,
  });
  const SUM = Uint8Array.from([0x81, 0xa5, ...bytes('value'), 0x2a]);

  it.each([
    { name: 'blink-v1', operation: 'Tick', payload: TICK },
    { name: 'counter-v1', operation: 'Message', payload: MESSAGE },
    { name: 'counter-v1', operation: 'Echo', payload: new Uint8Array(64) },
    { name: 'blink-v1', operation: 'Nope', payload: EMPTY },
  ])('$name $operation 100,000 times', ({ name, operation, payload }) => {
    const host = actor(name);
    host.answer = () => SUM;
    const size = host.memory.length;
    host.call(operation, payload);
    // A bump allocator would leave its marks at ever new addresses: everything above the first call's stays zero.
    const top = host.memory.findLastIndex((byte) => byte !== 0);
    for (let i = 1; i < 100_000; i++) {
      host.call(operation, payload);
      host.calls.length = 0;
    }
    expect(host.memory.length).toBe(size);
    expect(host.memory.findLastIndex((byte) => byte !== 0)).toBe(top);
  });
});
