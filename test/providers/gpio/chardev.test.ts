import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IotError } from '#runtime/base/errors.js';
import { CharacterDeviceChip } from '#runtime/providers/iot-gpio/chardev/chip.js';
import { listChips, oldKernel } from '#runtime/providers/iot-gpio/chardev/chips.js';
import { FLAG, IOCTL } from '#runtime/providers/iot-gpio/chardev/uapi.js';
import type { LineGrant } from '#runtime/providers/iot-gpio/contract.js';
import { recordingLogger, TEST_BOARD, until } from '../../helpers/providers.js';
import { EACCES, EAGAIN, EBUSY, EINVAL, ENODEV, EPERM, FakeKernel } from './fake-kernel.js';

const OUT: LineGrant = { direction: 'out', safe: 0, drive: 'push-pull' };
const IN: LineGrant = { direction: 'in', bias: 'none', edge: 'both', debounceMs: 0 };
const BOTH = { edge: 'both', debounceUs: 0 } as const;
const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: 'pins' } };

describe('CharacterDeviceChip over a made-up kernel', () => {
  let kernel: FakeKernel;
  let chip: CharacterDeviceChip;
  const logs: string[] = [];

  const make = (
    chips = [
      { label: 'other', lines: 4 },
      { label: 'pins', lines: 18 },
    ],
  ) => {
    kernel = new FakeKernel(chips);
    logs.length = 0;
    const { system, folder } = kernel;
    chip = new CharacterDeviceChip(board, 'iot-host pi-01', recordingLogger(logs), { system, folder });
  };
  const failure = (work: () => unknown) => {
    try {
      work();
    } catch (thrown) {
      const { code, message, hint } = thrown as IotError;
      return `${code} ${message}${hint === undefined ? '' : ` | ${hint}`}`;
    }
    return 'nothing was thrown';
  };
  beforeEach(() => make());
  afterEach(() => {
    for (const line of Object.keys(board.gpio.lines)) chip.release(line);
    chip.stop();
    kernel.remove();
  });

  it('finds the chip by its label, asks for lines with their level, and lets go of all it opened', () => {
    expect(listChips(kernel.folder, kernel.system).map(({ label, lines }) => `${label} ${lines}`)).toEqual([
      'other 4',
      'pins 18',
    ]);
    chip.start();
    chip.claim('RELAY', OUT, 1, 'blink');
    const request = kernel.calls.find((call) => call.request === IOCTL.getLine)?.argument;
    expect([request?.[0], request?.[328]]).toEqual([1, 1]);
    chip.write('RELAY', 1);
    expect([chip.read('RELAY'), kernel.levels.get(1), kernel.open]).toEqual([1, 1, 2]);
    chip.release('RELAY');
    chip.stop();
    expect(kernel.open).toBe(0);
    expect(failure(() => chip.read('RELAY'))).toContain('E_NOT_BOUND');
  });

  it('asks for a line that is active low, and for none where the board has turned it round already', () => {
    const flagsOf = (activeLow: boolean, settings: LineGrant) => {
      const lines = { ...board.gpio.lines, RELAY: { offset: 1, direction: 'any' as const, activeLow } };
      const turned = { ...board, gpio: { ...board.gpio, lines } };
      const { system, folder } = kernel;
      const other = new CharacterDeviceChip(turned, 'iot-host', recordingLogger(logs), { system, folder });
      other.claim('RELAY', settings, 0, 'blink');
      other.release('RELAY');
      other.stop();
      const request = kernel.calls.findLast((call) => call.request === IOCTL.getLine)?.argument;
      return new DataView(request?.buffer ?? new ArrayBuffer(0), request?.byteOffset).getBigUint64(288, true);
    };
    for (const settings of [OUT, IN]) {
      const low: LineGrant = { ...settings, active: 'low' };
      expect(flagsOf(false, low)).toBe(flagsOf(false, settings) | FLAG.activeLow);
      expect(flagsOf(true, low)).toBe(flagsOf(false, settings));
      expect(flagsOf(true, { ...settings, active: 'high' })).toBe(flagsOf(false, low));
    }
  });

  it('names who holds a line', () => {
    kernel.taken.set(0, 'spi0 CS0');
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain(
      'E_BUSY line LED (0 of pins) is in use by "spi0 CS0"',
    );
    kernel.taken.set(0, '');
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain('in use by another program');
    kernel.failing.set(IOCTL.lineInfo, EINVAL);
    make();
    kernel.failing.set(IOCTL.getLine, EBUSY);
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain('E_BUSY');
    expect(failure(() => chip.write('LED', 1))).toContain('E_NOT_BOUND');
  });

  it('says what is not there', () => {
    make([]);
    expect(failure(() => chip.start())).toBe(
      'E_UNAVAILABLE this machine has no GPIO chip "pins" | board: sim works without pins',
    );
    make([{ label: 'other', lines: 4 }]);
    expect(failure(() => chip.start())).toContain('it has other: is board: right?');
    make([{ label: 'pins', lines: 17 }]);
    expect(failure(() => chip.claim('GPIO17', OUT, 0, 'blink'))).toContain(
      'E_UNAVAILABLE line GPIO17 (17 of pins) is not there',
    );
    make();
    kernel.failing.set(IOCTL.getLine, ENODEV);
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain(
      'E_UNAVAILABLE line LED (0 of pins) is gone',
    );
    kernel.failing.set(IOCTL.getLine, EINVAL);
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain('E_PROVIDER');
  });

  it('says what is not permitted, and to whom it is', () => {
    kernel.openFails = EACCES;
    expect(failure(() => chip.start())).toMatch(
      /^E_UNAVAILABLE .*gpiochip0 may not be opened \(EACCES\) \| (only root may open it|sudo usermod -aG)/,
    );
    kernel.openFails = 0;
    kernel.failing.set(IOCTL.getLine, EPERM);
    expect(failure(() => chip.claim('LED', OUT, 0, 'blink'))).toContain(
      'E_UNAVAILABLE line LED (0 of pins) may not',
    );
  });

  it('says that the kernel is too old', () => {
    kernel.failing.set(IOCTL.lineInfo, EINVAL);
    expect(failure(() => chip.start())).toContain('Linux 5.10 or later');
    expect(kernel.open).toBe(0);
    expect(oldKernel(EINVAL, '5.4.0-42-generic').message).toContain('or later, this is 5.4.0-42-generic');
    expect(oldKernel(EINVAL, '5.10.0').message).toContain('this kernel, 5.10.0, does not have it (EINVAL)');
    expect(oldKernel(EINVAL, '6.1.0').message).toContain('does not have it');
  });

  it('gives an error for a line that goes away while it is held', () => {
    chip.claim('LED', OUT, 0, 'blink');
    kernel.failing.set(IOCTL.setValues, ENODEV).set(IOCTL.getValues, ENODEV);
    expect(failure(() => chip.write('LED', 1))).toContain('E_UNAVAILABLE line LED (0 of pins) is gone');
    expect(failure(() => chip.read('LED'))).toContain('is gone');
    kernel.failing.set(IOCTL.setConfig, ENODEV);
    chip.claim('BUTTON', IN, 0, 'blink');
    expect(failure(() => chip.watch('BUTTON', BOTH, () => undefined))).toContain('is gone');
    chip.unwatch('BUTTON');
  });

  it('tells edges in order and counts those that are missing, the first ones included', async () => {
    chip.claim('BUTTON', IN, 0, 'blink');
    const told: string[] = [];
    let number = 0;
    const onEdge = (edge: string, at: bigint, missed: number) => {
      number += 1 + missed;
      told.push(`${number} ${edge} ${at} ${missed}`);
    };
    chip.watch('BUTTON', BOTH, onEdge);
    kernel.edges(2, [3, 4]);
    await until(() => told.length === 2, 'two edges');
    kernel.edges(2, [7]);
    await until(() => told.length === 3, 'three edges');
    expect(told).toEqual(['3 rising 3000 2', '4 falling 4000 0', '7 rising 7000 2']);
    expect(logs.filter((line) => line.startsWith('warn line BUTTON: 2 edges came faster'))).toHaveLength(2);
    chip.unwatch('BUTTON');
    // Those of the time in between are nobody's, and not missed either.
    kernel.edges(2, [8, 9]);
    chip.watch('BUTTON', BOTH, () => undefined);
    chip.watch('BUTTON', { edge: 'rising', debounceUs: 20_000 }, onEdge);
    kernel.edges(2, [11]);
    await until(() => told.length === 4, 'four edges');
    expect(told.at(-1)).toBe('9 rising 11000 1');
  });

  it('loses none to a watch that takes the place of its like', async () => {
    chip.claim('BUTTON', IN, 0, 'blink');
    const told: string[] = [];
    chip.watch('BUTTON', BOTH, (edge) => told.push(`old ${edge}`));
    kernel.edges(2, [1]);
    await until(() => told.length === 1, 'the first edge');
    kernel.edges(2, [2, 3]);
    chip.watch('BUTTON', { ...BOTH }, (edge, _at, missed) => told.push(`new ${edge} ${missed}`));
    await until(() => told.length === 3, 'three edges');
    expect(told).toEqual(['old rising', 'new falling 0', 'new rising 0']);
  });

  it('opens a chip anew that was pulled out and put back', () => {
    chip.claim('RELAY', OUT, 1, 'blink');
    kernel.replug();
    expect(failure(() => chip.write('RELAY', 0))).toContain('is gone (ENODEV)');
    chip.release('RELAY');
    chip.claim('RELAY', OUT, 1, 'blink');
    chip.write('RELAY', 1);
    expect([chip.read('RELAY'), kernel.levels.get(1), kernel.open]).toEqual([1, 1, 2]);
  });

  it('goes on when there was nothing to read, and says so when there is nothing to wait for any more', async () => {
    chip.claim('BUTTON', IN, 0, 'blink');
    const told: string[] = [];
    const watch = () => chip.watch('BUTTON', BOTH, (edge) => void told.push(edge));
    watch();
    kernel.readsFail.push(EAGAIN);
    kernel.edges(2, [1]);
    await until(() => told.length === 1, 'the edge');
    expect([told, logs]).toEqual([['rising'], []]);
    kernel.readsFail.push(ENODEV);
    kernel.edges(2, [2]);
    await until(() => logs.length === 1, 'the end');
    expect(logs[0]).toContain('error line BUTTON: edges are not told any more (ENODEV)');
    expect(chip.problem()).toBe('line BUTTON: edges are not told any more (ENODEV)');
    // Nothing stands in the way of a new one.
    watch();
    expect(chip.problem()).toBeUndefined();
    await until(() => told.length === 2, 'the edge that was left');
  });

  it('waits for several lines at once, and for a line again that another one was', async () => {
    for (const line of ['BUTTON', 'GPIO17']) chip.claim(line, IN, 0, 'blink');
    const counts = { BUTTON: 0, GPIO17: 0 };
    const watch = (line: keyof typeof counts) =>
      chip.watch(line, BOTH, (_edge, _at, missed) => {
        counts[line] += 1 + missed;
      });
    watch('BUTTON');
    watch('GPIO17');
    for (let batch = 0; batch < 50; batch++) {
      const seqs = Array.from({ length: 40 }, (_, index) => 40 * batch + index + 1);
      kernel.edges(2, seqs);
      kernel.edges(17, seqs);
      await until(() => counts.GPIO17 === 40 * (batch + 1), 'a batch');
    }
    await until(() => counts.BUTTON === 2_000, 'all edges');
    expect(counts).toEqual({ BUTTON: 2_000, GPIO17: 2_000 });
    chip.release('BUTTON');
    chip.claim('BUTTON', IN, 0, 'blink');
    watch('BUTTON');
    kernel.edges(2, [1]);
    await until(() => counts.BUTTON === 2_001, 'an edge of the new one');
  });
});
