import { expect, it } from 'vitest';
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
