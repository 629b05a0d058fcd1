import { afterEach, describe, expect, it } from 'vitest';
import { CallCounters, DURATION_BUCKETS_S, HostCallCounters } from '#runtime/host/counters.js';
import { Cleanup } from '../helpers/cleanup.js';
import { guestModule } from '../helpers/guest.js';
import { bytes, startHost } from '../helpers/host.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Deadlines that a busy machine keeps too: what is counted here is not time. */
const LIMITS = { deadlineMs: 5_000 };

async function start(config: Record<string, unknown>, modules: Parameters<typeof startHost>[1]) {
  const started = await startHost(config, modules);
  cleanup.add(() => started.stop());
  return started.host;
}

describe('counters of calls', () => {
  it('put each duration into one bucket, the last of which takes what is longer than all', () => {
    const counters = new CallCounters();
    for (const seconds of DURATION_BUCKETS_S) counters.succeed(seconds * 1_000, 2);
    counters.fail(60_000, 'E_DEADLINE');
    expect(counters.durations).toEqual(new Array(DURATION_BUCKETS_S.length + 1).fill(1));
    expect(counters).toMatchObject({ handled: DURATION_BUCKETS_S.length, failed: 1, refused: 0 });
    expect(counters.fuel).toBe(2 * DURATION_BUCKETS_S.length);
    expect([...counters.errors]).toEqual([['E_DEADLINE', 1]]);
  });

  it('tell what a live host did: handled, failed, refused, fuel, swaps', async () => {
    const host = await start(
      {
        actors: [{ name: 'a', limits: { ...LIMITS, queue: 2 }, bindings: [{ contract: 'wascc:keyvalue' }] }],
      },
      { a: guestModule() },
    );
    await host.call('a', 'Echo', bytes('x'));
    await expect(host.call('a', 'Depth', bytes(''))).rejects.toMatchObject({ code: 'E_GUEST' });
    const crowd = Array.from({ length: 5 }, () => host.call('a', 'Echo', bytes('y')));
    const ended = await Promise.allSettled(crowd);
    expect(ended.filter(({ status }) => status === 'rejected')).toHaveLength(3);
    const bad = guestModule({ startTraps: true, version: '2' });
    await expect(host.prepare('a', bad).then((candidate) => candidate.activate())).rejects.toThrow();
    const first = await (await host.prepare('a', guestModule({ version: '3' }))).activate();
    await first.commit();
    const second = await (await host.prepare('a', guestModule({ version: '4' }))).activate();
    await second.revert();

    const [actor] = host.counters().actors;
    expect(actor?.name).toBe('a');
    expect(actor?.calls).toMatchObject({ handled: 3, failed: 1, refused: 3 });
    expect(Object.fromEntries(actor?.calls.errors ?? [])).toEqual({ E_GUEST: 1, E_QUEUE_FULL: 3 });
    expect(actor?.calls.fuel).toBeGreaterThan(0);
    expect(actor?.calls.durations.reduce((sum, n) => sum + n)).toBe(4);
    expect(Object.fromEntries(actor?.swaps ?? [])).toEqual({ refused: 1, kept: 1, reverted: 1 });
  });
});

describe('counters of host calls', () => {
  it.each(['memory', 'lmdb'])('count by contract and outcome, wherever %s answers', async (use) => {
    const host = await start(
      {
        providers: [{ contract: 'wascc:keyvalue', use }],
        actors: [{ name: 'a', limits: LIMITS, bindings: [{ contract: 'wascc:keyvalue' }] }],
      },
      { a: guestModule() },
    );
    for (let n = 0; n < 3; n++) await host.call('a', 'Key', bytes(''));
    await host.providers.get('wascc:keyvalue').remove();
    await expect(host.call('a', 'Key', bytes(''))).rejects.toThrow();
    // Its capability is nobody's, so a guest could word as many as it likes.
    await expect(host.call('a', 'Depth', bytes(''))).rejects.toThrow();
    const counts = host.counters().hostCalls.map(([contract, outcome, n]) => `${contract} ${outcome} ${n}`);
    expect(counts.sort()).toEqual([
      'other E_NOT_CLAIMED 1',
      'wascc:keyvalue E_NO_PROVIDER 1',
      'wascc:keyvalue ok 3',
    ]);
  });

  it('give out what they have counted once', () => {
    const counters = new HostCallCounters((id) => id === 'iot:gpio');
    counters.add('iot:gpio', 'ok', 2);
    counters.add('iot:made-up', 'ok');
    expect(counters.take()).toEqual([
      ['iot:gpio', 'ok', 2],
      ['other', 'ok', 1],
    ]);
    expect(counters.take()).toEqual([]);
  });
});
