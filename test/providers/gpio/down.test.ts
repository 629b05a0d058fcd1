import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Provider } from '#runtime/base/contract.js';
import { CharacterDeviceChip } from '#runtime/providers/iot-gpio/chardev/chip.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { GpioProvider } from '#runtime/providers/iot-gpio/provider.js';
import { recordingLogger, session, TEST_BOARD } from '../../helpers/providers.js';
import { FakeKernel } from './fake-kernel.js';

const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: 'pins' } };
const names = Object.keys(board.gpio.lines);

let kernel: FakeKernel;
let chip: CharacterDeviceChip;
let provider: Provider;
beforeEach(() => {
  kernel = new FakeKernel([{ label: 'pins', lines: 18 }]);
  chip = new CharacterDeviceChip(board, 'iot-host pi-01', recordingLogger([]), kernel);
  provider = new GpioProvider(chip, board, recordingLogger([])) as Provider;
});
afterEach(async () => {
  await provider.stop();
  chip.stop();
  kernel.remove();
});

it('lines that come to an actor that is down are at rest, and not its own thread’s to drive', async () => {
  const bind = (lines: unknown) =>
    provider.bind(session(contract, 'blink', { lines }), async () => undefined);
  /** As the actor's thread would. */
  const drives = (line: string) => chip.table.use(names.indexOf(line), 'blink', true, () => true) ?? false;
  const LED = { direction: 'out', safe: 0 };
  const RELAY = { direction: 'out', safe: 1 };
  await bind({ LED });
  const blink = session(contract, 'blink', { lines: { LED } });
  await provider.standDown?.(blink);
  await bind({ LED: { ...LED, drive: 'open-drain' }, RELAY });
  expect([kernel.levels.get(0), kernel.levels.get(1)]).toEqual([0, 1]);
  expect([drives('LED'), drives('RELAY')]).toEqual([false, false]);
  provider.renew?.(blink);
  expect([drives('LED'), drives('RELAY')]).toEqual([true, true]);
});

it('outputs are at their safe level when their lines are let go of', async () => {
  const lines = { LED: { direction: 'out', safe: 0 }, RELAY: { direction: 'out', safe: 1 } };
  await provider.bind(session(contract, 'blink', { lines }), async () => undefined);
  chip.write('LED', 1);
  chip.write('RELAY', 0);
  await provider.stop();
  // A pin keeps the level that it had last; the chip alone is still open.
  expect([kernel.levels.get(0), kernel.levels.get(1), kernel.open]).toEqual([0, 1, 1]);
});
