import { afterEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { guestModule, passed } from '../helpers/guest.js';
import { startHost, type TestHost } from '../helpers/host.js';

const CONTRACT = 'wascc:keyvalue';
const STORES = [
  { contract: CONTRACT, name: 'default', use: 'memory' },
  { contract: CONTRACT, name: 'archive', use: 'lmdb' },
];
const BINDINGS = [{ contract: CONTRACT }, { contract: CONTRACT, name: 'archive' }];

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(providers: object[], bindings: object[]) {
  running = await startHost(
    { providers, actors: [{ name: 'a', bindings, limits: { deadlineMs: 2000 } }] },
    { a: guestModule() },
  );
  return running;
}

/** The guest does the host call with that binding name. */
async function ask(
  { host }: TestHost,
  binding: string,
  operation: string,
  request: object,
): Promise<unknown> {
  const payload = passed(binding, CONTRACT, operation, encodePayload('msgpack', request));
  return decodePayload('msgpack', await host.call('a', 'Pass', payload));
}
const get = (test: TestHost, binding: string) => ask(test, binding, 'Get', { key: 'k' });
const set = (test: TestHost, binding: string, value: string) =>
  ask(test, binding, 'Set', { key: 'k', value });
const missing = { value: '', exists: false };
const held = (value: string) => ({ value, exists: true });

describe('an actor with two key-value stores', () => {
  it('keeps the values of its bindings apart, each in the provider of its name', async () => {
    const test = await start(STORES, BINDINGS);
    await set(test, 'default', 'now');
    expect(await get(test, 'archive')).toEqual(missing);
    await set(test, 'archive', 'then');
    expect(await get(test, 'default')).toEqual(held('now'));
    expect(await get(test, 'archive')).toEqual(held('then'));
    expect(test.host.providers.list()).toMatchObject([
      { name: 'default', implementation: 'memory', bindings: 1 },
      { name: 'archive', implementation: 'lmdb', bindings: 1 },
    ]);
    // Only one of the two outlives a restart.
    await test.restart();
    expect(await get(test, 'default')).toEqual(missing);
    expect(await get(test, 'archive')).toEqual(held('then'));
  });

  it('means default by the empty binding', async () => {
    const test = await start(STORES, BINDINGS);
    await set(test, '', 'empty');
    expect(await get(test, 'default')).toEqual(held('empty'));
    expect(await get(test, 'archive')).toEqual(missing);
  });

  it('gets a named error for a binding that it does not have, with the line to type', async () => {
    const test = await start(STORES, BINDINGS);
    await expect(get(test, 'cold')).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringContaining(
        'E_NOT_BOUND: a: wascc:keyvalue Get: no binding "cold" for wascc:keyvalue',
      ),
    });
    await expect(get(test, 'Default')).rejects.toThrow('E_NOT_BOUND');
    await test.host.bind('a', { contract: CONTRACT, name: 'cold' });
    expect(await get(test, 'cold')).toEqual(missing);
  });

  it('has no default where only a named binding is configured', async () => {
    const test = await start(STORES, [{ contract: CONTRACT, name: 'archive' }]);
    await expect(get(test, '')).rejects.toThrow('no binding "default"');
    expect(await get(test, 'archive')).toEqual(missing);
  });

  it.each(['memory', 'lmdb'])(
    'keeps bindings apart also where one provider (%s) serves both',
    async (use) => {
      const test = await start([{ contract: CONTRACT, use }], BINDINGS);
      await set(test, 'default', 'now');
      expect(await get(test, 'archive')).toEqual(missing);
      await set(test, 'archive', 'then');
      expect(await get(test, 'default')).toEqual(held('now'));
      expect(test.host.providers.list()).toMatchObject([{ name: 'default', bindings: 2 }]);
    },
  );

  it('goes on with one store while the other is away, and after one was swapped', async () => {
    const test = await start(STORES, BINDINGS);
    await set(test, 'default', 'now');
    await set(test, 'archive', 'then');
    const archive = test.host.providers.get(CONTRACT, 'archive');
    await archive.remove();
    await expect(get(test, 'archive')).rejects.toThrow('E_NO_PROVIDER');
    expect(await get(test, 'default')).toEqual(held('now'));
    expect(test.host.problems()).toEqual(['no provider for wascc:keyvalue/archive is running']);
    await archive.start();
    await archive.swap('memory', {});
    await test.host.providers.get(CONTRACT).swap('lmdb', {});
    expect([await get(test, 'default'), await get(test, 'archive')]).toEqual([held('now'), held('then')]);
  });
});

describe('wascc:extras in an actor', () => {
  it('counts on across a swap of the actor', async () => {
    running = await startHost(
      { actors: [{ name: 'a', bindings: [{ contract: 'wascc:extras' }], limits: { deadlineMs: 2000 } }] },
      { a: guestModule({ capabilities: ['wascc:extras'] }) },
    );
    const { host } = running;
    const next = async () => {
      const payload = passed('', 'wascc:extras', 'RequestSequence', new Uint8Array(0));
      return decodePayload('msgpack', await host.call('a', 'Pass', payload));
    };
    expect(await next()).toMatchObject({ sequenceNumber: 0 });
    const module = guestModule({ capabilities: ['wascc:extras'], version: '2' });
    await (await (await host.prepare('a', module)).activate()).commit();
    expect(await next()).toMatchObject({ sequenceNumber: 1 });
    const guid = passed('', 'wascc:extras', 'RequestGuid', new Uint8Array(0));
    expect(decodePayload('msgpack', await host.call('a', 'Pass', guid))).toMatchObject({
      guid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });
});
