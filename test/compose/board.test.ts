import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Board, type BoardPort, ChipData } from '#runtime/base/board.js';
import { chooseBoard, deviceTree, recogniseBoard } from '#runtime/compose/board.js';
import { listBoards, loadBoard } from '#runtime/compose/board-data.js';
import { recordingLogger, temporaryDir } from '../helpers/providers.js';

const names = await listBoards();
const boards = await Promise.all(names.map(loadBoard));
const withHeader = boards.filter(({ pins }) => pins !== undefined);

/** Ports and buses by name. */
const units = ({ ports, i2c, spi }: Board): [string, BoardPort][] =>
  [ports, i2c, spi].flatMap((kind) => Object.entries(kind));

it('there are the boards that are promised', () => {
  expect(names).toEqual([
    'raspberry-pi-3',
    'raspberry-pi-4',
    'raspberry-pi-5',
    'raspberry-pi-cm4',
    'raspberry-pi-zero-2w',
    'sim',
  ]);
});

describe.each(boards.map((board) => [board.name, board] as const))('board %s', (name, board) => {
  it('is called as its file is, and says where its figures come from', () => {
    expect(board).toMatchObject({ name, source: expect.stringMatching(/.{20}/) });
  });

  it('has no two names for one line', () => {
    const places = Object.values(board.gpio.lines).map(({ chip, offset }) => `${chip ?? ''}/${offset}`);
    expect(places).toHaveLength(new Set(places).size);
    expect(places.length).toBeGreaterThan(5);
  });

  it('has no two ports at one place', () => {
    const paths = units(board).map(([, { path }]) => path);
    expect(paths).toHaveLength(new Set(paths).size);
  });
});

describe.each(withHeader.map((board) => [board.name, board] as const))('the header of %s', (_, board) => {
  const pins = Object.entries(board.pins?.pins ?? {});

  it('has 40 pins, of which 28 are lines', () => {
    const positions = pins.map(([position]) => Number(position)).sort((one, other) => one - other);
    expect(positions).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const gpios = pins.flatMap(([, pin]) => ('gpio' in pin ? [pin.gpio] : [])).sort((a, b) => a - b);
    expect(gpios).toEqual(Array.from({ length: 28 }, (_, index) => index));
    const power = pins.flatMap(([, pin]) => ('power' in pin ? [pin.power] : [])).sort();
    expect(power).toEqual([...Array(2).fill('3V3'), ...Array(2).fill('5V'), ...Array(8).fill('GND')]);
  });

  it('leads to lines that the chip has', async () => {
    const file = new URL(`../../boards/chips/${board.gpio.chip}.yaml`, import.meta.url);
    const chip = ChipData.parse(parse(await readFile(file, 'utf8')));
    expect(chip.label).toBe(board.gpio.chip);
    for (const line of [
      ...Object.keys(chip.functions),
      ...pins.flatMap(([, pin]) => 'gpio' in pin && pin.gpio),
    ])
      expect(Number(line)).toBeLessThan(chip.lines);
    for (const functions of Object.values(chip.functions)) {
      expect(functions).toHaveLength(new Set(functions).size);
      for (const text of functions)
        expect(text).toMatch(/^((UART|I2C|SPI|I2S|PCM)\d? [A-Z]+\d?|GPCLK\d|PWM\d(\/\d)?)$/);
    }
  });

  it.each(units(board).filter(([, { pins }]) => pins !== undefined))(
    'carries %s where the board says',
    (name, { pins = {}, enable }) => {
      // `spi0-1`: chip select 1 of unit SPI0.
      const unit = name.toUpperCase().replace(/-\d$/, '');
      for (const [signal, position] of Object.entries(pins)) {
        const line = Object.values(board.gpio.lines).find(({ pin }) => pin === position);
        expect(line?.functions, `${signal} at pin ${position}`).toContain(`${unit} ${signal}`);
      }
      expect(Object.keys(pins).length).toBeGreaterThan(1);
      expect(new Set(Object.values(pins)).size).toBe(Object.keys(pins).length);
      expect(enable).toMatch(/config\.txt/);
    },
  );

  it('keeps the pins of a HAT’s memory from everybody', () => {
    const reserved = Object.entries(board.gpio.lines).filter(([, line]) => line.reserved !== undefined);
    expect(reserved.map(([name]) => name).sort()).toEqual(['GPIO0', 'GPIO1']);
  });
});

it('every chip is that of a board', async () => {
  const files = await readdir(new URL('../../boards/chips/', import.meta.url));
  const used = new Set(withHeader.map(({ gpio }) => `${gpio.chip}.yaml`));
  expect(files.sort()).toEqual([...used].sort());
});

it('a reserved line is refused, with the reason', async () => {
  const { default: contract } = await import('#runtime/providers/iot-gpio/contract.js');
  const { checkAgainstBoard } = await import('#runtime/providers/iot-gpio/against-board.js');
  const grant = contract.parseGrant({ lines: { GPIO0: { direction: 'out' } } });
  const board = await loadBoard('raspberry-pi-4');
  expect(() => checkAgainstBoard(grant as never, board)).toThrow(
    /GPIO0 .* is not to be used: EEPROM of a HAT/,
  );
});

describe('the board of a machine', () => {
  let dir: ReturnType<typeof temporaryDir>;
  beforeEach(() => {
    dir = temporaryDir();
  });
  afterEach(() => dir.remove());

  async function tree(...entries: string[]): Promise<string> {
    const file = join(dir.path, 'compatible');
    await writeFile(file, entries.map((entry) => `${entry}\0`).join(''));
    return file;
  }

  it('no two boards claim one machine', () => {
    const claimed = boards.flatMap(({ compatible }) => compatible);
    expect(claimed).toHaveLength(new Set(claimed).size);
    for (const board of withHeader) expect(board.compatible.length).toBeGreaterThan(0);
  });

  it.each([
    ['raspberrypi,3-model-b', 'brcm,bcm2837', 'raspberry-pi-3'],
    ['raspberrypi,model-zero-2-w', 'brcm,bcm2837', 'raspberry-pi-zero-2w'],
    ['raspberrypi,400', 'brcm,bcm2711', 'raspberry-pi-4'],
    ['raspberrypi,4-compute-module', 'brcm,bcm2711', 'raspberry-pi-cm4'],
    ['raspberrypi,5-model-b', 'brcm,bcm2712', 'raspberry-pi-5'],
  ])('is recognised: %s', async (own, chip, name) => {
    const lines: string[] = [];
    const file = await tree(own, chip);
    expect(await recogniseBoard(await deviceTree(file))).toBe(name);
    expect(await chooseBoard('auto', recordingLogger(lines), file)).toMatchObject({ name });
    expect(lines).toEqual([`info board: ${name}, as the device tree of this machine says {}`]);
  });

  it('is the simulated one without a device tree, and with one that is not known: there with a warning', async () => {
    const lines: string[] = [];
    const log = recordingLogger(lines);
    expect((await chooseBoard('auto', log, join(dir.path, 'none'))).name).toBe('sim');
    expect((await chooseBoard('auto', log, await tree('pine64,rock64', 'rockchip,rk3328'))).name).toBe('sim');
    expect(lines).toEqual([
      'info board: sim, as this machine has no device tree: its pins are simulated {}',
      'warn board: sim, as no board is known by the name pine64,rock64: its pins are simulated {}',
    ]);
  });

  it('is what the configuration says, whatever the machine is; a name that is not there is refused', async () => {
    const lines: string[] = [];
    const file = await tree('raspberrypi,5-model-b');
    expect((await chooseBoard('sim', recordingLogger(lines), file)).name).toBe('sim');
    expect(lines).toEqual([]);
    await expect(chooseBoard('../sim', recordingLogger(lines), file)).rejects.toMatchObject({
      code: 'E_CONFIG',
      hint: expect.stringContaining('raspberry-pi-zero-2w'),
    });
  });
});
