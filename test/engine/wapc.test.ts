import { describe, expect, it } from 'vitest';
import { wapcResult } from '#runtime/engine/wapc.js';
import { actor, bytes, callOnce, failureOf, LIMITS, quietHost, replyOf, run, text } from './support.js';

const DATA = '(data (i32.const 0) "responseerror")';
const RESPONSE = '(call $guest_response (i32.const 0) (i32.const 8))';
const ERROR = '(call $guest_error (i32.const 8) (i32.const 5))';

/** returned, __guest_error called, __guest_response called → what the host makes of it */
const TABLE: readonly (readonly [number, boolean, boolean, { reply: string } | { error: string }])[] = [
  [1, false, true, { reply: 'response' }],
  [1, false, false, { reply: '' }],
  [1, true, false, { error: 'error' }],
  [1, true, true, { error: 'error' }],
  [0, true, false, { error: 'error' }],
  [0, true, true, { error: 'error' }],
  [0, false, false, { error: 'the actor reported a failure without an error' }],
  [0, false, true, { error: 'the actor reported a failure without an error' }],
  [2, false, true, { reply: 'response' }],
  [-1, false, true, { reply: 'response' }],
  [-1, true, false, { error: 'error' }],
];

describe('what a call came to', () => {
  it.each(TABLE)('returned %d, error %s, response %s', (returned, error, response, expected) => {
    const pure = wapcResult(returned, response ? bytes('response') : undefined, error ? 'error' : undefined);
    const body = `${response ? RESPONSE : ''} ${error ? ERROR : ''} i32.const ${returned}`;
    for (const result of [pure, callOnce(actor(body, DATA))]) {
      if ('reply' in expected) expect(text(replyOf(result))).toBe(expected.reply);
      else expect(failureOf(result)).toEqual({ code: 'E_GUEST', message: expected.error, fatal: false });
    }
  });

  it('an empty error is an error', () => {
    const result = callOnce(actor('(call $guest_error (i32.const 0) (i32.const 0)) i32.const 1'));
    expect(failureOf(result)).toMatchObject({
      code: 'E_GUEST',
      message: 'the actor reported an error without a text',
    });
  });

  it('the last response counts, and memory changed after it does not', () => {
    const body = `${RESPONSE} (call $guest_response (i32.const 8) (i32.const 5)) (i32.store (i32.const 8) (i32.const 0)) i32.const 1`;
    expect(text(replyOf(callOnce(actor(body, DATA))))).toBe('error');
  });

  it('an error leaves the instance usable', () => {
    using instance = run(
      actor(`(if (local.get $len) (then ${ERROR} (return (i32.const 0)))) ${RESPONSE} i32.const 1`, DATA),
    );
    expect(failureOf(instance.call('op', bytes('x'))).fatal).toBe(false);
    expect(text(replyOf(instance.call('op', bytes(''))))).toBe('response');
  });

  it('nothing of one call is left in the next', () => {
    const call =
      '(drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))';
    const module = actor(
      `(if (local.get $len) (then ${RESPONSE} ${ERROR} ${call} (return (i32.const 1))))
       (i32.store (i32.const 64) (call $host_response_len)) (i32.store (i32.const 68) (call $host_error_len))
       (i32.store (i32.const 72) (i32.const 42))
       (call $host_response (i32.const 72)) (call $host_error (i32.const 72))
       (if (i32.eq (local.get $op) (i32.const 1)) (then (call $guest_response (i32.const 64) (i32.const 12)))) i32.const 1`,
      DATA,
    );
    using instance = run(
      module,
      quietHost(() => bytes('host')),
    );
    expect(failureOf(instance.call('op', bytes('x'))).message).toBe('error');
    expect(replyOf(instance.call('op', bytes('')))).toEqual(new Uint8Array(0));
    instance.call('op', bytes('x'));
    expect([...replyOf(instance.call('o', bytes('')))]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0]);
  });
});

describe('requests and replies', () => {
  const echo = actor(
    `(call $guest_request (i32.const 1024) (i32.add (i32.const 1024) (local.get $op)))
     (call $guest_response (i32.const 1024) (i32.add (local.get $op) (local.get $len))) i32.const 1`,
    '',
    '(memory 34)',
  );

  it.each([0, 1, 16, 17, 96, 97, 255, 256, 257, 65_536, 1024 * 1024 - 4])(
    'carries a payload of %d bytes',
    (size) => {
      const payload = Uint8Array.from({ length: size }, (_, i) => i * 31);
      const reply = replyOf(
        callOnce(echo, { operation: 'Über', payload: payload.subarray(0, Math.max(0, size - 1)) }),
      );
      expect(text(reply.subarray(0, 5))).toBe('Über');
      expect(Buffer.compare(reply.subarray(5), payload.subarray(0, Math.max(0, size - 1)))).toBe(0);
    },
  );

  it('operations may change from call to call, be empty and be long', () => {
    using instance = run(echo);
    for (const operation of ['a', 'b', 'b', '', 'x'.repeat(5000), 'a'])
      expect(text(replyOf(instance.call(operation, bytes('!'))))).toBe(`${operation}!`);
  });

  it('a reply belongs to the caller', () => {
    using instance = run(echo);
    const first = replyOf(instance.call('op', bytes('first')));
    instance.call('op', bytes('other'));
    expect(text(first)).toBe('opfirst');
  });

  it('a payload that lies in another Buffer at an offset', () => {
    expect(text(replyOf(callOnce(echo, { payload: Buffer.from('xxhello').subarray(2) })))).toBe('ophello');
  });

  it('refuses a payload above the limit and goes on', () => {
    using instance = run(echo, quietHost(), { ...LIMITS, payloadBytes: 100 });
    expect(failureOf(instance.call('op', new Uint8Array(101)))).toEqual({
      code: 'E_PAYLOAD',
      message: 'payload of 101 bytes is above the limit of 100',
      fatal: false,
    });
    expect(replyOf(instance.call('', new Uint8Array(100)))).toHaveLength(100);
  });

  it('refuses a reply above the limit and goes on', () => {
    using instance = run(echo, quietHost(), { ...LIMITS, payloadBytes: 100 });
    expect(failureOf(instance.call('op', new Uint8Array(99)))).toMatchObject({
      code: 'E_PAYLOAD',
      message: 'reply of 101 bytes is above the limit of 100',
      fatal: false,
    });
    expect(replyOf(instance.call('op', new Uint8Array(98)))).toHaveLength(100);
  });

  it('cuts an error text at the limit', () => {
    const module = actor(
      '(call $guest_error (i32.const 0) (i32.const 1000)) i32.const 0',
      `(data (i32.const 0) "${'e'.repeat(1000)}")`,
    );
    const result = callOnce(module, { limits: { ...LIMITS, payloadBytes: 10 } });
    expect(failureOf(result).message).toBe('e'.repeat(10));
  });

  it('the request can be read outside a call no more', () => {
    const module = actor(
      '(call $guest_response (i32.const 0) (i32.const 4)) i32.const 1',
      '(func (export "wapc_init") (call $guest_request (i32.const 0) (i32.const 0)))',
    );
    expect(replyOf(callOnce(module))).toEqual(new Uint8Array(4));
  });
});
