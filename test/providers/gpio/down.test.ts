import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Provider, Session } from '#runtime/base/contract.js';
import { CharacterDeviceChip } from '#runtime/providers/iot-gpio/chardev/chip.js';
import { IOCTL } from '#runtime/providers/iot-gpio/chardev/uapi.js';
import contract, { type Grant } from '#runtime/providers/iot-gpio/contract.js';
import { GpioProvider } from '#runtime/providers/iot-gpio/provider.js';
import { recordingLogger, session, TEST_BOARD, until } from '../../helpers/providers.js';
import { ENODEV, FakeKernel } from './fake-kernel.js';

const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: 'pins' } };
const names = Object.keys(board.gpio.lines);

const granted = (actor: string, lines: unknown) => session(contract, actor, { lines }) as Session<Grant>;

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

it('an output comes to its safe level though a line of another actor has gone', async () => {
  const BUTTON = { direction: 'in', edge: 'both' };
  await provider.bind(session(contract, 'door', { lines: { BUTTON } }), async () => undefined);
  const gpio = provider as GpioProvider;
  gpio.watch(granted('door', { BUTTON }), 'BUTTON', { edge: 'both', debounceUs: 5 });
  const RELAY = { direction: 'out', safe: 0 };
  await provider.bind(session(contract, 'blink', { lines: { RELAY } }), async () => undefined);
  chip.write('RELAY', 1);
  kernel.failing.set(IOCTL.setConfig, ENODEV);
  await expect(provider.stop()).rejects.toMatchObject({ code: 'E_UNAVAILABLE' });
  expect([kernel.levels.get(1), kernel.open]).toEqual([0, 1]);
});

it('code that watches no more is told nothing, though another provider took over meanwhile', async () => {
  const door = granted('door', { BUTTON: { direction: 'in', edge: 'both' } });
  const told: unknown[] = [];
  const provide = provider as GpioProvider;
  await provide.bind(door, async (_operation, message) => void told.push(message));
  provide.watch(door, 'BUTTON', { edge: 'both', debounceUs: 0 });
  kernel.edges(2, [1]);
  await until(() => told.length === 1, 'an edge');
  const drop = provide.renew(door);
  const next = new GpioProvider(
    new CharacterDeviceChip(board, 'iot-host pi-01', recordingLogger([]), kernel),
    board,
    recordingLogger([]),
  );
  next.takeOver(provide as Provider<never>);
  await drop();
  const configured = kernel.calls.filter(({ request }) => request === IOCTL.setConfig).length;
  expect(configured).toBe(2);
  kernel.edges(2, [2]);
  await new Promise((done) => setTimeout(done, 50));
  expect(told).toHaveLength(1);
  await next.stop();
});
