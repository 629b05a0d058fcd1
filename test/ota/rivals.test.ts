import { describe, expect, it } from 'vitest';
import { Bench, type BenchOptions, envelopeFor, HAPPY, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');
const v3 = moduleBytes('good-3');
const EMPTY = new Uint8Array(0);

async function offering(options: BenchOptions = {}): Promise<Bench> {
  const bench = await Bench.start(options);
  for (const bytes of [v1, v2, v3]) bench.source.offer(bytes);
  return bench;
}

/** Sends an envelope and waits until its fetch stands still before chunk 1. */
async function stalled(bench: Bench, sequence: number, bytes: Uint8Array): Promise<void> {
  bench.source.stallAt = 1;
  const waits = bench.source.untilStalled();
  bench.updates.desired('blink', envelopeFor(sequence, bytes));
  await waits;
  bench.source.stallAt = undefined;
}

describe('two pushes at once', () => {
  it('the newer one ends the fetch of the older', async () => {
    const bench = await offering();
    await stalled(bench, 5, v1);
    bench.updates.desired('blink', envelopeFor(6, v2));
    await bench.updates.idle();
    expect(bench.sink.lines(5)).toEqual(['verified', 'fetching 0', 'fetching 40', 'rejected E_SUPERSEDED']);
    expect(bench.sink.lines(6)).toEqual(HAPPY.slice(1));
    expect(bench.running).toBe('good-2');
    expect(bench.target.log).toEqual(['slot blink', 'prepare good-2', 'activate good-2', 'commit good-2']);
  });

  it('the older one is refused while the newer is fetched', async () => {
    const bench = await offering();
    await stalled(bench, 6, v2);
    bench.updates.desired('blink', envelopeFor(5, v1));
    expect(await lastOf(bench, 5)).toBe('rejected E_SUPERSEDED');
    await bench.updates.stop();
  });

  it('another one with the same number is refused', async () => {
    const bench = await offering();
    await stalled(bench, 6, v2);
    bench.updates.desired('blink', envelopeFor(6, v1));
    expect((await lastOf(bench, 6)) ?? '').toBe('rejected E_EQUIVOCATION');
    await bench.updates.stop();
  });

  it('the newer one waits for the end of a probation; the newest of those that wait is run', async () => {
    const bench = await offering({ dwellMs: 5_000 });
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(5, v1));
    await probation;
    bench.updates.desired('blink', envelopeFor(6, v2));
    bench.updates.desired('blink', envelopeFor(8, v3));
    bench.updates.desired('blink', envelopeFor(7, v1));
    await bench.clock.elapse(5_000);
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.lines(5)).toEqual(HAPPY.slice(1));
    expect(bench.sink.lines(6)).toEqual(['rejected E_SUPERSEDED']);
    expect(bench.sink.lines(7)).toEqual(['rejected E_SUPERSEDED']);
    expect(bench.sink.lines(8)).toEqual(HAPPY.slice(1));
    expect(bench.running).toBe('good-3');
  });

  it('what waits is judged again when the one before it turned out bad', async () => {
    const bench = await offering();
    const bad = moduleBytes('trap-1');
    bench.source.offer(bad);
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(5, bad));
    await probation;
    bench.updates.desired('blink', envelopeFor(6, bad));
    await bench.updates.idle();
    expect(bench.sink.lines(6)).toEqual(['rejected E_BLOCKED']);
  });

  it('the same one twice runs once', async () => {
    const bench = await offering();
    const envelope = envelopeFor(5, v1);
    bench.updates.desired('blink', envelope);
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(HAPPY);
  });

  it('of different slots do not disturb each other', async () => {
    const bench = await offering();
    await stalled(bench, 5, v1);
    const active = bench.sink.next('active');
    bench.updates.desired('other', envelopeFor(1, v2, { slot: 'other' }));
    await active;
    expect(bench.target.running.get('other')?.name).toBe('good-2');
    bench.updates.desired('blink', EMPTY);
    await bench.updates.idle();
    expect(bench.sink.lines(5).at(-1)).toBe('cancelled E_CANCELLED');
  });
});

describe('the empty message', () => {
  it('ends a fetch and keeps what runs', async () => {
    const bench = await offering();
    await bench.push(1, v1);
    bench.sink.clear();
    await stalled(bench, 2, v2);
    bench.updates.desired('blink', EMPTY);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([
      'received',
      'verified',
      'fetching 0',
      'fetching 40',
      'cancelled E_CANCELLED',
    ]);
    expect(bench.running).toBe('good-1');
    // It was withdrawn, not refused: the same envelope may come again.
    await bench.push(2, v2);
    expect(bench.running).toBe('good-2');
  });

  it('leaves a module on probation to its trial', async () => {
    const bench = await offering({ dwellMs: 5_000 });
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(1, v1));
    await probation;
    bench.updates.desired('blink', EMPTY);
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.lines().slice(-2)).toEqual(['probation', 'active']);
    expect(bench.running).toBe('good-1');
  });

  it('ends what waits for a trial', async () => {
    const bench = await offering({ dwellMs: 5_000 });
    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(1, v1));
    await probation;
    bench.updates.desired('blink', envelopeFor(2, v2));
    bench.updates.desired('blink', EMPTY);
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.lines(2)).toEqual(['cancelled E_CANCELLED']);
    expect(bench.running).toBe('good-1');
  });

  it('does nothing when nothing goes on', async () => {
    const bench = await offering();
    await bench.push(1, v1);
    bench.sink.clear();
    bench.updates.desired('blink', EMPTY);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([]);
    expect(bench.running).toBe('good-1');
  });
});

describe('an abort', () => {
  it('takes a module on probation back without blocking it; the same deployment does not come back', async () => {
    const bench = await offering({ dwellMs: 5_000 });
    const probation = bench.sink.next('probation');
    const envelope = envelopeFor(1, v1);
    bench.updates.desired('blink', envelope);
    await probation;
    expect(await bench.updates.abort('blink')).toBe(true);
    expect(bench.sink.lines().slice(-2)).toEqual(['probation', 'cancelled E_CANCELLED']);
    expect(bench.running).toBeUndefined();
    bench.sink.clear();
    for (const device of [bench, await bench.restart()]) {
      device.updates.desired('blink', envelope);
      await device.updates.idle();
      expect(device.sink.lines()).toEqual(['cancelled E_CANCELLED']);
    }
    bench.sink.clear();
    bench.updates.desired('blink', envelopeFor(2, v1));
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.last?.state).toBe('active');
  });

  it('ends a fetch, and what waits', async () => {
    const bench = await offering({ dwellMs: 5_000 });
    await stalled(bench, 1, v1);
    expect(await bench.updates.abort('blink')).toBe(true);
    expect(bench.sink.lines(1).at(-1)).toBe('cancelled E_CANCELLED');

    const probation = bench.sink.next('probation');
    bench.updates.desired('blink', envelopeFor(2, v2));
    await probation;
    const waits = envelopeFor(3, v3);
    bench.updates.desired('blink', waits);
    expect(await bench.updates.abort('blink')).toBe(true);
    expect(bench.sink.lines(3)).toEqual(['cancelled E_CANCELLED']);
    bench.updates.desired('blink', waits);
    await bench.updates.idle();
    expect(bench.sink.lines(3)).toEqual(['cancelled E_CANCELLED', 'cancelled E_CANCELLED']);
    expect(bench.running).toBeUndefined();
  });

  it('says that there was nothing to take back: it is active already, or never was', async () => {
    const bench = await offering();
    await bench.push(1, v1);
    expect(await bench.updates.abort('blink')).toBe(false);
    expect(await bench.updates.abort('nothing')).toBe(false);
    expect(bench.running).toBe('good-1');
  });
});

describe('a sender that is away', () => {
  it('is asked again after 1, 2 and 4 seconds, for what is missing', async () => {
    const bench = await offering();
    bench.source.away = 3;
    bench.updates.desired('blink', envelopeFor(1, v1));
    for (const ms of [1000, 2000, 4000]) await bench.clock.elapse(ms);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(HAPPY);
  });

  it('is given up at the deadline, and the next attempt goes on where this one ended', async () => {
    const bench = await offering();
    await stalled(bench, 1, v1);
    await bench.clock.elapse(600_000);
    await bench.updates.idle();
    expect(bench.sink.lines(1)).toEqual(['verified', 'fetching 0', 'fetching 40', 'failed E_TIMEOUT']);
    await bench.push(1, v1);
    expect(bench.running).toBe('good-1');
    expect(bench.source.sent.map((line) => line.split(':')[1])).toEqual(['0', '1', '2']);
  });
});

async function lastOf(bench: Bench, sequence: number): Promise<string | undefined> {
  await new Promise(setImmediate);
  return bench.sink.lines(sequence).at(-1);
}
