import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { actor } from '../helpers/actors.js';

const START = encodePayload('cbor', { reason: 'start' });
const TICK = encodePayload('cbor', { id: 'blink', dueAt: 1_767_225_600_000, at: 1_767_225_600_003.5 });
const OK = { ok: true, reply: new Uint8Array(0) };

describe.each([
  { version: 1, ms: 500 },
  { version: 2, ms: 125 },
])('blink v$version', ({ version, ms }) => {
  const blink = () => actor(`blink-v${version}`);

  it('calls no host function before Start, then sets one timer', () => {
    const host = blink();
    expect(host.calls).toEqual([]);
    expect(host.call('Start', START)).toEqual(OK);
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]).toMatchObject({ binding: 'default', namespace: 'iot:timer', operation: 'Every' });
    expect(decodePayload('cbor', host.calls[0]!.payload)).toEqual({ id: 'blink', ms });
  });

  it('toggles the line and publishes its state at each tick', () => {
    const host = blink();
    for (let count = 1; count <= 4; count++) {
      const on = count % 2 === 1;
      host.calls.length = 0;
      expect(host.call('Tick', TICK)).toEqual(OK);
      expect(host.calls.map((c) => `${c.namespace} ${c.operation}`)).toEqual([
        'iot:gpio Write',
        'iot:mqtt Publish',
      ]);
      expect(decodePayload('cbor', host.calls[0]!.payload)).toEqual({ line: 'LED', value: on ? 1 : 0 });
      const message = decodePayload('cbor', host.calls[1]!.payload) as { topic: string; payload: Uint8Array };
      expect(message).toMatchObject({ topic: 'home/blink/state', qos: 0, retain: false });
      expect(JSON.parse(new TextDecoder().decode(message.payload))).toEqual({ on, version, count });
    }
  });

  it('answers Status', () => {
    const host = blink();
    host.call('Tick', TICK);
    const result = host.call('Status');
    expect(result.ok && decodePayload('cbor', result.reply)).toEqual({ version, on: true, count: 1 });
  });

  it('passes the host’s reason on and keeps its state when the line is refused', () => {
    const host = blink();
    host.answer = () => 'E_NOT_GRANTED: line "LED" is not granted';
    expect(host.call('Tick', TICK)).toEqual({
      ok: false,
      error: 'iot:gpio Write: E_NOT_GRANTED: line "LED" is not granted',
    });
    const status = host.call('Status');
    expect(status.ok && decodePayload('cbor', status.reply)).toEqual({ version, on: false, count: 0 });
  });

  it('says why it cannot start', () => {
    const host = blink();
    host.answer = () => 'E_NO_PROVIDER: no provider for iot:timer is running';
    expect(host.call('Start', START)).toEqual({
      ok: false,
      error: 'iot:timer Every: E_NO_PROVIDER: no provider for iot:timer is running',
    });
  });

  it('goes on blinking without a broker and logs that once', () => {
    const host = blink();
    let down = true;
    host.answer = ({ namespace }) => (down && namespace === 'iot:mqtt' ? 'E_NO_PROVIDER' : new Uint8Array(0));
    for (let i = 0; i < 3; i++) expect(host.call('Tick', TICK)).toEqual(OK);
    expect(host.logs).toHaveLength(1);
    down = false;
    expect(host.call('Tick', TICK)).toEqual(OK);
    down = true;
    expect(host.call('Tick', TICK)).toEqual(OK);
    expect(host.logs).toHaveLength(2);
  });

  it('refuses a tick that is not its own, and one that cannot be read', () => {
    const host = blink();
    const other = host.call('Tick', encodePayload('cbor', { id: 'other', dueAt: 1, at: 2 }));
    expect(other).toEqual({ ok: false, error: 'Tick of a timer that blink did not set' });
    expect(host.call('Tick', TICK.subarray(0, 5))).toMatchObject({ ok: false });
    expect(host.call('Tick')).toEqual({ ok: false, error: 'Tick payload ends too early' });
    expect(host.calls).toEqual([]);
  });
});
