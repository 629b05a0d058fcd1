import { describe, expect, it } from 'vitest';
import type { UpdateStatus } from '#runtime/control/protocol/messages.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { systemError } from '../helpers/memory-fs.js';
import {
  Bench,
  type BenchOptions,
  deviceSeed,
  digestOf,
  envelopeFor,
  moduleBytes,
  releaseFor,
} from './bench.js';

const a1 = moduleBytes('good-a1', { key: 'M-A' });
const a2 = moduleBytes('good-a2', { key: 'M-A' });
const b1 = moduleBytes('good-b1', { key: 'M-B' });
const b2 = moduleBytes('good-b2', { key: 'M-B' });
const old = { a: 'good-a1', b: 'good-b1' };
const fresh = { a: 'good-a2', b: 'good-b2' };

async function settled(options: BenchOptions = {}): Promise<Bench> {
  const first = await Bench.start();
  await first.release(1, { a: a1, b: b1 });
  const bench = await first.restart(options);
  bench.target.bound.add('iot:gpio');
  for (const bytes of [a2, b2]) bench.source.offer(bytes);
  return bench;
}

/** Hands `releaseFor(2, …)` over and waits until its modules are on trial. */
async function onProbation(bench: Bench): Promise<void> {
  bench.updates.desired('house', releaseFor(2, { a: a2, b: b2 }));
  while (bench.target.log.filter((line) => line.startsWith('activate')).length < 2) {
    await new Promise(setImmediate);
  }
}

const lastOf = (bench: Bench, component: string): UpdateStatus | undefined =>
  bench.sink.statuses.filter((status) => status.component === component).at(-1);

describe('a release of several slots', () => {
  it('is fetched, staged and tried as a whole, and kept in one', async () => {
    const bench = await Bench.start();
    await bench.release(7, { a: a1, b: b1 });
    expect(bench.sink.lines(undefined, 'house')).toEqual([
      ...['received', 'verified', 'fetching 0', 'fetching 20', 'fetching 40', 'fetching 50', 'fetching 70'],
      ...['fetching 90', 'fetching 100', 'staged', 'probation', 'active'],
    ]);
    expect(bench.target.log).toEqual([
      ...['slot a', 'slot b', 'prepare good-a1', 'prepare good-b1', 'activate good-a1', 'activate good-b1'],
      ...['commit good-a1', 'commit good-b1'],
    ]);
    expect(bench.all).toEqual(old);
    expect(lastOf(bench, 'house')).toMatchObject({ state: 'active', sequence: 7, floor: 7 });
    for (const [slot, bytes] of Object.entries({ a: a1, b: b1 })) {
      const installed = { digest: digestOf(bytes), sequence: 7 };
      expect(lastOf(bench, slot)).toMatchObject({ state: 'active', floor: 7, installed });
    }
    expect(bench.sink.reports).toHaveLength(1);
    const report = readReport(bench.sink.reports[0]!, publicFromSeed(deviceSeed));
    expect(report).toMatchObject({ state: 'active', outcome: 'done' });
  });

  it('runs on after a restart, and its message is answered and not run again', async () => {
    const bench = await settled();
    expect(bench.all).toEqual(old);
    bench.updates.desired('house', releaseFor(1, { a: a1, b: b1 }));
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['active']);
    expect(bench.target.log).toEqual([]);
  });

  it('goes back to the one before without a fetch', async () => {
    const bench = await settled();
    await bench.release(2, { a: a2, b: b2 });
    expect(lastOf(bench, 'b')?.previous?.digest).toBe(digestOf(b1));
    bench.source.withdraw();
    bench.updates.desired('house', releaseFor(3, { a: a1, b: b1 }));
    await bench.updates.idle();
    expect(bench.all).toEqual(old);
    expect(bench.sink.lines(3, 'house')).toEqual(['verified', 'staged', 'probation', 'active']);
  });

  it('may bring the same module to two slots, which is fetched once', async () => {
    const bench = await Bench.start();
    await bench.release(1, { a: a1, b: a1 });
    expect(bench.all).toEqual({ a: 'good-a1', b: 'good-a1' });
    expect(bench.source.sent).toHaveLength(3);
  });

  it('needs room for all of it before the first byte is fetched', async () => {
    const bench = await settled();
    bench.memory.free = 99_999;
    await bench.release(2, { a: a2, b: b2 });
    expect(bench.sink.lines(2, 'house')).toEqual(['verified', 'fetching 0', 'failed E_NO_SPACE']);
    expect(bench.source.sent).toEqual([]);
  });
});

describe('one bad module takes the whole release back', () => {
  const gates: [string, string][] = [
    ['start', 'rolled-back E_PROBATION_START'],
    ['activate', 'rolled-back E_PROBATION_START'],
    ['trap', 'rolled-back E_PROBATION_TRAP'],
    ['hang', 'rolled-back E_PROBATION_HANG'],
    ['unhealthy', 'rolled-back E_PROBATION_HEALTH'],
    ['full', 'failed E_UNAVAILABLE'],
  ];

  it.each(gates)('%s', async (behaviour, end) => {
    for (const place of ['a', 'b']) {
      const bench = await settled();
      const bad = moduleBytes(`${behaviour}-2`, { key: place === 'a' ? 'M-A' : 'M-B' });
      const good: Record<string, Uint8Array> = place === 'a' ? { b: b2 } : { a: a2 };
      const envelope = await bench.release(2, { ...good, [place]: bad });
      expect(bench.sink.lines(2, 'house').at(-1)).toBe(end);
      expect(lastOf(bench, 'house')?.reason?.message).toContain(`${place}: `);
      expect(bench.all).toEqual(old);
      expect(bench.target.log.filter((line) => line.startsWith('commit'))).toEqual([]);
      for (const slot of ['a', 'b']) {
        expect(lastOf(bench, slot)).toMatchObject({ floor: 1, installed: { sequence: 1 } });
      }
      if (behaviour === 'full') continue;

      // It is answered, before and after a restart, and the good part of it may come again.
      const again = await bench.restart();
      expect(again.all).toEqual(old);
      again.updates.desired('house', envelope);
      await again.updates.idle();
      expect(again.sink.lines()).toEqual([end]);
      expect(again.target.log).toEqual([]);
      await again.release(3, { ...good, [place]: bad });
      expect(again.sink.last?.reason?.code).toBe('E_BLOCKED');
      await again.release(4, { a: a2, b: b2 });
      expect(again.all).toEqual(fresh);
    }
  });

  it.each([
    ['is not admitted', { b: moduleBytes('good-x', { key: 'M-B', refused: true }) }, 'rejected E_IMPORT'],
    [
      'is another one than the slot holds',
      { b: moduleBytes('good-x', { key: 'M-X' }) },
      'rejected E_IDENTITY',
    ],
  ])('as nothing of it runs when one %s', async (_, part, end) => {
    const bench = await settled();
    await bench.release(2, { a: a2, ...part });
    expect(bench.sink.lines(2, 'house').at(-1)).toBe(end);
    expect(bench.target.log).toEqual([]);
    expect(bench.all).toEqual(old);
  });

  it('as nothing of it runs when one is other bytes than was signed', async () => {
    const bench = await settled();
    bench.source.offer(a2, digestOf(b2));
    bench.updates.desired('house', releaseFor(2, { a: a2, b: b2 }));
    await bench.clock.elapse(1000);
    await bench.clock.elapse(2000);
    await bench.updates.idle();
    expect(bench.sink.lines(2, 'house').at(-1)).toBe('rejected E_DIGEST');
    expect(bench.target.log).toEqual([]);
  });

  it('an actor that the release would have added is gone again', async () => {
    const bench = await settled();
    await bench.release(2, { a: moduleBytes('trap-2', { key: 'M-A' }), c: moduleBytes('good-c') });
    expect(bench.all).toEqual(old);
    expect((await bench.restart()).all).toEqual(old);
  });
});

describe('the order of numbers holds for every slot of a release', () => {
  it.each([
    ['below', 4, 'E_OLDER'],
    ['the same', 5, 'E_EQUIVOCATION'],
  ])('%s as what one of them has', async (_, sequence, code) => {
    const bench = await settled();
    await bench.push(5, b2, { slot: 'b' });
    bench.sink.clear();
    bench.updates.desired('house', releaseFor(sequence, { a: a2, b: b2 }));
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', `rejected ${code}`]);
    expect(bench.target.running.get('a')?.name).toBe('good-a1');
  });

  it('a slot that has moved on makes the old release old', async () => {
    const bench = await settled();
    await bench.push(5, b2, { slot: 'b' });
    bench.sink.clear();
    bench.updates.desired('house', releaseFor(1, { a: a1, b: b1 }));
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_OLDER']);
  });

  it('a release may not have the name of a slot that it does not bring', async () => {
    const bench = await settled();
    await bench.push(1, moduleBytes('good-c'), { slot: 'c' });
    bench.sink.clear();
    await bench.release(9, { a: a2, b: b2 }, 'c');
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_COMPONENT']);
  });
});

describe('two deployments that share a slot', () => {
  it('exclude each other: the newer one ends the fetch of the release', async () => {
    const bench = await settled();
    bench.source.stallAt = 1;
    const stalled = bench.source.untilStalled();
    bench.updates.desired('house', releaseFor(5, { a: a2, b: b2 }));
    await stalled;
    bench.source.stallAt = undefined;
    bench.updates.desired('b', envelopeFor(6, b2, { slot: 'b' }));
    await bench.updates.idle();
    expect(bench.sink.lines(5, 'house').at(-1)).toBe('rejected E_SUPERSEDED');
    expect(bench.all).toEqual({ a: 'good-a1', b: 'good-b2' });
  });

  it.each([
    ['older', 4, 'E_SUPERSEDED'],
    ['with the same number', 5, 'E_EQUIVOCATION'],
  ])('exclude each other: one that is %s is refused', async (_, sequence, code) => {
    const bench = await settled();
    bench.source.stallAt = 1;
    const stalled = bench.source.untilStalled();
    bench.updates.desired('b', envelopeFor(5, b2, { slot: 'b' }));
    await stalled;
    bench.updates.desired('house', releaseFor(sequence, { a: a2, b: b2 }));
    await new Promise(setImmediate);
    expect(bench.sink.lines(sequence, 'house').at(-1)).toBe(`rejected ${code}`);
    await bench.updates.stop();
  });

  it('wait for a probation, each for those that it shares a slot with', async () => {
    const bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    const c = moduleBytes('good-c');
    bench.source.offer(c);
    bench.source.offer(a1);
    bench.updates.desired('a', envelopeFor(3, a1, { slot: 'a' }));
    bench.updates.desired('b', envelopeFor(4, b1, { slot: 'b' }));
    bench.updates.desired('c', envelopeFor(1, c, { slot: 'c' }));
    while (bench.target.running.get('c') === undefined) await new Promise(setImmediate);
    expect(bench.all).toEqual({ ...fresh, c: 'good-c' });
    await bench.clock.elapse(5_000);
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.all).toEqual({ ...old, c: 'good-c' });
    expect(bench.sink.lines(2, 'house').at(-1)).toBe('active');
    expect([bench.updates.floor('a'), bench.updates.floor('b'), bench.updates.floor('house')]).toEqual([
      3, 4, 0,
    ]);
  });

  it('the same message under another name is not run a second time', async () => {
    const bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    bench.updates.desired('other', releaseFor(2, { a: a2, b: b2 }));
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.lines(undefined, 'other')).toEqual([]);
  });

  it('a slot of it is not emptied meanwhile', async () => {
    const bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    await expect(bench.updates.remove('b')).rejects.toMatchObject({ code: 'E_BUSY' });
    await bench.updates.stop();
  });

  it('an abort of one slot takes the whole release back', async () => {
    const bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    expect(bench.all).toEqual(fresh);
    expect(await bench.updates.abort('b')).toBe(true);
    expect(bench.all).toEqual(old);
    expect(bench.target.log.slice(-2)).toEqual(['revert good-b2', 'revert good-a2']);
    expect(bench.sink.lines(2, 'house').at(-1)).toBe('cancelled E_CANCELLED');
  });

  it('what was staged of a release does not stay when one of its slots gets something else', async () => {
    const bench = await settled();
    let staged: Promise<Bench> | undefined;
    let writes = 0;
    bench.memory.before = (operation, path) => {
      if (operation !== 'pwrite' || !path.includes('state.')) return;
      writes += 1;
      if (writes === 2) staged = bench.restart();
    };
    await bench.release(2, { a: a2, b: b2 });
    const again = (await staged)!;
    const blobs = () => [...again.memory.files.keys()].filter((path) => path.includes(digestOf(a2)));
    expect(blobs()).toHaveLength(1);
    await again.push(3, b2, { slot: 'b' });
    expect(again.all).toEqual({ a: 'good-a1', b: 'good-b2' });
    expect(blobs()).toEqual([]);
  });
});

it('a module that the disk has lost takes the others of its release back with it, and the message repairs both', async () => {
  const bench = await settled();
  const envelope = await bench.release(2, { a: a2, b: b2 });
  const disk = bench.memory.clone();
  disk.files.delete(`/ota/blobs/${digestOf(b2)}.wasm`);
  const again = await Bench.start({ fs: disk });
  expect(again.all).toEqual(old);
  again.source.offer(b2);
  again.source.offer(a2);
  again.updates.desired('house', envelope);
  await again.updates.idle();
  expect(again.all).toEqual(fresh);
});

describe('the power is cut', () => {
  it('during probation: all of it is tried again', async () => {
    const bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    const again = await bench.restart();
    expect(again.all).toEqual(old);
    await again.clock.elapse(5_000);
    await again.updates.idle();
    expect(again.all).toEqual(fresh);
    expect(again.sink.lines(2, 'house')).toEqual(['probation', 'active']);
    again.updates.desired('house', releaseFor(2, { a: a2, b: b2 }));
    await again.updates.idle();
    expect(again.sink.lines(2, 'house')).toEqual(['probation', 'active', 'active']);
  });

  it('during probation each time: after three starts all of it is taken back', async () => {
    let bench = await settled({ dwellMs: 5_000 });
    await onProbation(bench);
    for (let start = 1; start <= 3; start++) {
      bench = await bench.restart();
      expect(bench.all).toEqual(old);
      while (start < 3 && bench.all.b !== 'good-b2') await new Promise(setImmediate);
    }
    await bench.updates.idle();
    expect(bench.sink.lines(2, 'house')).toEqual(['rolled-back E_PROBATION_HEALTH']);
    expect(lastOf(bench, 'a')).toMatchObject({ state: 'rolled-back', installed: { sequence: 1 } });
    expect(bench.target.log).toEqual([]);
    bench.sink.clear();
    await bench.push(3, a2, { slot: 'a' });
    expect(bench.sink.last?.reason?.code).toBe('E_BLOCKED');
  });

  it.each([
    ['good-b2', fresh, 'active'],
    ['trap-b2', old, 'rolled-back'],
  ])(
    'before every operation on the disk in turn, %s: never one module of it without the other',
    async (name, runs, state) => {
      const modules = { a: a2, b: moduleBytes(name, { key: 'M-B' }) };
      let cuts = 0;
      for (let finished = false; !finished; cuts++) {
        const bench = await settled();
        let operations = 0;
        bench.memory.before = (_, path) => {
          operations += 1;
          if (operations > cuts) throw systemError('EIO', path);
        };
        await bench.release(2, modules);
        finished = operations <= cuts;

        const again = await bench.restart();
        expect([old, fresh]).toContainEqual(again.all);
        again.source.offer(modules.a);
        again.source.offer(modules.b);
        again.updates.desired('house', releaseFor(2, modules));
        await again.updates.idle();
        expect([cuts, again.all, lastOf(again, 'house')?.state]).toEqual([cuts, runs, state]);
        expect((await again.restart()).all).toEqual(runs);
      }
      expect(cuts).toBeGreaterThan(20);
    },
  );
});
