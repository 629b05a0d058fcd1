import { describe, expect, it } from 'vitest';
import { Bench, digestOf, envelopeFor, HAPPY, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');
const blob = (bytes: Uint8Array) => `/ota/blobs/${digestOf(bytes)}.wasm`;

async function settled(dwellMs = 0): Promise<Bench> {
  const first = await Bench.start();
  await first.push(1, v1);
  return first.restart({ dwellMs });
}

describe('the host is stopped', () => {
  it('during a fetch: the retained message starts it again, and only the rest is fetched', async () => {
    const bench = await settled();
    bench.source.offer(v2);
    bench.source.stallAt = 2;
    const stalled = bench.source.untilStalled();
    bench.updates.desired('blink', envelopeFor(2, v2));
    await stalled;
    await bench.updates.stop();
    expect(bench.sink.lines()).toEqual(['received', 'verified', 'fetching 0', 'fetching 40', 'fetching 81']);
    const again = await bench.restart();
    expect(again.running).toBe('good-1');
    await again.push(2, v2);
    expect(again.sink.lines()).toEqual([
      'received',
      'verified',
      'fetching 0',
      'fetching 100',
      'staged',
      'probation',
      'active',
    ]);
    expect(again.source.sent).toHaveLength(1);
  });

  it('during a fetch, and the disk lost a part of what was written: that chunk alone is fetched again', async () => {
    const bench = await settled();
    bench.source.offer(v2);
    bench.source.stallAt = 2;
    const stalled = bench.source.untilStalled();
    bench.updates.desired('blink', envelopeFor(2, v2));
    await stalled;
    await bench.updates.stop();
    const part = `/ota/tmp/${digestOf(v2)}.part`;
    bench.memory.files.set(part, bench.memory.content(part).fill(0, 100, 200));
    const again = await bench.restart();
    again.source.offer(v2);
    await again.push(2, v2);
    expect(again.sink.last?.state).toBe('active');
    expect(again.source.sent.map((line) => line.slice(5))).toEqual(['0', '2']);
  });

  it('once it is staged: the module is on disk, nothing is fetched', async () => {
    const bench = await settled();
    bench.source.offer(v2);
    let staged: Promise<Bench> | undefined;
    // The first write of the record stages the module, the second spends a start.
    let writes = 0;
    bench.memory.before = (operation, path) => {
      if (operation !== 'pwrite' || !path.includes('state.')) return;
      writes += 1;
      if (writes === 2) staged = bench.restart();
    };
    bench.updates.desired('blink', envelopeFor(2, v2));
    await bench.updates.idle();
    const again = (await staged)!;
    expect(again.running).toBe('good-1');
    expect(again.target.log).toEqual([]);
    await again.push(2, v2);
    expect(again.sink.lines()).toEqual(['received', 'verified', 'staged', 'probation', 'active']);
    expect(again.source.sent).toEqual([]);
  });

  it('during probation: it is tried again without being asked', async () => {
    const bench = await settled(5_000);
    bench.source.offer(v2);
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(2, v2));
    await probation;
    const again = await bench.restart({ dwellMs: 0 });
    await again.clock.elapse(5_000);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['probation', 'active']);
    expect(again.running).toBe('good-2');
    expect(again.updates.floor('blink')).toBe(2);
    // The retained message is answered.
    again.updates.desired('blink', envelopeFor(2, v2));
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['probation', 'active', 'active']);
    await bench.updates.stop();
  });

  it('during probation, by the module, each time: after three starts it is taken back', async () => {
    let bench = await settled(5_000);
    bench.source.offer(v2);
    const envelope = envelopeFor(2, v2);
    bench.updates.desired('blink', envelope);
    for (let start = 1; start <= 3; start++) {
      while (bench.running !== 'good-2') await new Promise(setImmediate);
      bench = await bench.restart();
      expect(bench.target.running.get('blink')?.name).toBe('good-1');
    }
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['rolled-back E_PROBATION_HEALTH']);
    expect(bench.target.log).toEqual([]);
    expect(bench.updates.session).toBe(5);
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines().at(-1)).toBe('rolled-back E_PROBATION_HEALTH');
    await bench.push(3, v2);
    expect(bench.sink.lines(3)).toEqual([]);
    expect(bench.sink.last?.reason?.code).toBe('E_BLOCKED');
  });

  it('and the module on probation is gone: what ran before runs on', async () => {
    const bench = await settled(5_000);
    bench.source.offer(v2);
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(2, v2));
    await probation;
    const disk = bench.memory.clone();
    disk.files.delete(blob(v2));
    const again = await Bench.start({ fs: disk });
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['failed E_INTERNAL']);
    expect(again.running).toBe('good-1');
    await again.push(2, v2);
    expect(again.running).toBe('good-2');
  });
});

describe('a module on disk that was damaged', () => {
  it.each(['flipped', 'truncated', 'longer', 'missing'])(
    '%s: the one before it runs, and the message repairs it',
    async (how) => {
      const bench = await settled();
      const envelope = await bench.push(2, v2);
      const bytes = bench.memory.content(blob(v2));
      const disk = bench.memory.clone();
      if (how === 'flipped') disk.files.set(blob(v2), bytes.slice().fill(0, 5, 6));
      if (how === 'truncated') disk.files.set(blob(v2), bytes.slice(0, -1));
      if (how === 'longer') disk.files.set(blob(v2), Uint8Array.from([...bytes, 0]));
      if (how === 'missing') disk.files.delete(blob(v2));
      const again = await Bench.start({ fs: disk });
      expect(again.running).toBe('good-1');
      expect(again.updates.floor('blink')).toBe(2);
      again.source.offer(v2);
      again.updates.desired('blink', envelope);
      await again.updates.idle();
      expect(again.sink.lines()).toEqual(HAPPY);
      expect(again.running).toBe('good-2');
      expect((await again.restart()).running).toBe('good-2');
    },
  );

  it('both of them: the device starts without, and can be pushed to', async () => {
    const bench = await settled();
    await bench.push(2, v2);
    const disk = bench.memory.clone();
    for (const bytes of [v1, v2]) disk.files.set(blob(bytes), new Uint8Array(0));
    const again = await Bench.start({ fs: disk });
    expect(again.running).toBeUndefined();
    expect(again.updates.slots).toEqual([]);
    await again.push(3, v1);
    expect(again.running).toBe('good-1');
  });
});

it('a deployment that fails again and again after it was staged goes no further than its limit', async () => {
  const bench = await settled();
  const bytes = moduleBytes('full-2');
  for (let attempt = 0; attempt < 40; attempt++) await bench.push(2, bytes);
  const states = bench.sink.lines().filter((line) => line.startsWith('failed'));
  expect(new Set(states)).toEqual(new Set(['failed E_UNAVAILABLE', 'failed E_LOOP']));
  expect(bench.sink.lines().at(-1)).toBe('failed E_LOOP');
  expect(bench.target.log.filter((line) => line.startsWith('prepare')).length).toBeLessThan(16);
});
