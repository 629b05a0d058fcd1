import { afterEach, describe, expect, it } from 'vitest';
import { guestModule } from '../helpers/guest.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';

const KEYVALUE = { contract: 'wascc:keyvalue' };
const slot = (name: string, more: Record<string, unknown> = {}) => ({ name, bindings: [KEYVALUE], ...more });
const nothing = new Uint8Array(0);

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
async function start(config: Record<string, unknown>, modules: Parameters<typeof startHost>[1]) {
  running = await startHost(config, modules);
  return running.host;
}

describe('calls', () => {
  it('go through the queue, the cell and the guest, and come back', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    expect(text(await host.call('a', 'Echo', bytes('hello')))).toBe('hello');
    const many = await Promise.all(
      Array.from({ length: 500 }, (_, n) => host.call('a', 'Echo', bytes(`${n}`)).then(text)),
    );
    expect(many).toEqual(Array.from({ length: 500 }, (_, n) => `${n}`));
  });

  it.each(['memory', 'lmdb'])(
    'reach the key-value store (%s) and its answer reaches the guest',
    async (use) => {
      const host = await start(
        { providers: [{ ...KEYVALUE, use }], actors: [slot('a')] },
        { a: guestModule() },
      );
      const replies = await Promise.all(Array.from({ length: 40 }, () => host.call('a', 'Key', nothing)));
      // {value: 40} in MessagePack
      expect(Buffer.from(replies[39]!).toString('hex')).toBe('81a576616c756528');
    },
  );

  it('of an unknown actor say which actors there are', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    expect(() => host.call('b', 'Echo', nothing)).toThrow(/has no actor "b"/);
  });

  it('beyond the bound of the queue are refused by name', async () => {
    const limits = { queue: 10 };
    const host = await start({ actors: [slot('a', { limits })] }, { a: guestModule() });
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => host.call('a', 'Echo', nothing)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(all.at(-1)).toMatchObject({ reason: { code: 'E_QUEUE_FULL' } });
  });
});

describe('rights', () => {
  it('end at the claims', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule({ capabilities: [] }) });
    await expect(host.call('a', 'Key', nothing)).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringContaining('E_NOT_CLAIMED: a: wascc:keyvalue Add'),
    });
  });

  it('end at the bindings', async () => {
    const host = await start({ actors: [{ name: 'a' }] }, { a: guestModule() });
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NOT_BOUND');
    await host.bind('a', { contract: 'wascc:keyvalue', name: 'default' });
    await expect(host.call('a', 'Key', nothing)).resolves.toBeDefined();
  });

  it('made by bind are there after a restart', async () => {
    const host = await start({ actors: [{ name: 'a' }] }, { a: guestModule() });
    await host.bind('a', { contract: 'wascc:keyvalue', name: 'default', space: 'shared' });
    const again = await running!.restart();
    await expect(again.call('a', 'Key', nothing)).resolves.toBeDefined();
  });

  it('of a binding that is not valid: the field is named', async () => {
    const host = await start({ actors: [{ name: 'a' }] }, { a: guestModule() });
    const wrong = host.bind('a', { contract: 'wascc:keyvalue', name: 'default', space: 7 });
    await expect(wrong).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: 'binding of a to wascc:keyvalue: space: expected text, found a number',
    });
    const unknown = host.bind('a', { contract: 'acme:nothing', name: 'default' });
    await expect(unknown).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('acme:nothing'),
    });
  });

  it('are none before Start: a module that does I/O in wapc_init does not load', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await expect(host.prepare('a', guestModule({ initCallsHost: true }))).rejects.toMatchObject({
      code: 'E_TRAP',
    });
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
  });
});

describe('faults', () => {
  it('of a guest fail that call only; the actor is started again', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const calls = ['Echo', 'Trap', 'Echo', 'Echo'].map((op) =>
      host.call('a', op, bytes('x')).then(text, (e) => e.code),
    );
    expect(await Promise.all(calls)).toEqual(['x', 'E_TRAP', 'x', 'x']);
    expect(host.actors()[0]).toMatchObject({ state: 'running', restarts: 1, handled: 3, failed: 1 });
  });

  it('of a guest that never ends use up its fuel', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await expect(host.call('a', 'Loop', nothing)).rejects.toMatchObject({ code: 'E_FUEL' });
  });

  it('of a guest that fuel does not stop end its cell; the others in it come back and lose nothing', async () => {
    const limits = { fuelPerCall: Number.MAX_SAFE_INTEGER, deadlineMs: 100 };
    const config = { cells: 1, actors: [slot('a', { limits }), slot('b')] };
    const host = await start(config, { a: guestModule(), b: guestModule() });
    const looping = host.call('a', 'Loop', nothing);
    const others = Promise.all(
      Array.from({ length: 100 }, (_, n) => host.call('b', 'Echo', bytes(`${n}`)).then(text)),
    );
    await expect(looping).rejects.toMatchObject({ code: 'E_DEADLINE' });
    expect(await others).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
    expect(text(await host.call('a', 'Echo', bytes('back')))).toBe('back');
  });
});

describe('a live swap of an actor', () => {
  async function swap(host: TestHost['host'], name: string, module: ReturnType<typeof guestModule>) {
    const candidate = await host.prepare(name, module);
    return candidate.activate();
  }

  it.each([1, 2])('loses nothing, doubles nothing and keeps the order (%i cells)', async (cells) => {
    const host = await start(
      // In memory: lmdb syncs each change to a disk that may be busy, and the feed does not wait.
      {
        cells,
        providers: [{ ...KEYVALUE, use: 'memory' }],
        actors: [slot('a', { limits: { queue: 100_000, deadlineMs: 2_000 } })],
      },
      { a: guestModule() },
    );
    const seen: string[] = [];
    const sent: Promise<void>[] = [];
    const send = () =>
      sent.push(host.call('a', 'Key', nothing).then((r) => void seen.push(Buffer.from(r).toString('hex'))));
    const feed = setInterval(() => {
      for (let n = 0; n < 20 && sent.length < 5_000; n++) send();
    }, 5);
    for (let version = 2; version < 8; version++) {
      const trial = await swap(host, 'a', guestModule({ version: `${version}` }));
      await new Promise((resolve) => setTimeout(resolve, 30));
      await trial.commit();
    }
    clearInterval(feed);
    await Promise.all(sent);
    // Each answer is the next value of one counter: a gap would be a loss, a repetition a duplicate.
    const values = seen.map((reply) => BigInt(`0x${reply.slice(14)}`));
    expect(values.length).toBe(sent.length);
    expect(new Set(seen).size).toBe(sent.length);
    expect(text(await host.call('a', 'Version', nothing))).toBe('7');
    expect(host.actors()[0]).toMatchObject({ failed: 0, restarts: 0 });
  });

  it('goes back when Start traps, and the running actor never stopped', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await expect(swap(host, 'a', guestModule({ startTraps: true, version: '2' }))).rejects.toMatchObject({
      code: 'E_TRAP',
    });
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
    expect(host.actors()[0]).toMatchObject({ state: 'running', restarts: 0 });
  });

  it.each([
    ['traps', { echoTraps: true }, 'E_TRAP'],
    ['hangs', { echoLoops: true }, 'E_FUEL'],
  ])('offers a message on which the new module %s to the old one', async (_what, options, code) => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await swap(host, 'a', guestModule({ ...options, version: '2' }));
    const calls = Promise.all(
      Array.from({ length: 50 }, (_, n) => host.call('a', 'Echo', bytes(`${n}`)).then(text)),
    );
    expect(await trial.fault).toMatchObject({ code });
    await trial.revert();
    expect(await calls).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
  });

  it('takes the claims along with the code, both ways', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    const trial = await swap(host, 'a', guestModule({ capabilities: [], version: '2' }));
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NOT_CLAIMED');
    await trial.revert();
    await expect(host.call('a', 'Key', nothing)).resolves.toBeDefined();
  });

  it('into an empty slot that fails leaves it empty', async () => {
    const host = await start({ actors: [slot('a')] }, {});
    await expect(host.call('a', 'Echo', nothing)).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    const trial = await swap(host, 'a', guestModule());
    expect(text(await host.call('a', 'Echo', bytes('x')))).toBe('x');
    await trial.revert();
    expect(host.actors()[0]?.state).toBe('empty');
  });
});

describe('a provider', () => {
  it('taken away gives the actor a named error, makes the host not ready, and kills nobody', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await host.call('a', 'Key', nothing);
    const keyvalue = host.providers.get('wascc:keyvalue');
    await keyvalue.remove();
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow(
      /E_NO_PROVIDER: .*no provider for wascc:keyvalue is running/,
    );
    expect(host.problems()).toEqual(['no provider for wascc:keyvalue is running']);
    expect(text(await host.call('a', 'Echo', bytes('alive')))).toBe('alive');
    await keyvalue.start();
    expect(host.problems()).toEqual([]);
    expect(Buffer.from(await host.call('a', 'Key', nothing)).toString('hex')).toBe('81a576616c756502');
  });

  it.each([
    ['memory', 'lmdb'],
    ['lmdb', 'memory'],
  ])('is swapped from %s to %s under load: nothing lost, values kept', async (from, to) => {
    const config = {
      providers: [{ ...KEYVALUE, use: from }],
      actors: [slot('a', { limits: { deadlineMs: 2000 } })],
    };
    const host = await start(config, { a: guestModule() });
    const calls: Promise<Uint8Array>[] = [];
    const feed = setInterval(() => calls.push(host.call('a', 'Key', nothing)), 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await host.providers.get('wascc:keyvalue').swap(to, {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    clearInterval(feed);
    const replies = new Set((await Promise.all(calls)).map((reply) => Buffer.from(reply).toString('hex')));
    expect(replies.size).toBe(calls.length);
    expect(host.providers.list()).toMatchObject([{ implementation: to, state: 'running', bindings: 1 }]);
  });

  it('that cannot start leaves the one before in its place', async () => {
    const host = await start({ actors: [slot('a')] }, { a: guestModule() });
    await host.call('a', 'Key', nothing);
    const keyvalue = host.providers.get('wascc:keyvalue');
    const before = keyvalue.status().implementation;
    await expect(keyvalue.swap('nowhere', {})).rejects.toMatchObject({ code: 'E_CONFIG' });
    await expect(keyvalue.swap('lmdb', { wrong: 1 })).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: 'wascc:keyvalue/default (lmdb): wrong: unknown key, known here: maxBytes',
    });
    expect(keyvalue.status()).toMatchObject({ implementation: before, state: 'running' });
    expect(Buffer.from(await host.call('a', 'Key', nothing)).toString('hex')).toBe('81a576616c756502');
  });
});
