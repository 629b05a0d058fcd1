import { describe } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { chooseBoard } from '#runtime/compose/board.js';
import { testGpioOverWire, type Wire } from './over-wire.js';

// Two free lines of this machine's header, joined by a wire: `GPIO23,GPIO24`, or with the board `GPIO23,GPIO24,raspberry-pi-4`.
const setting = process.env.IOT_TEST_GPIO;
const missing = 'does not name two lines, such as GPIO23,GPIO24';
if (setting === undefined) {
  process.stderr.write(`skipped two pins joined by a wire: IOT_TEST_GPIO ${missing}\n`);
}
const [hand = '', line = '', board = 'auto', ...more] = (setting ?? '').split(',');
if (setting !== undefined && (hand === '' || line === '' || hand === line || more.length > 0)) {
  throw new Error(`IOT_TEST_GPIO=${setting} ${missing}`);
}

async function wire(): Promise<Wire> {
  return { board: await chooseBoard(board, silentLogger), hand, line };
}

describe.skipIf(setting === undefined)('two pins of this machine', { timeout: 60_000 }, () => {
  describe('the second one an input', () => testGpioOverWire('BUTTON', wire));
  describe('the second one an output', () => testGpioOverWire('LED', wire));
});
