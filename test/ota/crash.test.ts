import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { Bench, digestOf, envelopeFor, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');
const trap = new IotError('E_TRAP', 'unreachable');

async function updated(options: { securityFloor?: number } = {}): Promise<[Bench, Uint8Array]> {
  const bench = await Bench.start();
  await bench.push(1, v1);
  const envelope = await bench.push(2, v2, options);
  bench.sink.clear();
  return [bench, envelope];
}

describe('a module that was kept and crashes too often afterwards', () => {
  it('gives way to the one before it, for good: blocked, with its floor, over restarts', async () => {
    const [bench, envelope] = await updated();
    expect(await bench.updates.crashed('blink', digestOf(v2), trap)).toBe(true);
    await bench.updates.idle();
    expect(bench.running).toBe('good-1');
    expect(bench.sink.lines()).toEqual(['rolled-back E_CRASHED']);
    expect(bench.sink.last).toMatchObject({ sequence: 2, floor: 2, installed: { digest: digestOf(v1) } });
    expect(bench.sink.reports).toHaveLength(1);

    const again = await bench.restart();
    expect(again.running).toBe('good-1');
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['rolled-back E_CRASHED']);
    await again.push(3, v2);
    expect(again.sink.last?.reason?.code).toBe('E_BLOCKED');
    await again.push(3, moduleBytes('good-3'));
    expect(again.running).toBe('good-3');
  });

  it('stays when there is nothing before it, when that is too old, gone, or when it is not active any more', async () => {
    const [first] = await updated({ securityFloor: 2 });
    expect(await first.updates.crashed('blink', digestOf(v2), trap)).toBe(false);
    const [second] = await updated();
    second.memory.files.delete(`/ota/blobs/${digestOf(v1)}.wasm`);
    expect(await second.updates.crashed('blink', digestOf(v2), trap)).toBe(false);
    expect(await second.updates.crashed('blink', digestOf(v1), trap)).toBe(false);
    expect(await second.updates.crashed('other', digestOf(v1), trap)).toBe(false);
    for (const bench of [first, second]) {
      expect(bench.running).toBe('good-2');
      expect(bench.sink.lines()).toEqual([]);
    }
  });

  it('stays when the record cannot be written', async () => {
    const [bench] = await updated();
    bench.memory.before = (operation) => {
      if (operation === 'fdatasync') throw new Error('EIO');
    };
    expect(await bench.updates.crashed('blink', digestOf(v2), trap)).toBe(false);
    expect(bench.running).toBe('good-2');
  });

  it('takes the others of its release back with it, which may come again', async () => {
    const bench = await Bench.start();
    const b1 = moduleBytes('good-b1', { key: 'M-B' });
    const b2 = moduleBytes('good-b2', { key: 'M-B' });
    await bench.release(1, { a: v1, b: b1 });
    await bench.release(2, { a: v2, b: b2 });
    bench.sink.clear();
    expect(await bench.updates.crashed('a', digestOf(v2), trap)).toBe(true);
    await bench.updates.idle();
    expect(bench.all).toEqual({ a: 'good-1', b: 'good-b1' });
    expect(bench.sink.lines(2, 'house')).toEqual(['rolled-back E_CRASHED']);
    expect((await bench.restart()).all).toEqual({ a: 'good-1', b: 'good-b1' });
    await bench.release(3, { a: moduleBytes('good-3'), b: b2 });
    expect(bench.all).toEqual({ a: 'good-3', b: 'good-b2' });
  });

  describe('and an update that tries its module just when the record has been written', () => {
    /** Pushes `third` when the host is told to fall back, and lets it be told then. */
    async function racing(third: Uint8Array): Promise<{ bench: Bench; crashed: Promise<boolean> }> {
      const bench = await Bench.start({ dwellMs: 5_000 });
      for (const [n, bytes] of [v1, v2].entries()) {
        const pushed = bench.push(n + 1, bytes);
        await bench.clock.elapse(5_000);
        await pushed;
      }
      bench.source.offer(third);
      let told = false;
      const { target } = bench;
      const fallBack = target.fallBack.bind(target);
      target.fallBack = async (slot, module) => {
        target.fallBack = fallBack;
        bench.updates.desired('blink', envelopeFor(3, third));
        while (!target.onTrial.has(slot)) await new Promise(setImmediate);
        told = true;
        return fallBack(slot, module);
      };
      const crashed = bench.updates.crashed('blink', digestOf(v2), trap);
      while (!told) await new Promise(setImmediate);
      return { bench, crashed };
    }

    it('which is kept: it stays, on the disk and in the host', async () => {
      const { bench, crashed } = await racing(moduleBytes('good-3'));
      await bench.clock.elapse(5_000);
      expect(await crashed).toBe(true);
      await bench.updates.idle();
      expect(bench.running).toBe('good-3');
      expect((await bench.restart()).running).toBe('good-3');
    });

    it('which is taken back: the one before runs, on the disk and in the host', async () => {
      const { bench, crashed } = await racing(moduleBytes('good-3'));
      await bench.updates.abort('blink');
      expect(await crashed).toBe(true);
      await bench.updates.idle();
      expect(bench.running).toBe('good-1');
      expect((await bench.restart()).running).toBe('good-1');
      expect(bench.sink.lines()).toContain('rolled-back E_CRASHED');
    });

    it('while the host stops: nothing is waited for, and the next start has it as the record says', async () => {
      const { bench, crashed } = await racing(moduleBytes('good-3'));
      const [done] = await Promise.all([crashed, bench.updates.stop()]);
      expect(done).toBe(true);
      expect((await bench.restart()).updates.installed('blink')?.name).toBe('good-1');
    });
  });
});
