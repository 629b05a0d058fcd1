import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { actor } from '../helpers/actors.js';
import type { HostCall } from '../helpers/wapc-host.js';

const EMPTY = new Uint8Array(0);
const OK = { ok: true, reply: EMPTY };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);
const message = (payload: Uint8Array) =>
  encodePayload('cbor', { topic: 'home/cmd/count', payload, qos: 1, retain: false });

/** A counter whose keyvalue store works. */
function counter(version: 1 | 2, stored = 0) {
  const host = actor(`counter-v${version}`);
  const store = { count: stored };
  host.answer = ({ namespace, operation, payload }: HostCall) => {
    if (namespace !== 'wascc:keyvalue') return EMPTY;
    const request = decodePayload('msgpack', payload) as { key: string; value?: number };
    if (request.key !== 'count') return `unexpected key ${request.key}`;
    if (operation === 'Add') {
      store.count += request.value ?? 0;
      return encode({ value: store.count });
    }
    return encode({ value: store.count === 0 ? '' : String(store.count), exists: store.count !== 0 });
  };
  return { host, store };
}

const published = (call: HostCall | undefined) => {
  const sent = decodePayload('cbor', call!.payload) as { topic: string; payload: Uint8Array; qos: number };
  return { ...sent, payload: text(sent.payload) };
};

describe.each([1, 2] as const)('counter v%i', (version) => {
  it('subscribes at Start and logs; a host without a log does not matter', () => {
    const { host } = counter(version);
    host.answer = ({ namespace }) => (namespace === 'wascc:logging' ? 'E_NOT_BOUND' : EMPTY);
    expect(host.call('Start', encodePayload('cbor', { reason: 'swap' }))).toEqual(OK);
    expect(host.calls.map((c) => `${c.namespace} ${c.operation}`)).toEqual([
      'iot:mqtt Subscribe',
      'wascc:logging WriteLog',
    ]);
    expect(decodePayload('cbor', host.calls[0]!.payload)).toEqual({ filter: 'home/cmd/count', qos: 1 });
    expect(decodePayload('msgpack', host.calls[1]!.payload)).toEqual({
      level: 3,
      body: `counter ${version} is ready`,
    });
  });

  it('counts a message and says which', () => {
    const { host } = counter(version, 41);
    expect(host.call('Message', message(bytes('17')))).toEqual(OK);
    expect(host.calls.map((c) => `${c.namespace} ${c.operation}`)).toEqual([
      'wascc:keyvalue Add',
      'iot:mqtt Publish',
    ]);
    expect(published(host.calls[1])).toEqual({
      topic: 'home/counter/state',
      payload: version === 1 ? '17 42' : '17 42 v2',
      qos: 1,
      retain: false,
    });
    const longest = '18446744073709551615';
    host.call('Message', message(bytes(longest)));
    expect(published(host.calls[3]).payload).toBe(`${longest} 43${version === 1 ? '' : ' v2'}`);
  });

  it('writes Add as published actors do', () => {
    const { host } = counter(version);
    host.call('Message', message(bytes('1')));
    expect(Buffer.from(host.calls[0]!.payload).toString('hex')).toBe('82a36b6579a5636f756e74a576616c756501');
  });

  it('publishes nothing and lives on when the store fails', () => {
    const { host, store } = counter(version);
    const working = host.answer;
    host.answer = () => 'E_NO_PROVIDER: no provider for wascc:keyvalue is running';
    expect(host.call('Message', message(bytes('1')))).toEqual({
      ok: false,
      error: 'wascc:keyvalue Add: E_NO_PROVIDER: no provider for wascc:keyvalue is running',
    });
    expect(host.calls).toHaveLength(1);
    host.answer = working;
    expect(host.call('Message', message(bytes('1')))).toEqual(OK);
    expect(store.count).toBe(1);
  });

  it('reports a failed publish, and a failed subscribe', () => {
    const { host } = counter(version);
    const working = host.answer;
    host.answer = (call) => (call.namespace === 'iot:mqtt' ? 'E_NOT_GRANTED: topic' : working(call));
    expect(host.call('Message', message(bytes('1')))).toEqual({
      ok: false,
      error: 'iot:mqtt Publish: E_NOT_GRANTED: topic',
    });
    expect(host.call('Start', encodePayload('cbor', { reason: 'start' }))).toMatchObject({
      error: 'iot:mqtt Subscribe: E_NOT_GRANTED: topic',
    });
  });

  it.each([
    ['empty', ''],
    ['no number', 'seventeen'],
    ['signed', '-1'],
    ['too long', '1'.repeat(21)],
  ])('refuses an id that is %s without counting', (_, id) => {
    const { host } = counter(version);
    expect(host.call('Message', message(bytes(id)))).toMatchObject({ ok: false });
    expect(host.calls).toEqual([]);
  });

  it.each([
    ['nothing', EMPTY],
    ['a text', encode({ value: 'many' })],
    ['no value', encode({})],
    ['a value beyond 32 bits', encode({ value: 2 ** 31 })],
    ['cut off', encode({ value: 70_000 }).subarray(0, 8)],
    ['no map', encode(5)],
  ])('refuses an answer to Add that is %s', (_, answer) => {
    const { host } = counter(version);
    host.answer = () => answer;
    expect(host.call('Message', message(bytes('1')))).toEqual({
      ok: false,
      error: "wascc:keyvalue Add: the host's reply cannot be read",
    });
    expect(host.calls).toHaveLength(1);
  });

  it('answers Count', () => {
    const count = (host: ReturnType<typeof actor>) => {
      const result = host.call('Count');
      return result.ok ? decodePayload('cbor', result.reply) : result.error;
    };
    expect(count(counter(version, 0).host)).toEqual({ count: 0 });
    expect(count(counter(version, -7).host)).toEqual({ count: -7 });
    expect(count(counter(version, 2_147_483_647).host)).toEqual({ count: 2_147_483_647 });
    const { host } = counter(version);
    host.answer = () => encode({ value: '12 apples', exists: true });
    expect(count(host)).toBe('the stored count is not a number');
    host.answer = () => 'E_PROVIDER: disk is gone';
    expect(count(host)).toBe('wascc:keyvalue Get: E_PROVIDER: disk is gone');
  });

  it('echoes every length that fits and refuses the next', () => {
    const { host } = counter(version);
    for (const size of [0, 1, 7, 8, 9, 64, 8191, 8192]) {
      const payload = Uint8Array.from({ length: size }, (_, i) => i * 31);
      expect(host.call('Echo', payload)).toEqual({ ok: true, reply: payload });
    }
    expect(host.call('Echo', new Uint8Array(8193))).toMatchObject({ ok: false });
  });
});
