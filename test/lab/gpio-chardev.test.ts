import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoardData } from '#runtime/base/board.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { listChips } from '#runtime/providers/iot-gpio/chardev/chips.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { call, failure, providerEnv, session } from '../helpers/providers.js';

const LINES = { LED: 0, RELAY: 1, BUTTON: 2, GPIO17: 3 } as const;
const board = BoardData.parse({
  name: 'lab',
  title: 'lab',
  source: 'gpio-sim',
  gpio: {
    chip: 'lab-chip',
    lines: Object.fromEntries(
      Object.entries(LINES).map(([name, offset]) => [name, { offset, direction: 'any' }]),
    ),
  },
});

describe('the character device', () => {
  let chip: SimChip;
  let provider: Provider;
  let blink: Session;
  const edges: { line: string; edge: string; seq: number }[] = [];

  beforeAll(async () => {
    chip = new SimChip('lab-chip', 8);
    const implementation = await contract.loadImplementation('chardev');
    provider = implementation.create({}, { ...providerEnv(), board }) as Provider;
    await provider.start(new AbortController().signal);
    blink = session(contract, 'blink', {
      lines: {
        LED: { direction: 'out', safe: 0 },
        RELAY: { direction: 'out', safe: 1 },
        // gpio-sim's only force on an input is its bias: without one it is the test's hand alone.
        BUTTON: { direction: 'in', edge: 'both' },
      },
    });
    await provider.bind(blink, async (_operation, message) => {
      edges.push(message as (typeof edges)[number]);
      return undefined;
    });
  });
  afterAll(async () => {
    await provider.stop();
    chip.remove();
  });

  it('finds the chip by its label', () => {
    expect(listChips().map(({ label, lines }) => [label, lines])).toContainEqual(['lab-chip', 8]);
  });

  it('drives and reads lines', async () => {
    expect([chip.level(0), chip.level(1)]).toEqual([0, 1]);
    await call(contract, provider, blink, 'Write', { line: 'LED', value: 1 });
    expect(chip.level(0)).toBe(1);
    chip.press(2, 1);
    expect(await call(contract, provider, blink, 'Read', { line: 'BUTTON' })).toEqual({ value: 1 });
    chip.press(2, 0);
    expect(await call(contract, provider, blink, 'Read', { line: 'BUTTON' })).toEqual({ value: 0 });
  });

  it('tells edges', async () => {
    await call(contract, provider, blink, 'Watch', { line: 'BUTTON', edge: 'both' });
    chip.press(2, 1);
    await expect.poll(() => edges.length, { timeout: 20_000 }).toBe(1);
    chip.press(2, 0);
    await expect.poll(() => edges.length, { timeout: 20_000 }).toBe(2);
    expect(edges.map(({ edge, seq }) => `${edge} ${seq}`)).toEqual(['rising 1', 'falling 2']);
  });

  it('names who holds a line', async () => {
    const other = await (await contract.loadImplementation('chardev')).create(
      {},
      { ...providerEnv(), board },
    );
    await (other as Provider).start(new AbortController().signal);
    const thief = session(contract, 'thief', { lines: { LED: { direction: 'out' } } });
    expect(await failure(() => (other as Provider).bind(thief, async () => undefined))).toContain('iot-host');
    await (other as Provider).stop();
  });
});
