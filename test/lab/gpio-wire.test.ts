import { afterAll, beforeAll, describe } from 'vitest';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { TEST_BOARD } from '../helpers/providers.js';
import { testGpioOverWire } from '../providers/gpio/over-wire.js';
import { type Beside, beside } from './beside.js';

// What IOT_TEST_GPIO does on a board, with a program that stands for the wire.
const LABEL = 'lab-wire';
const [A, B] = [3, 4];
const board = {
  ...TEST_BOARD,
  gpio: {
    ...TEST_BOARD.gpio,
    chip: LABEL,
    lines: { A: { offset: A, direction: 'any' as const }, B: { offset: B, direction: 'any' as const } },
  },
};

/** Pulls the line of the file argv[2] to the level that the file argv[1] tells. */
const WIRE = `
const { openSync, readSync, writeSync } = require('node:fs');
require('node:os').setPriority(-20);
const [, level, pull] = process.argv;
const [from, to] = [openSync(level, 'r'), openSync(pull, 'r+')];
const cell = new Int32Array(new SharedArrayBuffer(4));
const buffer = Buffer.alloc(4);
console.log('ready');
for (let before; ; Atomics.wait(cell, 0, 0, 0.5)) {
  readSync(from, buffer, 0, 4, 0);
  if (buffer[0] === before) continue;
  before = buffer[0];
  writeSync(to, before === 49 ? 'pull-up' : 'pull-down', 0);
}
`;

const ONLY =
  /^(starts outputs|tells edges|puts outputs into their safe state on|turns levels|passes everything on)/;

describe.each([
  ['an input', 'BUTTON', A, B],
  ['an output', 'LED', B, A],
] as const)('two lines that are joined, the actor’s %s', (_what, role, from, to) => {
  let chip: SimChip;
  let wire: Beside;
  beforeAll(async () => {
    chip = new SimChip(LABEL, 8);
    wire = beside(WIRE, [chip.valueFile(from), chip.pullFile(to)]);
    await wire.line();
  });
  afterAll(async () => {
    await wire.end();
    chip.remove();
  });
  testGpioOverWire(role, async () => ({ board, hand: 'A', line: 'B' }), ONLY);
});
