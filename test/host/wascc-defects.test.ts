import { afterEach, describe, expect, it } from 'vitest';
import { HostConfig } from '#runtime/base/config/schema.js';
import type { Contract, Deliver } from '#runtime/base/contract.js';
import { ModuleChecks } from '#runtime/compose/modules.js';
import { createWasm3Engine, generateKey, loadEngineModule, signModule } from '#runtime/index.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { guestModule } from '../helpers/guest.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';

/** What was broken in waSCC's host (2020), each once: it must not come back here. */
const KEYVALUE = { contract: 'wascc:keyvalue' };
const slot = (name: string, more: Record<string, unknown> = {}) => ({ name, bindings: [KEYVALUE], ...more });
const nothing = new Uint8Array(0);

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
async function start(
  config: Record<string, unknown>,
  modules: Parameters<typeof startHost>[1],
  fakes: readonly Contract[] = [],
) {
  running = await startHost(config, modules, undefined, fakes);
  return running.host;
}

const account = generateKey('account');
const identity = generateKey('module');
const checks = new ModuleChecks(
  HostConfig.parse({ device: 'test', trust: { issuers: [account.publicKey] } }),
  createWasm3Engine(await loadEngineModule()),
  () => undefined,
);
const sign = (caps: string[], by = account) =>
  signModule(guestModule().bytes, { account: by, module: identity, name: 'guest', caps, rev: 1 });
const read = (module: Uint8Array) => () => checks.read(module, { seconds: 1_800_000_000, trusted: true }, 64);

describe('1: a live update that the guest was asked for, and that was reported as done', () => {
  it('the host itself swaps; what it reports is what runs', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await (await (await host.prepare('a', guestModule({ version: '2' }))).activate()).commit();
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
    expect(host.actors()[0]).toMatchObject({ version: '2', digest: guestModule({ version: '2' }).digest });
  });

  it('a swap that did not happen is an error, and the old one answers', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const bad = await host.prepare('a', guestModule({ startTraps: true, version: '2' }));
    await expect(bad.activate()).rejects.toMatchObject({ code: 'E_TRAP' });
    await expect(host.prepare('a', { ...guestModule(), bytes: bytes('no module') })).rejects.toThrow();
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
  });
});

describe('2: an update whose claims nobody looked at', () => {
  it('claims are checked, issuer included, and what they ask for is what is taken over', () => {
    expect(read(sign(['wascc:keyvalue']))()).toMatchObject({
      key: identity.publicKey,
      capabilities: ['wascc:keyvalue'],
    });
    expect(read(sign([], generateKey('account')))).toThrow(expect.objectContaining({ code: 'E_UNTRUSTED' }));
    expect(read(guestModule().bytes)).toThrow(expect.objectContaining({ code: 'E_UNSIGNED' }));
  });

  it('rights that the new claims drop end with the swap, and not those of others', async () => {
    const host = await start({ actors: [slot('a'), slot('b')] }, { a: guestModule(), b: guestModule() });
    await (
      await (await host.prepare('a', guestModule({ capabilities: [], version: '2' }))).activate()
    ).commit();
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NOT_CLAIMED');
    await expect(host.call('b', 'Key', nothing)).resolves.toBeDefined();
  });
});

describe('3: a tampered token that loads', () => {
  it('is refused, wherever the change is', () => {
    const signed = sign(['wascc:keyvalue']);
    const tampered = (at: number) => {
      const copy = signed.slice();
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    expect(read(tampered(signed.length - 3))).toThrow(expect.objectContaining({ code: 'E_SIGNATURE' }));
    const at = Buffer.from(signed).indexOf('wascc:keyvalue');
    expect(read(tampered(at))).toThrow(expect.objectContaining({ code: 'E_HASH' }));
  });
});

describe('4: a provider that can be taken away, but not put back', () => {
  it('another takes its place under the same contract and name; every binding is there again, none is lost', async () => {
    const fake = fakeStore();
    const modules = { a: guestModule(), b: guestModule() };
    const host = await start({ actors: [slot('a'), slot('b')] }, modules, [fake.contract]);
    const provider = host.providers.get('wascc:keyvalue');
    await provider.remove();
    await provider.swap('two', {});
    expect([...(provider.provider as FakeStore).bound.keys()].sort()).toEqual(['a', 'b']);
    for (const name of ['a', 'b']) await expect(host.call(name, 'Key', nothing)).resolves.toBeDefined();
  });

  it('clearing one slot leaves the bindings of the others alone', async () => {
    const host = await start({ actors: [slot('a'), slot('b')] }, { a: guestModule(), b: guestModule() });
    await host.clear('a');
    await expect(host.call('b', 'Key', nothing)).resolves.toBeDefined();
    expect(host.providers.list()).toMatchObject([{ bindings: 2 }]);
  });
});

describe('5: a bus that locks while it waits, mixes up answers and dies of a missing target', () => {
  it('answers go to those who asked', async () => {
    const host = await start({ actors: [slot('a'), slot('b')] }, { a: guestModule(), b: guestModule() });
    const asked = Array.from({ length: 200 }, (_, n) => `${n % 2 === 0 ? 'a' : 'b'}${n}`);
    const answers = asked.map((what) => host.call(what.slice(0, 1), 'Echo', bytes(what)).then(text));
    expect(await Promise.all(answers)).toEqual(asked);
  });

  it('a provider that delivers to the actor that is waiting for it ends in an error, and the host goes on', async () => {
    const fake = fakeStore();
    const config = { cells: 1, actors: [slot('a'), slot('b')] };
    const host = await start(config, { a: guestModule(), b: guestModule() }, [fake.contract]);
    const store = fake.made[0] as FakeStore;
    let deliver: Deliver | undefined;
    store.bind = async (_session, given?: Deliver) => {
      deliver = given;
    };
    await host.bind('a', { ...KEYVALUE, name: 'default' });
    store.add = async () => {
      await deliver?.('Echo', {});
      return 1;
    };
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_TIMEOUT');
    expect(text(await host.call('a', 'Echo', bytes('on')))).toBe('on');
    expect(text(await host.call('b', 'Echo', bytes('on')))).toBe('on');
  });

  it('a target that is gone is an error for who asked', async () => {
    const host = await start({ actors: [slot('a'), slot('b')] }, { a: guestModule(), b: guestModule() });
    const waiting = host.call('a', 'Echo', bytes('x'));
    await Promise.all([waiting, host.clear('a')]);
    await expect(host.call('a', 'Echo', nothing)).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    expect(text(await host.call('b', 'Echo', bytes('on')))).toBe('on');
  });
});
