import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup } from '../helpers/cleanup.js';
import { until } from '../helpers/providers.js';
import { beside, PRESSER } from './beside.js';
import { interrupts } from './interrupts.js';
import { PATIENCE_MS, RealDevice } from './real-device.js';

const BUTTON = 27;
const EDGES = 10_000;
/** Edges that the kernel keeps until they are read. */
const KERNEL_KEEPS = 1_024;
const SLOT = {
  name: 'counter',
  limits: { deadlineMs: 20_000, queue: 16_384 },
  bindings: [{ contract: 'iot:gpio', lines: { GPIO27: { direction: 'in', edge: 'both' } } }],
};

describe('edges that an actor is told by a host of its own', { timeout: 2 * PATIENCE_MS }, () => {
  const cleanup = new Cleanup();
  let device: RealDevice;
  beforeAll(async () => {
    device = await RealDevice.start(cleanup, { actors: [SLOT] });
    await device.install('probe-edges', { name: 'counter', caps: ['iot:gpio'] });
  }, PATIENCE_MS);
  afterAll(() => cleanup.run(), PATIENCE_MS);

  /** What the actor has counted, once it has heard of `made` edges. */
  const counted = async (made: number) => {
    let [told, missed] = [0, 0];
    for (const end = Date.now() + PATIENCE_MS; told + missed < made && Date.now() < end; ) {
      [told = 0, missed = 0] = (await device.call('counter', 'Edges')) as number[];
    }
    return { told, missed };
  };
  /**
   * Presses `count` times (an even number), one a millisecond, does `then`, and presses twice more: an edge says how many
   * were lost before it. Resolves with how long the many took (ms) and how many there were for the kernel.
   */
  const press = async (count: number, then: () => void = () => {}) => {
    const before = interrupts();
    const come = (edges: number) =>
      until(() => interrupts() - before === edges, `${edges} edges`, PATIENCE_MS);
    const presser = beside(PRESSER, [device.chip.pullFile(BUTTON), String(count), '1000']);
    expect(await presser.line()).toBe('ready');
    presser.tell('go');
    const [, ms] = (await presser.line()).split(' ');
    await presser.end();
    await come(count);
    then();
    for (const level of [1, 0] as const) {
      device.chip.press(BUTTON, level);
      await come(count + 2 - level);
    }
    return { ms: Math.round(Number(ms)), made: interrupts() - before };
  };

  it('are 10,000 at 1 kHz, or it can say how many it was not told', async () => {
    const { ms, made } = await press(EDGES);
    const { told, missed } = await counted(made);
    console.log(
      `${EDGES} presses in ${ms} ms: the actor was told ${told} edges, and could tell ${missed} as missed`,
    );
    expect([made, told + missed]).toEqual([EDGES + 2, EDGES + 2]);
  });

  it('leave a gap that is as wide as what was lost when the kernel could not keep them all', async () => {
    const earlier = await counted(1);
    process.kill(device.host.pid, 'SIGSTOP');
    const { made } = await press(3 * KERNEL_KEEPS, () => process.kill(device.host.pid, 'SIGCONT'));
    const { told, missed } = await counted(earlier.told + earlier.missed + made);
    const [more, gap] = [told - earlier.told, missed - earlier.missed];
    console.log(`${made} edges, most of them while the host stood still: ${more} told, ${gap} missed`);
    expect([made, more + gap]).toEqual([3 * KERNEL_KEEPS + 2, 3 * KERNEL_KEEPS + 2]);
    // What came while it stood still and was kept, and perhaps the two after it.
    expect(more).toBeGreaterThanOrEqual(KERNEL_KEEPS);
    expect(more).toBeLessThanOrEqual(KERNEL_KEEPS + 2);
    await until(
      () => device.host.logged().includes(`${gap} edges came faster than`),
      'a warning',
      PATIENCE_MS,
    );
  });
});
