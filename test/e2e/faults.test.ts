import { afterEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { DEFAULT_ACTOR_LIMITS } from '#runtime/base/limits.js';
import { MAX_REQUEST_BYTES } from '#runtime/trust/rpc/request.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice, text, utf8 } from '../helpers/device.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { type GuestOptions, guestModule, passed } from '../helpers/guest.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { until } from '../helpers/providers.js';

/**
 * Which file holds which fault:
 *
 * | Fault                                          | Tests                                                            |
 * | ---------------------------------------------- | ---------------------------------------------------------------- |
 * | broker dies during a push and comes back       | control/push, control/transfer; e2e/faults-broker (whole device) |
 * | broker restarted under load, QoS 1, none lost  | e2e/faults-broker                                                |
 * | retained messages of 100 devices at connect    | e2e/faults-broker                                                |
 * | full disk: updates, by the file system port    | ota/disk (every operation in turn)                               |
 * | full disk: updates, store, bindings, for real  | e2e/faults-disk                                                  |
 * | power cut: any operation, any moment           | ota/disk, ota/restart, e2e/restart                               |
 * | damaged module, record or blob                 | ota/restart, ota/storage, e2e/restart                            |
 * | damaged key-value store                        | providers/keyvalue; e2e/faults-disk (whole device)               |
 * | damaged bindings, stopped actors, device key   | host/binding-store, host/operations, compose/data-dir            |
 * | guest traps, loops, recurses, grows            | engine/containment, engine/fuel, host/host; below side by side   |
 * | guest traps or hangs on probation              | e2e/rollback, ota/rollback                                       |
 * | guest answers too much                         | engine/wapc, engine/host-call; below over MQTT                   |
 * | guest floods the log, or host calls            | host/cells; below beside another actor                           |
 * | host call that is never answered, or late      | host/cells, host/races; below                                    |
 * | payload of 0, the maximum, and one more        | engine/wapc, engine/host-call; below, e2e/faults-broker (MQTT)   |
 * | clock set to 1970 and back                     | providers/timer, ota/refusals; e2e/faults-clock (whole device)   |
 * | bad modules, bad requests, two pushes at once  | e2e/bad-input                                                    |
 */
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const NOTHING = new Uint8Array(0);
const KEYVALUE = { contract: 'wascc:keyvalue' };
const LIMITS = { deadlineMs: 400 };

async function start(...args: Parameters<typeof startHost>): Promise<TestHost['host']> {
  const running = await startHost(...args);
  cleanup.add(() => running.stop());
  return running.host;
}

/** The code of a call that fails, or `reply`. */
const code = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'reply',
    (error: { code: string }) => error.code,
  );

describe('a guest that misbehaves hurts itself only: its neighbour in the same cell answers all the while', () => {
  const cases: { how: string; operation: string; ends: string; options?: GuestOptions; limits?: object }[] = [
    { how: 'traps', operation: 'Trap', ends: 'E_TRAP' },
    { how: 'loops', operation: 'Loop', ends: 'E_FUEL' },
    {
      how: 'loops with fuel without end',
      operation: 'Loop',
      ends: 'E_DEADLINE',
      limits: { fuelPerCall: Number.MAX_SAFE_INTEGER },
    },
    { how: 'recurses without end', operation: 'Recurse', ends: 'E_TRAP' },
    { how: 'answers more than it may', operation: 'Big', ends: 'E_PAYLOAD' },
    {
      how: 'writes log lines without end',
      operation: 'Write',
      ends: 'E_FUEL',
      limits: { fuelPerCall: 20_000, deadlineMs: 10_000 },
    },
    {
      how: 'floods the host with calls',
      operation: 'Ask',
      ends: 'E_FUEL',
      limits: { fuelPerCall: 500, deadlineMs: 10_000 },
    },
    {
      how: 'floods the host with calls, and fuel does not stop it',
      operation: 'Ask',
      ends: 'E_DEADLINE',
      limits: { fuelPerCall: Number.MAX_SAFE_INTEGER },
    },
  ];

  it.each(cases)('$how: $ends', async ({ operation, ends, options = {}, limits = {} }) => {
    const host = await start(
      {
        cells: 1,
        providers: [{ ...KEYVALUE, use: 'memory' }],
        actors: [
          { name: 'bad', limits: { ...LIMITS, payloadBytes: 60_000, ...limits }, bindings: [KEYVALUE] },
          { name: 'good', limits: { deadlineMs: 5_000 }, bindings: [KEYVALUE] },
        ],
      },
      { bad: guestModule(options), good: guestModule() },
    );
    const bad = code(host.call('bad', operation, NOTHING));
    const good = Array.from({ length: 50 }, (_, n) => host.call('good', 'Echo', utf8(`${n}`)).then(text));
    const [how, answers] = await Promise.all([bad, Promise.all(good)]);
    expect(how).toBe(ends);
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
    // The bad one is there again as well, with an empty memory.
    expect(text(await host.call('bad', 'Echo', utf8('again')))).toBe('again');
    const [first, second] = host.actors();
    expect(first).toMatchObject({ name: 'bad', state: 'running', failed: 1 });
    // Only a cell that has to be ended takes its other actors along, and they lose nothing but their memory.
    const restarts = ends === 'E_DEADLINE' ? 1 : 0;
    expect(second).toMatchObject({ name: 'good', state: 'running', failed: 0, restarts });
  });

  it('grows: it is told no, and goes on', async () => {
    const host = await start({ actors: [{ name: 'bad' }] }, { bad: guestModule() });
    // The guest declares at most two pages; -1 is what WebAssembly says when there are no more.
    const answers = await Promise.all([1, 2, 3].map(() => host.call('bad', 'Grow', NOTHING)));
    expect(answers.map((answer) => new DataView(answer.slice().buffer).getInt32(0, true))).toEqual([
      1, -1, -1,
    ]);
    expect(text(await host.call('bad', 'Echo', utf8('here')))).toBe('here');
  });
});

describe('a host call that is never answered', () => {
  it('ends with the deadline by name; the cell lives on, and the answer that comes in the end is dropped', async () => {
    const fake = fakeStore();
    fake.plans.one.hangAt = 'add';
    const slots = ['a', 'b'].map((name) => ({ name, limits: LIMITS, bindings: [KEYVALUE] }));
    const modules = { a: guestModule(), b: guestModule() };
    const host = await start({ cells: 1, actors: slots }, modules, undefined, [fake.contract]);
    const hanging = host.call('a', 'Key', NOTHING);
    await expect(hanging).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringMatching(/E_TIMEOUT: .*wascc:keyvalue Add/),
    });
    expect(text(await host.call('b', 'Echo', utf8('there')))).toBe('there');
    // While the next call waits for its own answer, the provider gives both, the late one first.
    const store = fake.made[0] as FakeStore;
    const next = host.call('a', 'Key', NOTHING);
    await until(() => store.waiting.length === 2, 'the second host call');
    for (const answer of store.waiting) answer();
    expect(decodePayload('msgpack', await next)).toEqual({ value: 2 });
    expect(host.actors().map(({ restarts }) => restarts)).toEqual([0, 0]);
  });
});

describe('payloads at the limits', () => {
  const { payloadBytes } = DEFAULT_ACTOR_LIMITS;

  it('of a call: nothing, the maximum, and one byte more', async () => {
    const device = await TestDevice.start(cleanup, {
      config: { providers: [], actors: [{ name: 'guest', limits: { deadlineMs: 2_000 } }] },
    });
    const { bytes } = guestModule({ pages: 24 });
    await device.install('guest', device.keys.sign(bytes, { name: 'guest' }));
    const echo = (size: number) => device.call('guest', 'Echo', new Uint8Array(size).fill(7));
    expect(await echo(0)).toHaveLength(0);
    expect(await echo(1)).toEqual(Uint8Array.of(7));
    const largest = await echo(payloadBytes);
    expect(largest).toHaveLength(payloadBytes);
    expect(largest.every((byte) => byte === 7)).toBe(true);
    await expect(echo(payloadBytes + 1)).rejects.toMatchObject({ code: 'E_PAYLOAD' });
    // More than any request may have: the sender is told before anything is sent.
    await expect(echo(MAX_REQUEST_BYTES)).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
    expect(await device.actor('guest')).toMatchObject({ state: 'running', restarts: 0 });
    expect(await echo(1)).toEqual(Uint8Array.of(7));
  });

  it('of a host call: nothing, the maximum, and one byte more', async () => {
    const limits = { deadlineMs: 2_000, payloadBytes: 100_000 };
    const config = {
      providers: [{ ...KEYVALUE, use: 'memory' }],
      actors: [{ name: 'a', limits, bindings: [KEYVALUE] }],
    };
    const host = await start(config, { a: guestModule({ pages: 24 }) });
    const pass = (operation: string, payload: Uint8Array) =>
      host.call('a', 'Pass', passed('default', 'wascc:keyvalue', operation, payload));
    // Nothing is an empty request, which says what it lacks.
    await expect(pass('Get', NOTHING)).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringMatching(/E_PAYLOAD: .*wascc:keyvalue Get: key/),
    });
    const names = 3 + 'default'.length + 'wascc:keyvalue'.length + 'Set'.length;
    const value = (size: number) =>
      encodePayload('msgpack', { key: 'k', value: 'x'.repeat(size), expires_s: 0 });
    const around = value(90_000).length - 90_000;
    const largest = limits.payloadBytes - names;
    await pass('Set', value(largest - around));
    const { value: stored } = decodePayload(
      'msgpack',
      await pass('Get', encodePayload('msgpack', { key: 'k' })),
    ) as { value: string };
    expect(stored).toHaveLength(largest - around);
    await expect(pass('Set', value(largest - around + 1))).rejects.toMatchObject({ code: 'E_PAYLOAD' });
    expect(text(await host.call('a', 'Echo', utf8('here')))).toBe('here');
  });
});
