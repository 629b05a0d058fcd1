import { afterAll, expect, it } from 'vitest';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { call, createProvider, providerEnv, session, TEST_BOARD, until } from '../helpers/providers.js';
import { beside, PRESSER } from './beside.js';
import { interrupts } from './interrupts.js';

const LABEL = 'lab-edges';
const EDGES = 10_000;
const BUTTON = TEST_BOARD.gpio.lines.BUTTON?.offset ?? -1;
const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: LABEL } };
const chip = new SimChip(LABEL, 18);
afterAll(() => chip.remove());

it('tells 10,000 edges at 1 kHz, or says how many it could not', async () => {
  const provider = await createProvider(contract, 'chardev', providerEnv({ board }));
  const edges: { edge: string; seq: number; timestampNs: bigint }[] = [];
  const blink = session(contract, 'blink', { lines: { BUTTON: { direction: 'in', edge: 'both' } } });
  await provider.bind(blink, async (_operation, message) => {
    edges.push(message as (typeof edges)[number]);
  });
  await call(contract, provider, blink, 'Watch', { line: 'BUTTON', edge: 'both' });
  const presser = beside(PRESSER, [chip.pullFile(BUTTON), String(EDGES), '1000']);
  expect(await presser.line()).toBe('ready');
  const before = interrupts();
  presser.tell('go');
  const [presses, ms] = (await presser.line()).split(' ').map(Number);
  await presser.end();
  // The last one is in when the count of the told and the missed has come to the kernel's.
  const count = () => edges.at(-1)?.seq ?? 0;
  await until(() => count() >= EDGES, 'all edges').catch(() => undefined);
  const made = interrupts() - before;
  console.log(
    `${presses} presses in ${Math.round(ms ?? 0)} ms: ${made} interrupts, ${edges.length} edges told, ` +
      `${count() - edges.length} reported as missed`,
  );
  expect(presses).toBe(EDGES);
  expect([made, count()]).toEqual([EDGES, EDGES]);
  for (const [index, { seq, timestampNs }] of edges.entries()) {
    const earlier = edges[index - 1];
    if (earlier === undefined) continue;
    expect(seq).toBeGreaterThan(earlier.seq);
    expect(timestampNs).toBeGreaterThan(earlier.timestampNs);
  }
  await provider.stop();
});
