import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { actor } from '../helpers/actors.js';
import type { WapcHost } from '../helpers/wapc-host.js';

const EMPTY = new Uint8Array(0);
const OK = { ok: true, reply: EMPTY };
const bytes = (value: string) => new TextEncoder().encode(value);
const cbor = (value: unknown) => encodePayload('cbor', value);

/** Calls and decodes the reply; an error as its text. */
function ask(host: WapcHost, operation: string, payload: Uint8Array = EMPTY): unknown {
  const result = host.call(operation, payload);
  return result.ok ? decodePayload('cbor', result.reply) : result.error;
}

/** What the host saw, decoded by the codec of the contract. */
function seen(host: WapcHost): unknown[] {
  return host.calls.map(({ namespace, operation, payload }) => [
    namespace,
    operation,
    decodePayload(namespace.startsWith('iot:') ? 'cbor' : 'msgpack', payload),
  ]);
}

describe.each(['probe-c', 'probe-as'])('contracts in %s', (name) => {
  it('iot:gpio Read and Toggle, levels as numbers or booleans', () => {
    const host = actor(name);
    host.answer = ({ operation }) => cbor({ value: operation === 'Read' ? 0 : 1 });
    expect(ask(host, 'Levels', bytes('LED'))).toEqual([false, true]);
    host.answer = ({ operation }) => cbor({ value: operation === 'Read', line: 'LED' });
    expect(ask(host, 'Levels', bytes('LED'))).toEqual([true, false]);
    expect(seen(host).slice(0, 2)).toEqual([
      ['iot:gpio', 'Read', { line: 'LED' }],
      ['iot:gpio', 'Toggle', { line: 'LED' }],
    ]);
    for (const answer of [
      EMPTY,
      cbor({}),
      cbor({ value: 'high' }),
      cbor(7),
      cbor({ value: 1 }).subarray(0, 4),
    ]) {
      host.answer = () => answer;
      expect(ask(host, 'Levels', bytes('LED'))).toBe("Read: the host's reply cannot be read");
    }
    host.answer = () => new Uint8Array(9000);
    expect(ask(host, 'Levels', bytes('LED'))).toBe("Read: host's reply does not fit into the actor's buffer");
  });

  it('iot:gpio Watch and Edge', () => {
    const host = actor(name);
    expect(host.call('Watch', bytes('BUTTON'))).toEqual(OK);
    expect(seen(host)).toEqual([['iot:gpio', 'Watch', { line: 'BUTTON', edge: 'both', debounceUs: 5000 }]]);
    const edge = {
      line: 'BUTTON',
      edge: 'rising',
      timestampNs: 1_767_225_600_123_456_789n,
      seq: 3,
      more: [1],
    };
    const result = host.call('Edge', cbor(edge));
    expect(result.ok && Buffer.from(result.reply).toString('hex')).toBe(
      Buffer.from(cbor(['BUTTON', 'rising', edge.timestampNs, 3])).toString('hex'),
    );
    expect(ask(host, 'Edge', cbor({ edge: 'rising' }))).toMatch(/^Edge payload /);
    expect(ask(host, 'Edge', cbor({ line: 5 }))).toMatch(/^Edge payload is not text/);
  });

  it('iot:timer After, Cancel, Now and Tick', () => {
    const host = actor(name);
    expect(host.call('Timers', bytes('t'))).toEqual(OK);
    expect(seen(host)).toEqual([
      ['iot:timer', 'After', { id: 't', ms: 250 }],
      ['iot:timer', 'Cancel', { id: 't' }],
    ]);
    host.answer = () => cbor({ unixMs: 1_767_225_600_000, monotonicNs: 987_654_321_000, trusted: true });
    expect(ask(host, 'Now')).toEqual([1_767_225_600_000, 987_654_321_000, true]);
    host.answer = () => cbor({ unixMs: 1.5 });
    expect(ask(host, 'Now')).toBe("Now: the host's reply cannot be read");
    expect(ask(host, 'Tick', cbor({ id: 't', dueAt: 1_767_225_600_000, at: 0.25 }))).toEqual([
      't',
      1_767_225_600_000,
      0.25,
    ]);
    expect(ask(host, 'Tick', cbor({ at: 1 }))).toMatch(/^Tick payload /);
  });

  it('iot:mqtt Subscribe, Publish and Message', () => {
    const host = actor(name);
    expect(host.call('Subscribe', bytes('home/cmd/#'))).toEqual(OK);
    const message = { topic: 'home/cmd/ä', payload: Uint8Array.from([0, 255, 128]), qos: 2, retain: true };
    expect(host.call('Message', cbor(message))).toEqual(OK);
    expect(seen(host)[0]).toEqual(['iot:mqtt', 'Subscribe', { filter: 'home/cmd/#', qos: 2 }]);
    const [namespace, operation, sent] = seen(host)[1] as [string, string, typeof message];
    expect([namespace, operation]).toEqual(['iot:mqtt', 'Publish']);
    expect({ ...sent, payload: Uint8Array.from(sent.payload) }).toEqual(message);
    expect(host.call('Message', cbor({ ...message, payload: 'text' }))).toEqual(OK);
    expect(ask(host, 'Message', cbor({ payload: EMPTY }))).toMatch(/^Message payload /);
    expect(ask(host, 'Message', cbor({ ...message, retain: 'yes' }))).toMatch(
      /^Message payload is not true or false/,
    );
  });

  it('wascc:keyvalue Set, Add and Get', () => {
    const host = actor(name);
    host.answer = ({ operation }) => {
      if (operation === 'Set') return Uint8Array.of(0xc0);
      return encode(operation === 'Add' ? { value: -301 } : { exists: true, value: 'käse' });
    };
    expect(ask(host, 'Store', bytes('käse'))).toEqual([-301, 'käse', true]);
    expect(seen(host)).toEqual([
      ['wascc:keyvalue', 'Set', { key: 'k', value: 'käse', expires: 60 }],
      ['wascc:keyvalue', 'Add', { key: 'n', value: -300 }],
      ['wascc:keyvalue', 'Get', { key: 'k' }],
    ]);
    host.answer = ({ operation }) =>
      operation === 'Set'
        ? EMPTY
        : encode(operation === 'Add' ? { value: 5 } : { value: null, exists: false });
    expect(ask(host, 'Store')).toEqual([5, '', false]);
    host.answer = ({ operation }) => (operation === 'Get' ? encode({ value: 'x' }) : encode({ value: 1 }));
    expect(ask(host, 'Store')).toBe("Get: the host's reply cannot be read");
  });

  it('wascc:logging WriteLog and the console', () => {
    const host = actor(name);
    expect(host.call('Log', bytes('zu heiß'))).toEqual(OK);
    expect(host.logs).toEqual(['zu heiß']);
    expect(seen(host)).toEqual([['wascc:logging', 'WriteLog', { level: 2, body: 'zu heiß' }]]);
  });
});

describe.each(['probe-io-c', 'probe-io-as'])('contracts in %s', (name) => {
  it('iot:gpio Lines', () => {
    const host = actor(name);
    const lines = [
      { name: 'RELAY', direction: 'out', value: 1 },
      { name: 'DOOR', direction: 'in', value: 0, more: [1] },
    ];
    host.answer = () => cbor({ lines, more: 1 });
    expect(ask(host, 'Lines')).toEqual(['RELAY', true, true, 'DOOR', false, false]);
    expect(seen(host)).toEqual([['iot:gpio', 'Lines', {}]]);
    for (const answer of [{}, { lines: 1 }, 5]) {
      host.answer = () => cbor(answer);
      expect(ask(host, 'Lines')).toBe("Lines: the host's reply cannot be read");
    }
  });

  it('iot:serial Write, Drain, Ports, Data, Closed', () => {
    const host = actor(name);
    expect(host.call('Serial', bytes('uart0'))).toEqual(OK);
    host.answer = () =>
      cbor({
        ports: [
          { name: 'uart0', path: '/dev/x', open: true },
          { name: 'b', open: false },
        ],
      });
    expect(ask(host, 'Ports')).toEqual(['uart0', true, 'b', false]);
    expect(seen(host)).toEqual([
      ['iot:serial', 'Write', { port: 'uart0', data: bytes('uart0') }],
      ['iot:serial', 'Drain', { port: 'uart0' }],
      ['iot:serial', 'Ports', {}],
    ]);
    const frame = { port: 'uart0', data: Uint8Array.of(0, 255), at: 1_767_225_600_000 };
    expect(ask(host, 'Data', cbor(frame))).toEqual(['uart0', Uint8Array.of(0, 255), frame.at]);
    expect(ask(host, 'Data', cbor({ data: EMPTY }))).toMatch(/^Data payload /);
    expect(ask(host, 'Closed', cbor({ port: 'uart0', reason: 'unplugged' }))).toEqual(['uart0', 'unplugged']);
    expect(ask(host, 'Closed', cbor({ reason: 'x' }))).toMatch(/Closed payload /);
  });

  it('iot:ble Scan, StopScan and Advertisement', () => {
    const host = actor(name);
    expect(host.call('Scan')).toEqual(OK);
    expect(seen(host)).toEqual([
      ['iot:ble', 'Scan', { duplicates: true }],
      ['iot:ble', 'StopScan', {}],
    ]);
    const heard = {
      ...{ id: 'a4c138000001', address: 'a4:c1:38:00:00:01', name: 'käse', rssi: -71 },
      manufacturerData: Uint8Array.of(0x4c, 0),
      serviceData: [
        { uuid: 'feaa', data: Uint8Array.of(1) },
        { uuid: '181a', data: EMPTY },
      ],
      services: ['feaa'],
    };
    expect(ask(host, 'Advertisement', cbor(heard))).toEqual([
      ...['a4c138000001', 'a4:c1:38:00:00:01', 'käse', -71, Uint8Array.of(0x4c, 0)],
      ...['feaa', Uint8Array.of(1), '181a', Uint8Array.of()],
    ]);
    expect(ask(host, 'Advertisement', cbor({ ...heard, name: null, manufacturerData: null }))).toEqual([
      ...['a4c138000001', 'a4:c1:38:00:00:01', '', -71, Uint8Array.of()],
      ...['feaa', Uint8Array.of(1), '181a', Uint8Array.of()],
    ]);
    expect(ask(host, 'Advertisement', cbor({ rssi: -1 }))).toMatch(/^Advertisement payload /);
  });
});

it('words, decimals, hex and JSON in the C SDK', () => {
  const host = actor('probe-io-c');
  const spelled = (typed: string) => {
    const result = host.call('Words', bytes(typed));
    return result.ok && new TextDecoder().decode(result.reply).trim();
  };
  expect(spelled(' a=21.5,b=-0.0625\r\nc=7 d=+1.250 e=-2147483.647')).toBe(
    'a:21.5 b:-0.062 c:7 d:1.25 e:-2147483.647',
  );
  // What is no number, or too large, is shown as hex of its text.
  expect(spelled('a=1.2.3 b= c=1. d=. e=- f=2147483.648 g=1e3 h=99999999999999999999')).toBe(
    `a:312e322e33 b: c:312e d:2e e:2d f:323134373438332e363438 g:316533 h:${'39'.repeat(20)}`,
  );
  expect(spelled('plain "quoted\\" =x \u0001ä')).toBe('"plain" "\\"quoted\\\\\\"" "=x" "\\u0001ä"');
});
