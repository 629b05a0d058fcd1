import { afterEach, describe, expect, it } from 'vitest';
import type { Contract } from '#runtime/base/contract.js';
import type { Host } from '#runtime/host/host.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { guestModule } from '../helpers/guest.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';
import { until } from '../helpers/providers.js';

const KEYVALUE = { contract: 'wascc:keyvalue' };
const ENDLESS = { fuelPerCall: Number.MAX_SAFE_INTEGER, deadlineMs: 200 };
const slot = (name: string, more: Record<string, unknown> = {}) => ({ name, bindings: [KEYVALUE], ...more });
const nothing = new Uint8Array(0);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
async function start(
  config: Record<string, unknown>,
  modules: Parameters<typeof startHost>[1],
  fakes: readonly Contract[] = [],
): Promise<Host> {
  running = await startHost(config, modules, undefined, fakes);
  return running.host;
}
const echo = (host: Host, name: string, what: string) => host.call(name, 'Echo', bytes(what)).then(text);
const state = (host: Host, name: string) => host.actors().find((actor) => actor.name === name);

describe('a cell that ends', () => {
  it('for the fault of another actor fails nobody else, wherever their calls stood in its batch', async () => {
    const actors = [slot('bad', { limits: ENDLESS }), slot('good')];
    const host = await start({ cells: 1, actors }, { bad: guestModule(), good: guestModule() });
    const before = Array.from({ length: 10 }, (_, n) => echo(host, 'good', `${n}`));
    const looping = host.call('bad', 'Loop', nothing).catch(({ code }) => code);
    const after = Array.from({ length: 10 }, (_, n) => echo(host, 'good', `${n}`));
    expect(await looping).toBe('E_DEADLINE');
    expect(await Promise.all([...before, ...after])).toHaveLength(20);
    expect(state(host, 'good')).toMatchObject({ state: 'running', failed: 0, restarts: 1 });
  });

  it('while a module is on trial in it starts the module again, judges its health there, and leaks nothing', async () => {
    const actors = [slot('bad', { limits: ENDLESS }), slot('good')];
    const host = await start({ cells: 1, actors }, { bad: guestModule(), good: guestModule() });
    const trial = await (await host.prepare('good', guestModule({ version: '2' }))).activate();
    const looping = host.call('bad', 'Loop', nothing).catch(({ code }) => code);
    await pause(30);
    const health = trial.checkHealth();
    expect(await looping).toBe('E_DEADLINE');
    await health;
    expect(text(await host.call('good', 'Version', nothing))).toBe('2');
    await trial.revert();
    expect(text(await host.call('good', 'Version', nothing))).toBe('1');
    expect(state(host, 'good')).toMatchObject({ state: 'running', failed: 0 });
  });

  it('with the old module warm in it: the way back loads that afresh', async () => {
    const actors = [slot('bad', { limits: ENDLESS, cell: 'x' }), slot('good', { cell: 'x' })];
    const host = await start({ actors }, { bad: guestModule(), good: guestModule() });
    const trial = await (
      await host.prepare('good', guestModule({ version: '2', echoTraps: true }))
    ).activate();
    await host.call('bad', 'Loop', nothing).catch(() => undefined);
    const kept = echo(host, 'good', 'kept');
    await trial.fault;
    await trial.revert();
    expect(await kept).toBe('kept');
    expect(text(await host.call('good', 'Version', nothing))).toBe('1');
  });

  it('before a prepared module had its Start: the module is prepared again, not refused', async () => {
    const actors = [slot('bad', { limits: ENDLESS }), slot('good')];
    const host = await start({ cells: 1, actors }, { bad: guestModule(), good: guestModule() });
    const candidate = await host.prepare('good', guestModule({ version: '2' }));
    const looping = host.call('bad', 'Loop', nothing).catch(({ code }) => code);
    await pause(10);
    const trial = await candidate.activate();
    expect(await looping).toBe('E_DEADLINE');
    expect(text(await host.call('good', 'Version', nothing))).toBe('2');
    await trial.commit();
  });

  it('while a module is being prepared in it: the module is prepared elsewhere, not refused', async () => {
    const actors = [slot('bad', { limits: ENDLESS }), slot('good')];
    const host = await start({ cells: 1, actors }, { bad: guestModule(), good: guestModule() });
    const looping = host.call('bad', 'Loop', nothing).catch(({ code }) => code);
    await pause(10);
    const candidate = await host.prepare('good', guestModule({ version: '2' }));
    expect(await looping).toBe('E_DEADLINE');
    await (await candidate.activate()).commit();
    expect(text(await host.call('good', 'Version', nothing))).toBe('2');
  });

  it('as the old registrations are being dropped: the actor is there all the same', async () => {
    const fake = fakeStore();
    const actors = [slot('bad', { limits: ENDLESS }), slot('good')];
    const host = await start({ cells: 1, actors }, { bad: guestModule(), good: guestModule() }, [
      fake.contract,
    ]);
    const store = fake.made[0] as FakeStore;
    const dropping: (() => void)[] = [];
    let hang = true;
    store.renew = () => async () => {
      if (hang) await new Promise<void>((resolve) => dropping.push(resolve));
    };
    // A fault of its own, so that its restart hangs in dropping; then its new cell goes.
    await host.call('good', 'Trap', nothing).catch(() => undefined);
    await until(() => dropping.length === 1, 'the restart');
    const looping = host.call('bad', 'Loop', nothing).catch(({ code }) => code);
    expect(await looping).toBe('E_DEADLINE');
    hang = false;
    dropping[0]?.();
    expect(await echo(host, 'good', 'here')).toBe('here');
  });
});

describe('a module on trial', () => {
  it('that was committed in the instant in which it failed is started again like any other', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await (await host.prepare('a', guestModule({ version: '2' }))).activate();
    const trapped = host.call('a', 'Trap', nothing).catch(({ code }) => code);
    await trial.fault;
    await trial.commit();
    expect(await trapped).toBe('E_TRAP');
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
  });

  it('whose messages still fail while it is being taken back loses none of them', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await (await host.prepare('a', guestModule({ version: '2', echoTraps: true }))).activate();
    const kept = Array.from({ length: 5 }, (_, n) => echo(host, 'a', `${n}`));
    await trial.revert();
    expect(await Promise.all(kept)).toEqual(['0', '1', '2', '3', '4']);
    expect(state(host, 'a')).toMatchObject({ failed: 0, state: 'running' });
  });

  it.each([
    ['traps', { healthTraps: true }, 'E_TRAP'],
    ['hangs', { healthLoops: true }, 'E_FUEL'],
  ])('that %s when asked for its health has failed', async (_what, options, code) => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await (await host.prepare('a', guestModule({ ...options, version: '2' }))).activate();
    await expect(trial.checkHealth()).rejects.toMatchObject({ code });
    expect(await trial.fault).toMatchObject({ code });
    await trial.revert();
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
  });

  it('keeps a second one out, and can be decided once only', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const second = await host.prepare('a', guestModule({ version: '3' }));
    const first = await host.prepare('a', guestModule({ version: '2' }));
    const trial = await first.activate();
    await expect(second.activate()).rejects.toMatchObject({ code: 'E_BUSY' });
    await first.discard();
    await trial.commit();
    await trial.revert();
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
  });

  it('is neither kept nor taken back by a stop: nothing of it runs afterwards', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await (await host.prepare('a', guestModule({ version: '2' }))).activate();
    await host.stop();
    await expect(trial.checkHealth()).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    await trial.revert();
    expect(state(host, 'a')).toMatchObject({ state: 'stopped', version: '2' });
    await expect(host.prepare('a', guestModule())).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
  });

  it('in a slot that is cleared takes everything along', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await (await host.prepare('a', guestModule({ version: '2' }))).activate();
    await host.clear('a');
    await trial.revert();
    expect(state(host, 'a')?.state).toBe('empty');
    await (await (await host.prepare('a', guestModule({ version: '3' }))).activate()).commit();
    await expect(host.call('a', 'Trap', nothing)).rejects.toMatchObject({ code: 'E_TRAP' });
    expect(await echo(host, 'a', 'on')).toBe('on');
  });

  it('leaves no registrations behind in a slot that is empty again', async () => {
    const fake = fakeStore();
    const host = await start({ actors: [slot('a')] }, {}, [fake.contract]);
    const store = fake.made[0] as FakeStore;
    const trial = await (await host.prepare('a', guestModule())).activate();
    expect(store.drops).toBe(1);
    await trial.revert();
    expect(store.drops).toBe(2);
  });
});

describe('providers', () => {
  it('that fail at dropping old registrations are no reason to take a module back', async () => {
    const fake = fakeStore();
    fake.plans.one.failAt = 'drop';
    const host = await start({ actors: [slot('a')] }, { a: guestModule() }, [fake.contract]);
    expect(state(host, 'a')).toMatchObject({ state: 'running', restarts: 0 });
    await (await (await host.prepare('a', guestModule({ version: '2' }))).activate()).commit();
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
  });

  it('that will not take a binding at the start keep the host from being ready, not from being there', async () => {
    const fake = fakeStore();
    const refused = { name: 'b', bindings: [{ ...KEYVALUE, refuse: true }] };
    const modules = { a: guestModule(), b: guestModule() };
    const host = await start({ actors: [slot('a'), refused] }, modules, [fake.contract]);
    expect(host.problems()).toEqual([expect.stringContaining('refused')]);
    expect(await echo(host, 'b', 'alive')).toBe('alive');
    await host.bind('b', { ...KEYVALUE, name: 'default' });
    expect(host.problems()).toEqual([]);
  });

  it('that two bindings ask for at once are made once', async () => {
    const fake = fakeStore();
    const config = { actors: [{ name: 'a' }, { name: 'b' }] };
    const host = await start(config, { a: guestModule(), b: guestModule() }, [fake.contract]);
    await Promise.all(['a', 'b'].map((name) => host.bind(name, { ...KEYVALUE, name: 'default' })));
    expect(fake.made).toHaveLength(1);
    expect(host.providers.list()).toMatchObject([{ bindings: 2 }]);
  });

  it('taken away in the middle of a call let that end and refuse the next', async () => {
    const fake = fakeStore();
    fake.plans.one.hangAt = 'add';
    const limits = { deadlineMs: 3_000 };
    const host = await start({ actors: [slot('a', { limits })] }, { a: guestModule() }, [fake.contract]);
    const store = fake.made[0] as FakeStore;
    const call = host.call('a', 'Key', nothing);
    await until(() => store.waiting.length === 1, 'the call');
    const removal = host.providers.get('wascc:keyvalue').remove();
    // The cell waits for the call and cannot close its part before; then it can.
    store.waiting[0]?.();
    expect(Buffer.from(await call).toString('hex')).toBe('81a576616c756501');
    await removal;
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NO_PROVIDER');
  });

  it('two of them swapped at once, their actors in the middle of calls to both, do not wait for each other', async () => {
    const providers = ['one', 'two'].map((name) => ({ ...KEYVALUE, name, use: 'memory' }));
    const limits = { deadlineMs: 2_000 };
    const of = (name: string) => ({ name, limits, bindings: [{ ...KEYVALUE, name: 'default' }] });
    const host = await start(
      { cells: 1, providers: [...providers, KEYVALUE], actors: [of('a'), of('b')] },
      { a: guestModule(), b: guestModule() },
    );
    const calls: Promise<Uint8Array>[] = [];
    const feed = setInterval(() => calls.push(...['a', 'b'].map((n) => host.call(n, 'Key', nothing))), 1);
    await pause(20);
    const swaps = ['default', 'one', 'two'].map((name) =>
      host.providers.get('wascc:keyvalue', name).swap('lmdb', {}),
    );
    await Promise.all(swaps);
    clearInterval(feed);
    const replies = (await Promise.all(calls)).map((reply) => Buffer.from(reply).toString('hex'));
    expect(replies.length).toBeGreaterThan(2);
    expect(host.providers.list().map(({ implementation }) => implementation)).toEqual([
      'lmdb',
      'lmdb',
      'lmdb',
    ]);
  });
});

describe('a stop', () => {
  it('ends in bounded time though an actor waits for a provider that never answers', async () => {
    const fake = fakeStore();
    fake.plans.one.hangAt = 'add';
    const limits = { deadlineMs: 3_600_000 };
    const host = await start({ actors: [slot('a', { limits })] }, { a: guestModule() }, [fake.contract]);
    const call = host.call('a', 'Key', nothing).catch(({ code }) => code);
    const behind = host.call('a', 'Echo', nothing).catch(({ code }) => code);
    await until(() => (fake.made[0] as FakeStore).waiting.length === 1, 'the call');
    await host.stop();
    expect(await call).toBe('E_NOT_RUNNING');
    expect(await behind).toBe('E_NOT_RUNNING');
    expect(state(host, 'a')?.state).toBe('stopped');
  });

  it('while an actor waits for its restart leaves no timer and no thread behind', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule({ startTraps: true }) });
    await until(() => (state(host, 'a')?.restarts ?? 0) > 0, 'a restart');
    const stopping = host.stop();
    await stopping;
    const { restarts } = state(host, 'a') ?? {};
    await pause(700);
    expect(state(host, 'a')).toMatchObject({ state: 'stopped', restarts });
    expect(process.getActiveResourcesInfo().filter((what) => what === 'MessagePort')).toEqual([]);
  });

  it('in the middle of everything ends, and every call has an answer', async () => {
    const host = await start({ actors: [slot('a'), slot('b')] }, { a: guestModule(), b: guestModule() });
    const calls = Array.from({ length: 300 }, (_, n) =>
      host.call(n % 2 === 0 ? 'a' : 'b', n % 50 === 0 ? 'Trap' : 'Key', nothing).then(
        () => 'reply',
        ({ code }) => code,
      ),
    );
    const swap = host.providers.get('wascc:keyvalue').swap('lmdb', {});
    const preparing = host.prepare('a', guestModule({ version: '2' })).then((c) => c.activate());
    await Promise.allSettled([host.stop(), swap, preparing]);
    const ends = new Set(await Promise.all(calls));
    expect([...ends].every((end) => ['reply', 'E_TRAP', 'E_NOT_RUNNING', 'E_GUEST'].includes(end))).toBe(
      true,
    );
  });
});

describe('messages', () => {
  it('of a contract that waited while a module without that claim came are not handed to it', async () => {
    const host = await start(
      { actors: [slot('a', { limits: { deadlineMs: 1_000 } })] },
      { a: guestModule() },
    );
    const actor = host.actor('a');
    const candidate = await host.prepare('a', guestModule({ capabilities: [], version: '2' }));
    const busy = Array.from({ length: 40 }, () => host.call('a', 'Key', nothing));
    const activated = candidate.activate();
    const waiting = actor.call('Echo', nothing, 'wascc:keyvalue');
    await expect(waiting).rejects.toMatchObject({ code: 'E_NOT_CLAIMED' });
    await Promise.allSettled(busy);
    await (await activated).commit();
  });

  it('that come with the Start of the first module wait for it', async () => {
    const host = await start({ actors: [slot('a')] }, {});
    const activating = (await host.prepare('a', guestModule())).activate();
    await until(() => state(host, 'a')?.state !== 'empty', 'the start');
    expect(await echo(host, 'a', 'early')).toBe('early');
    await (await activating).commit();
  });
});
