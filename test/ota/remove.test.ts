import { describe, expect, it } from 'vitest';
import { Bench, HAPPY, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');

it('empties the slot for good: neither a restart nor the retained message brings the module back', async () => {
  const bench = await Bench.start();
  const envelope = await bench.push(7, v1);
  await bench.updates.remove('blink');
  await bench.updates.idle();
  expect(bench.running).toBeUndefined();
  expect(bench.updates.installed('blink')).toBeUndefined();
  // Whoever pushes next has to know the floor.
  expect(bench.sink.last).toMatchObject({ state: 'cancelled', floor: 8, reason: { code: 'E_CANCELLED' } });
  expect(bench.sink.last?.installed).toBeUndefined();

  const again = await bench.restart();
  expect(again.updates.slots).toEqual([]);
  again.updates.desired('blink', envelope);
  await again.updates.idle();
  expect(again.sink.lines()).toEqual(['received', 'rejected E_OLDER']);
  again.sink.clear();
  await again.push(9, v1);
  expect(again.sink.lines()).toEqual(HAPPY);
});

it('leaves another slot alone, and an empty one may be removed as well', async () => {
  const bench = await Bench.start();
  await bench.push(1, v1, { slot: 'other' });
  bench.sink.clear();
  await bench.updates.remove('blink');
  await bench.updates.idle();
  expect(bench.sink.lines()).toEqual([]);
  expect(bench.updates.sequence('other')).toBe(1);
});

it('waits for no update: it is refused while one runs, and what is desired meanwhile is taken afterwards', async () => {
  const bench = await Bench.start();
  await bench.push(1, v1);
  const bytes = moduleBytes('good-2');
  const pushing = bench.push(5, bytes);
  await expect(bench.updates.remove('blink')).rejects.toMatchObject({ code: 'E_BUSY' });
  await pushing;
  expect(bench.running).toBe('good-2');

  const removing = bench.updates.remove('blink');
  await expect(bench.updates.remove('blink')).rejects.toMatchObject({ code: 'E_BUSY' });
  const late = moduleBytes('good-3');
  void bench.push(9, late);
  await removing;
  await new Promise((resolve) => setImmediate(resolve));
  await bench.updates.idle();
  expect(bench.running).toBe('good-3');
  expect(bench.updates.sequence('blink')).toBe(9);
});

describe('an actor that came with a release', () => {
  const a = moduleBytes('good-a', { key: 'M-A' });
  const b = moduleBytes('good-b', { key: 'M-B' });

  it('is gone for good, and the message that is kept for the others makes no noise', async () => {
    const bench = await Bench.start();
    const envelope = await bench.release(1, { a, b });
    await bench.updates.remove('a');
    await bench.updates.idle();
    expect(bench.sink.last).toMatchObject({ component: 'a', state: 'cancelled', floor: 2 });
    for (const device of [bench, await bench.restart()]) {
      device.sink.clear();
      device.updates.desired('house', envelope);
      await device.updates.idle();
      expect(device.sink.statuses).toMatchObject([{ component: 'house', state: 'active', sequence: 1 }]);
      expect(device.sink.reports).toEqual([]);
      expect(device.all).toEqual({ b: 'good-b' });
    }
  });

  it('and was the last of it: it is answered so, without another judgement', async () => {
    const bench = await Bench.start();
    const envelope = await bench.release(1, { a, b });
    await bench.updates.remove('a');
    await bench.updates.remove('b');
    await bench.updates.idle();
    expect(bench.sink.last).toMatchObject({ component: 'house', state: 'cancelled', floor: 2 });
    const again = await bench.restart();
    again.updates.desired('house', envelope);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['cancelled E_CANCELLED']);
    expect(again.sink.reports).toEqual([]);
    expect(again.all).toEqual({});
    // What is pushed anew is let in.
    await again.release(2, { a, b });
    expect(again.all).toEqual({ a: 'good-a', b: 'good-b' });
  });

  it('does not make a release of which something else is missing look whole', async () => {
    const bench = await Bench.start();
    const envelope = await bench.release(1, { a, b, c: moduleBytes('good-c', { key: 'M-C' }) });
    await bench.updates.remove('a');
    await bench.push(5, moduleBytes('good-c2', { key: 'M-C' }), { slot: 'c' });
    bench.sink.clear();
    bench.updates.desired('house', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).not.toContain('active');
    expect(bench.all).toEqual({ b: 'good-b', c: 'good-c2' });
  });
});

it('removes what came with the largest number there is, and keeps it out', async () => {
  const bench = await Bench.start();
  const envelope = await bench.push(Number.MAX_SAFE_INTEGER, v1);
  await bench.updates.remove('blink');
  const again = await bench.restart();
  again.updates.desired('blink', envelope);
  await again.updates.idle();
  expect(again.sink.lines().at(-1)).toBe('rejected E_EQUIVOCATION');
  expect(again.updates.floor('blink')).toBe(Number.MAX_SAFE_INTEGER);
});
