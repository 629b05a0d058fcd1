import { afterAll } from 'vitest';
import type { Provider } from '#runtime/base/contract.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import {
  call,
  createProvider,
  providerEnv,
  recordingLogger,
  session,
  TEST_BOARD,
} from '../helpers/providers.js';
import { type Passage, testGpioContract } from '../providers/gpio.contract.js';

const LABEL = 'lab-contract';
const lines = TEST_BOARD.gpio.lines;
const chip = new SimChip(LABEL, 18);
const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: LABEL } };
const offset = (line: string) => lines[line]?.offset ?? -1;

/** The kernel's own time: a step is 10 ms, and nothing is expected closer than 30 steps to when it may happen. */
const ITS_OWN: Passage = {
  stepMs: 10,
  slack: 30,
  begin: () => undefined,
  end: () => undefined,
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** The thread that waits for edges takes a second to start here, longer than the tests wait for an edge. */
async function warmUp(provider: Provider): Promise<void> {
  await provider.start(new AbortController().signal);
  const early = session(contract, 'early', { lines: { GPIO17: { direction: 'in', edge: 'both' } } });
  await provider.bind(early, async () => undefined);
  await call(contract, provider, early, 'Watch', { line: 'GPIO17', edge: 'both' });
  // This waits for the thread's answer.
  await provider.unbind(early);
}

testGpioContract(
  'chardev',
  async (logs) => {
    // A released line of this chip has the level that it is pulled to; a pin on a board keeps the one it had.
    chip.press(offset('RELAY'), 1);
    chip.press(offset('BUTTON'), 1);
    const env = providerEnv({ board, logger: recordingLogger(logs) });
    const provider = await createProvider(contract, 'chardev', env);
    await warmUp(provider);
    return {
      provider,
      press: (line, value) => chip.press(offset(line), value),
      level: (line) => chip.level(offset(line)),
    };
  },
  // The chip's only force on an input is its bias: with one, every new configuration would press the button anew.
  { time: ITS_OWN, bias: 'none' },
);
afterAll(() => chip.remove());
