import { afterEach, describe, expect, it } from 'vitest';
import type { Host } from '#runtime/host/host.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { type GuestOptions, guestModule, passed } from '../helpers/guest.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';
import { until } from '../helpers/providers.js';

const nothing = new Uint8Array(0);
/** A module key for tests: of the right form, and telling whose it is. */
const keyOf = (name: string) => `M${name.toUpperCase().padEnd(55, 'A')}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

type Actors = Record<string, GuestOptions & { calls?: string[] }>;
function moduleFor(name: string, { calls = [], ...options }: Actors[string]): CheckedModule {
  return guestModule({ key: keyOf(name), capabilities: calls, ...options });
}
/** Actors by name; `calls` are what their claims list. */
async function start(
  actors: Actors,
  config: Record<string, unknown> = {},
  limits: Record<string, unknown> = { deadlineMs: 2_000 },
): Promise<Host> {
  const slots = Object.keys(actors).map((name) => ({ name, limits }));
  const modules = Object.fromEntries(
    Object.entries(actors).map(([name, one]) => [name, moduleFor(name, one)]),
  );
  running = await startHost({ actors: slots, ...config }, modules);
  return running.host;
}

/** The payload with which the first actor's `Pass` goes on along `path`; the last one does `operation`. */
function along(path: readonly string[], operation: string, payload: Uint8Array): Uint8Array {
  const [next, ...rest] = path;
  if (next === undefined) return payload;
  const last = rest.length === 0;
  return passed('', next, last ? operation : 'Pass', along(rest, operation, payload));
}
const pass = (host: Host, from: string, path: readonly string[], operation = 'Echo', payload = bytes('hi')) =>
  host.call(from, 'Pass', along(path, operation, payload));
const state = (host: Host, name: string) => host.actors().find((actor) => actor.name === name);

describe.each([1, 2])('an actor calls another, with %d shared cells', (cells) => {
  it('by key, through several, whatever binding it names', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: { calls: [keyOf('c')] }, c: {} }, { cells });
    expect(text(await pass(host, 'a', [keyOf('b'), keyOf('c')]))).toBe('hi');
    const named = passed('other', keyOf('b'), 'Echo', bytes('named'));
    expect(text(await host.call('a', 'Pass', named))).toBe('named');
  });

  it('in one cell of their own by configuration', async () => {
    const both = ['a', 'b'].map((name) => ({ name, cell: 'x', limits: { deadlineMs: 2_000 } }));
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} }, { cells, actors: both });
    expect(text(await pass(host, 'a', [keyOf('b')]))).toBe('hi');
  });

  it('while others call the same one: none waits for good', async () => {
    const callers = ['p', 'q', 'r', 's'];
    const actors: Actors = { t: {} };
    for (const name of callers) actors[name] = { calls: [keyOf('t')] };
    const host = await start(actors, { cells });
    const calls = Array.from({ length: 80 }, (_, n) =>
      pass(host, callers[n % 4] ?? '', [keyOf('t')], 'Echo', bytes(`${n}`)).then(text),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 80 }, (_, n) => `${n}`));
  });

  it('from its Start, which waits until that one has started', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: { calls: [keyOf('c')] }, c: {} }, { cells });
    await Promise.all(['a', 'b', 'c'].map((name) => host.restartActor(name)));
    expect(text(await pass(host, 'a', [keyOf('b'), keyOf('c')]))).toBe('hi');
  });
});

describe('a call is refused', () => {
  it('when the claims do not list its target', async () => {
    const host = await start({ a: { calls: [keyOf('c')] }, b: { callAlias: 'bee' }, c: {} });
    await expect(pass(host, 'a', [keyOf('b')])).rejects.toThrow(/E_NOT_CLAIMED: a: MB.*Echo: its claims/);
    await expect(pass(host, 'a', ['bee'])).rejects.toThrow('E_NOT_CLAIMED');
  });

  it('when nobody here is that', async () => {
    const host = await start({ a: { calls: [keyOf('z'), 'some/body'] } });
    await expect(pass(host, 'a', [keyOf('z')])).rejects.toThrow(
      `E_NO_ACTOR: a: ${keyOf('z')} Echo: there is no actor ${keyOf('z')} here`,
    );
    await expect(pass(host, 'a', ['some/body'])).rejects.toThrow('there is no actor some/body here');
  });

  it('when its target was stopped, with that name', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} });
    await host.stopActor('b');
    await expect(pass(host, 'a', [keyOf('b')])).rejects.toThrow('E_NOT_RUNNING: actor b is stopped');
    await host.startActor('b');
    expect(text(await pass(host, 'a', [keyOf('b')]))).toBe('hi');
  });

  it('to itself, claimed or not', async () => {
    const host = await start({ a: { calls: [keyOf('a')], callAlias: 'me' }, b: {} });
    await expect(pass(host, 'a', [keyOf('a')])).rejects.toThrow(/E_CYCLE: .*call cycle: a → a$/);
    await expect(pass(host, 'a', ['me'])).rejects.toThrow('call cycle: a → a');
    await expect(pass(host, 'b', [keyOf('b')])).rejects.toThrow('call cycle: b → b');
  });

  it('before Start, like everything else', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} });
    const module = moduleFor('a', { calls: [keyOf('b')], capabilities: [keyOf('b'), 'wascc:keyvalue'] });
    const candidate = await host.prepare('a', module);
    expect(text(await pass(host, 'a', [keyOf('b')]))).toBe('hi');
    await candidate.discard();
  });
});

describe('a call alias', () => {
  it('is compared in its normal form', async () => {
    const host = await start({ a: { calls: ['Wasmcloud/Ponger'] }, b: { callAlias: 'wasmcloud/PONGER' } });
    expect(text(await pass(host, 'a', ['wasmcloud/ponger']))).toBe('hi');
  });

  it('may be used by who claims the key behind it; the key not by who claims the alias', async () => {
    const host = await start({ a: { calls: [keyOf('c')] }, b: { calls: ['cee'] }, c: { callAlias: 'cee' } });
    expect(text(await pass(host, 'a', ['cee']))).toBe('hi');
    expect(text(await pass(host, 'b', ['cee']))).toBe('hi');
    await expect(pass(host, 'b', [keyOf('c')])).rejects.toThrow('E_NOT_CLAIMED');
  });

  it('that two have is nobody’s', async () => {
    const host = await start({ a: { calls: ['twin'] }, b: { callAlias: 'twin' }, c: { callAlias: 'Twin' } });
    await expect(pass(host, 'a', ['twin'])).rejects.toThrow(
      'E_NO_ACTOR: a: twin Echo: twin could be b and c',
    );
  });

  it('that looks like a contract takes nobody’s place', async () => {
    const actors = [{ name: 'a', bindings: [{ contract: 'wascc:keyvalue' }] }, { name: 'b' }];
    const host = await start(
      { a: { calls: ['wascc:keyvalue'] }, b: { callAlias: 'wascc:keyvalue', reply: bytes('mine') } },
      { actors },
    );
    expect(Buffer.from(await host.call('a', 'Key', nothing)).toString('hex')).toBe('81a576616c756501');
  });
});

describe('a cycle', () => {
  it('of two, of three, is refused by name; the calls around it go on', async () => {
    const all = ['a', 'b', 'c'].map(keyOf);
    const host = await start({ a: { calls: all }, b: { calls: all }, c: { calls: all } });
    await expect(pass(host, 'a', ['b', 'a'].map(keyOf))).rejects.toThrow('call cycle: a → b → a');
    await expect(pass(host, 'b', ['c', 'a', 'b'].map(keyOf))).rejects.toThrow('call cycle: b → c → a → b');
    expect(text(await pass(host, 'a', ['b', 'c'].map(keyOf)))).toBe('hi');
    for (const name of ['a', 'b', 'c'])
      expect(state(host, name)).toMatchObject({ state: 'running', restarts: 0 });
  });

  it('of two chains that meet is refused to the one that closes it, and the other has its answer', async () => {
    const all = ['a', 'b'].map(keyOf);
    const host = await start({ a: { calls: all }, b: { calls: all } });
    for (let n = 0; n < 20; n++) {
      const calls = [pass(host, 'a', [keyOf('b')]), pass(host, 'b', [keyOf('a')])];
      const ends = await Promise.all(calls.map((call) => call.then(text, (error: Error) => error.message)));
      const refused = ends.filter((end) => end !== 'hi');
      expect(refused.length).toBeLessThan(2);
      for (const why of refused) expect(why).toMatch(/E_CYCLE: .*call cycle: (a → b → a|b → a → b)/);
    }
  });
});

describe('a deadline', () => {
  const slots = (a: number, b: number) => [
    { name: 'a', limits: { deadlineMs: a } },
    { name: 'b', limits: { deadlineMs: b, fuelPerCall: Number.MAX_SAFE_INTEGER } },
  ];

  it('of the caller ends its waiting; the target, who had more time, is not ended for it', async () => {
    const host = await start(
      { a: { calls: [keyOf('b')] }, b: { calls: [keyOf('c')] } },
      { actors: slots(300, 1_200) },
    );
    await expect(pass(host, 'a', [keyOf('b')], 'Loop')).rejects.toThrow('E_TIMEOUT');
    expect(state(host, 'a')).toMatchObject({ state: 'running', restarts: 0 });
    expect(state(host, 'b')?.restarts).toBe(0);
    await until(
      () => state(host, 'b')?.state === 'running' && state(host, 'b')?.restarts === 1,
      'its own end',
    );
    expect(text(await pass(host, 'a', [keyOf('b')]))).toBe('hi');
  });

  it('of the target ends it: the caller gets that error and goes on', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} }, { actors: slots(5_000, 100) });
    await expect(pass(host, 'a', [keyOf('b')], 'Loop')).rejects.toThrow('E_DEADLINE');
    expect(state(host, 'a')).toMatchObject({ state: 'running', restarts: 0 });
  });

  it('that has come keeps a call that waits from being done', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} }, { actors: slots(100, 300) });
    const looping = host.call('b', 'Loop', nothing).catch(({ code }) => code);
    await expect(pass(host, 'a', [keyOf('b')])).rejects.toThrow('E_TIMEOUT');
    expect(await looping).toBe('E_DEADLINE');
    await until(() => state(host, 'b')?.state === 'running' && state(host, 'b')?.queued === 0, 'its restart');
    expect(state(host, 'b')).toMatchObject({ handled: 0, failed: 1 });
  });

  it('of an actor whose cell was ended leaves nobody waiting for it', async () => {
    const both = { calls: ['a', 'b'].map(keyOf) };
    const host = await start({ a: both, b: both }, { actors: slots(5_000, 150) });
    await expect(pass(host, 'a', [keyOf('b')], 'Loop')).rejects.toThrow('E_DEADLINE');
    expect(text(await pass(host, 'b', [keyOf('a')]))).toBe('hi');
  });
});

describe('a swap', () => {
  it.each(['a', 'b'])('of %s under calls from a to b loses and doubles none', async (name) => {
    const options = { calls: [keyOf('b')] };
    const host = await start({ a: options, b: {} }, { cells: 1 });
    const calls: Promise<string>[] = [];
    const feed = setInterval(
      () => calls.push(pass(host, 'a', [keyOf('b')], 'Echo', bytes(`${calls.length}`)).then(text)),
      1,
    );
    await pause(30);
    for (const version of ['2', '3']) {
      const module = moduleFor(name, { ...(name === 'a' ? options : {}), version });
      await (await (await host.prepare(name, module)).activate()).commit();
      await pause(20);
    }
    clearInterval(feed);
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => `${n}`));
    expect(text(await host.call(name, 'Version', nothing))).toBe('3');
    expect(state(host, 'b')).toMatchObject({ failed: 0, restarts: 0 });
  });

  it('of both at once, in the middle of calls, does not wait for itself', async () => {
    const options = { calls: [keyOf('b')] };
    const host = await start({ a: options, b: {} }, { cells: 1 });
    const calls = Array.from({ length: 50 }, () => pass(host, 'a', [keyOf('b')]).then(text));
    const candidates = await Promise.all([
      host.prepare('a', moduleFor('a', { ...options, version: '2' })),
      host.prepare('b', moduleFor('b', { version: '2' })),
    ]);
    const trials = await Promise.all(candidates.map((candidate) => candidate.activate()));
    await Promise.all(trials.map((trial) => trial.revert()));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['hi']));
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
  });

  it('that drops the right to call ends it with the old code', async () => {
    const host = await start({ a: { calls: [keyOf('b')] }, b: {} });
    await (await (await host.prepare('a', moduleFor('a', { version: '2' }))).activate()).commit();
    await expect(pass(host, 'a', [keyOf('b')])).rejects.toThrow('E_NOT_CLAIMED');
  });
});

/** Numbers that look random and are the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe.each([
  [1, 1],
  [2, 2],
  [1, 3],
])('a crowd that calls each other at random, with %d shared cells (seed %d)', (cells, seed) => {
  it('has an answer or a named error for every call, and is quiet afterwards', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const everyone = names.map(keyOf);
    // The last one calls nobody, and so lives in a shared cell.
    const actors = Object.fromEntries(names.map((name) => [name, { calls: name === 'e' ? [] : everyone }]));
    const host = await start(actors, { cells }, { deadlineMs: 5_000 });
    const below = random(seed);
    const calls = Array.from({ length: 150 }, (_, n) => {
      const path = Array.from({ length: 1 + below(4) }, () => keyOf(names[below(5)] ?? 'a'));
      const from = names[below(5)] ?? 'a';
      return pass(host, from, path, n % 80 === 40 ? 'Trap' : 'Echo', bytes(`${n}`)).then(
        (reply) => (text(reply) === `${n}` ? 'reply' : 'mixed up'),
        (error: Error) =>
          /E_(CYCLE|NOT_CLAIMED|TRAP)/.exec(`${(error as { code?: string }).code} ${error.message}`)?.[0] ??
          `${error}`,
      );
    });
    const ends = new Map<string, number>();
    for (const end of await Promise.all(calls)) ends.set(end, (ends.get(end) ?? 0) + 1);
    expect(ends.get('reply')).toBeGreaterThan(0);
    expect(ends.get('E_CYCLE')).toBeGreaterThan(0);
    const known = new Set(['E_CYCLE', 'E_NOT_CLAIMED', 'E_TRAP', 'reply']);
    expect([...ends.keys()].filter((end) => !known.has(end))).toEqual([]);
    await until(
      () => host.actors().every(({ state, queued }) => state === 'running' && queued === 0),
      'quiet',
    );
    expect(host.callsBetweenActors).toBe(0);
    expect(text(await pass(host, 'a', ['b', 'c', 'd', 'e'].map(keyOf)))).toBe('hi');
  });
});

describe('a stop of the host', () => {
  it('lets calls between actors that are under way end well, and begins no other', async () => {
    const host = await start(
      { a: { calls: [keyOf('b')] }, b: { calls: [keyOf('c')] }, c: {} },
      { cells: 1 },
      { deadlineMs: 1_500 },
    );
    const path = ['b', 'c'].map(keyOf);
    const calls = Array.from({ length: 200 }, () =>
      pass(host, 'a', path).then(text, ({ code, message }) => (code === 'E_NOT_RUNNING' ? code : message)),
    );
    await calls[0];
    await host.stop();
    const ends = await Promise.all(calls);
    expect(new Set(ends)).toEqual(new Set(['hi', 'E_NOT_RUNNING']));
    expect(ends.lastIndexOf('hi')).toBeLessThan(ends.indexOf('E_NOT_RUNNING'));
    expect(host.callsBetweenActors).toBe(0);
  });
});

describe('threads', () => {
  it('of actors that call others end with them', async () => {
    const before = process.getActiveResourcesInfo().filter((what) => what === 'MessagePort').length;
    const host = await start({ a: { calls: [keyOf('b')] } }, { cells: 1 });
    for (let n = 0; n < 3; n++) {
      await (await (await host.prepare('a', moduleFor('a', { calls: [keyOf('b')] }))).activate()).commit();
    }
    await host.clear('a');
    const ports = () => process.getActiveResourcesInfo().filter((what) => what === 'MessagePort').length;
    await until(() => ports() === before, 'the end of its threads');
  });
});
