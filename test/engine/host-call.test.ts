import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import type { Instance } from '#runtime/engine/engine.js';
import { wat } from '../helpers/wat.js';
import { actor, bytes, failureOf, LIMITS, quietHost, replyOf, run, text, wapcImports } from './support.js';

/** "bind" at 0, "space:x" at 16, "Op" at 32; the payload of the call at 1024. Answers what the host answered. */
const NAMES = '(data (i32.const 0) "bind") (data (i32.const 16) "space:x") (data (i32.const 32) "Op")';
const relay = (bindingLength = 4, at = 1024): string => `
  (call $guest_request (i32.const 512) (i32.const 1024))
  (if (result i32) (call $host_call (i32.const 0) (i32.const ${bindingLength}) (i32.const 16) (i32.const 7) (i32.const 32) (i32.const 2) (i32.const ${at}) (local.get $len))
    (then (call $host_response (i32.const 1024)) (call $guest_response (i32.const 1024) (call $host_response_len)) (i32.const 1))
    (else (call $host_error (i32.const 1024)) (call $guest_error (i32.const 1024) (call $host_error_len)) (i32.const 0)))`;
const relayActor = (bindingLength?: number): Uint8Array => actor(relay(bindingLength), NAMES, '(memory 34)');

describe('host calls', () => {
  it('carry names and payload there and the answer back', () => {
    const seen: unknown[] = [];
    const host = quietHost((binding, namespace, operation, payload) => {
      seen.push([binding, namespace, operation, text(payload)]);
      return bytes(`<${text(payload)}>`);
    });
    using instance = run(relayActor(), host);
    expect(text(replyOf(instance.call('op', bytes('one'))))).toBe('<one>');
    expect(text(replyOf(instance.call('op', bytes('two'))))).toBe('<two>');
    expect(seen).toEqual([
      ['bind', 'space:x', 'Op', 'one'],
      ['bind', 'space:x', 'Op', 'two'],
    ]);
  });

  it('an empty binding means default', () => {
    using instance = run(
      relayActor(0),
      quietHost((binding) => bytes(binding)),
    );
    expect(text(replyOf(instance.call('op', bytes(''))))).toBe('default');
  });

  it('a host error reaches the guest with its code in front', () => {
    const error = new IotError('E_NO_PROVIDER', 'no provider for wascc:keyvalue is running');
    using instance = run(
      relayActor(),
      quietHost(() => error),
    );
    expect(failureOf(instance.call('op', bytes('')))).toEqual({
      code: 'E_GUEST',
      message: 'E_NO_PROVIDER: no provider for wascc:keyvalue is running',
      fatal: false,
    });
  });

  it('a host error text counts in UTF-8 bytes', () => {
    using instance = run(
      relayActor(),
      quietHost(() => new IotError('E_GUEST', 'größer 🚀')),
    );
    expect(failureOf(instance.call('op', bytes(''))).message).toBe('E_GUEST: größer 🚀');
  });

  it('what a host throws becomes a host error, not a broken engine', () => {
    let fail = true;
    const host = quietHost(() => {
      if (fail) throw new TypeError('oops');
      return bytes('well');
    });
    using instance = run(relayActor(), host);
    expect(failureOf(instance.call('op', bytes(''))).message).toBe('E_INTERNAL: oops');
    fail = false;
    expect(text(replyOf(instance.call('op', bytes(''))))).toBe('well');
  });

  it.each([0, 1, 96, 97, 65_536, 1024 * 1024])('carry %d bytes both ways', (size) => {
    const payload = Uint8Array.from({ length: size }, (_, i) => i * 17);
    using instance = run(
      relayActor(),
      quietHost((_b, _n, _o, data) => data.slice().reverse()),
    );
    expect(Buffer.compare(replyOf(instance.call('op', payload)), payload.slice().reverse())).toBe(0);
  });

  it('may answer with the very view they were given', () => {
    const payload = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => i * 13);
    using instance = run(
      relayActor(),
      quietHost((_b, _n, _o, data) => data),
    );
    expect(Buffer.compare(replyOf(instance.call('op', payload)), payload)).toBe(0);
  });

  it('a payload or reply above the limit is a host error', () => {
    const limits = { ...LIMITS, payloadBytes: 1000 };
    using big = run(
      relayActor(),
      quietHost(() => new Uint8Array(1001)),
      limits,
    );
    expect(failureOf(big.call('op', bytes(''))).message).toBe(
      'E_PAYLOAD: reply of 1001 bytes is above the limit of 1000',
    );
    const module = actor(
      `(drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1001)))
       (call $host_error (i32.const 0)) (call $guest_response (i32.const 0) (call $host_error_len)) i32.const 1`,
    );
    using small = run(module, quietHost(), limits);
    expect(text(replyOf(small.call('op', bytes(''))))).toBe(
      'E_PAYLOAD: payload of 1001 bytes is above the limit of 1000',
    );
  });

  it('an answer is cleared by the next host call', () => {
    const call =
      '(call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))';
    const module =
      actor(`(i32.store8 (i32.const 0) ${call}) (i32.store8 (i32.const 1) (call $host_response_len)) (i32.store8 (i32.const 2) (call $host_error_len))
      (i32.store8 (i32.const 3) ${call}) (i32.store8 (i32.const 4) (call $host_response_len)) (i32.store8 (i32.const 5) (call $host_error_len))
      (call $guest_response (i32.const 0) (i32.const 6)) i32.const 1`);
    const answers = [bytes('xyz'), new IotError('E_GUEST', 'no')];
    using instance = run(
      module,
      quietHost(() => answers.shift() ?? bytes('')),
    );
    expect([...replyOf(instance.call('op', bytes('')))]).toEqual([1, 3, 0, 0, 0, 'E_GUEST: no'.length]);
  });

  it('many different names, more than are remembered', () => {
    const module = actor(
      `(call $guest_request (i32.const 0) (i32.const 1024))
       (drop (call $host_call (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const 2) (i32.const 1024) (local.get $len) (i32.const 0) (i32.const 0)))
       i32.const 1`,
    );
    const seen: string[] = [];
    const host = quietHost((binding, namespace, operation) => {
      seen.push(`${binding} ${namespace} ${operation}`);
      return bytes('');
    });
    using instance = run(module, host);
    const operations = Array.from(
      { length: 40 },
      (_, i) => `${String(i).padStart(3, '0')}${'z'.repeat(i * 5)}`,
    );
    for (const operation of [...operations, ...operations]) instance.call('op', bytes(operation));
    const expected = operations.map((operation) => `0 ${operation.slice(0, 2)} ${operation}`);
    expect(seen).toEqual([...expected, ...expected]);
  });

  it.each([0, 1, 2])('names that differ in part %d only are not confused', (part) => {
    const module = actor(
      `(call $guest_request (i32.const 0) (i32.const 1024))
       (drop (call $host_call (i32.const 1024) (i32.const 2) (i32.const 1026) (i32.const 2) (i32.const 1028) (i32.const 2) (i32.const 0) (i32.const 0)))
       i32.const 1`,
    );
    const seen: string[] = [];
    const host = quietHost((...names) => {
      seen.push(names.slice(0, 3).join(''));
      return bytes('');
    });
    using instance = run(module, host);
    const wanted = ['x', 'y', 'x', 'z'].map((letter) => ['aa', 'bb', 'cc'].with(part, `${letter}-`).join(''));
    for (const names of wanted) instance.call('op', bytes(names));
    expect(seen).toEqual(wanted);
  });

  it('an actor cannot be called while it calls', () => {
    const self: { instance?: Instance } = {};
    const inner: unknown[] = [];
    const host = quietHost(() => {
      const result = self.instance?.call('op', bytes('again'));
      if (result !== undefined) inner.push(failureOf(result));
      return bytes('outer');
    });
    using instance = run(relayActor(), host);
    self.instance = instance;
    expect(text(replyOf(instance.call('op', bytes('x'))))).toBe('outer');
    expect(inner).toEqual([
      { code: 'E_ENGINE', message: expect.stringContaining('call cycle'), fatal: false },
    ]);
  });

  it('guests that import from wasmbus are served alike', () => {
    const module = wat(`(module ${wapcImports('wasmbus')} (memory 34) ${NAMES}
      (func (export "__guest_call") (param $op i32) (param $len i32) (result i32) ${relay()}))`);
    using instance = run(
      module,
      quietHost((_b, namespace) => bytes(namespace)),
    );
    expect(text(replyOf(instance.call('op', bytes(''))))).toBe('space:x');
  });

  it('console_log goes to the log, and a failing log hurts nobody', () => {
    const module = actor('(call $console_log (i32.const 16) (i32.const 7)) i32.const 1', NAMES);
    const host = quietHost();
    using instance = run(module, host);
    expect(instance.call('op', bytes('')).ok).toBe(true);
    expect(host.lines).toEqual(['space:x']);
    using deaf = run(module, {
      ...quietHost(),
      log: () => {
        throw new Error('disk full');
      },
    });
    expect(deaf.call('op', bytes('')).ok).toBe(true);
  });
});

describe('a pointer outside the guest’s memory is a trap of the guest', () => {
  const SIZE = 65_536;
  const call = (...args: number[]): string =>
    `(drop (call $host_call ${args.map((arg) => `(i32.const ${arg})`).join(' ')}))`;
  const two = (name: string, pointer: number, length: number): string =>
    `(call $${name} (i32.const ${pointer}) (i32.const ${length}))`;
  const BAD: (readonly [pointer: number, length: number])[] = [
    [SIZE, 1],
    [SIZE + 1, 0],
    [SIZE - 1, 2],
    [0, SIZE + 1],
    [-1, 1],
    [-1, -1],
    [1, -1],
    [0x7fffffff, 0x7fffffff],
    [-2147483648, -2147483648],
  ];
  const bodies = BAD.flatMap(([pointer, length]) => [
    ...['guest_response', 'guest_error', 'console_log'].map((name) => two(name, pointer, length)),
    ...[0, 2, 4, 6].map((at) => {
      const args = [0, 0, 0, 0, 0, 0, 0, 0];
      args[at] = pointer;
      args[at + 1] = length;
      return call(...args);
    }),
  ]);
  const answered = call(0, 0, 0, 0, 0, 0, 0, 0);
  const outputs = [SIZE, SIZE - 3, -1, 0x7fffffff].flatMap((pointer) => [
    `(call $guest_request (i32.const ${pointer}) (i32.const 0))`,
    `(call $guest_request (i32.const 0) (i32.const ${pointer}))`,
    `${answered} (call $host_response (i32.const ${pointer}))`,
    `(i32.store8 (i32.const 0) (i32.const 101)) ${answered} (call $host_error (i32.const ${pointer}))`,
  ]);

  it.each([...bodies, ...outputs])('%s', (body) => {
    const wantsError = body.includes('$host_error');
    const host = quietHost(() => (wantsError ? new IotError('E_GUEST', 'text') : bytes('four')));
    using instance = run(actor(`${body} i32.const 1`, '', '(memory 1)'), host);
    expect(failureOf(instance.call('four', bytes('four')))).toEqual({
      code: 'E_TRAP',
      message: "the actor trapped: pointer outside the guest's memory",
      fatal: true,
    });
    expect(host.lines).toEqual([]);
  });

  it('while the very last byte, and nothing at the very end, are inside', () => {
    const body = `${two('guest_response', SIZE - 1, 1)} ${two('console_log', SIZE, 0)} ${call(SIZE, 0, SIZE, 0, SIZE, 0, SIZE - 4, 4)} (call $host_response (i32.const ${SIZE - 4})) i32.const 1`;
    using instance = run(
      actor(body, '', '(memory 1)'),
      quietHost(() => bytes('four')),
    );
    expect(replyOf(instance.call('op', bytes('')))).toEqual(new Uint8Array(1));
  });

  it('in a guest without memory too', () => {
    using good = run(actor(`${two('guest_response', 0, 0)} i32.const 1`, '', ''));
    expect(good.call('', bytes('')).ok).toBe(true);
    using bad = run(actor(`${two('guest_response', 0, 1)} i32.const 1`, '', ''));
    expect(failureOf(bad.call('', bytes(''))).code).toBe('E_TRAP');
  });
});
