import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { joinGroup } from '#runtime/base/linux/group.js';
import { listBoards, loadBoard } from '#runtime/compose/board-data.js';
import { checkAgainstBoard } from '#runtime/providers/iot-gpio/against-board.js';
import { sharedPins } from '#runtime/providers/iot-gpio/claims.js';
import gpio, { type Grant } from '#runtime/providers/iot-gpio/contract.js';
import serial from '#runtime/providers/iot-serial/contract.js';
import { failure } from '../../helpers/providers.js';

const grant = (...lines: string[]) =>
  gpio.parseGrant({ lines: Object.fromEntries(lines.map((line) => [line, { direction: 'in' }])) }) as Grant;

describe('what a board says of its lines', () => {
  it('keeps a reserved line from everybody, and says why', async () => {
    const board = await loadBoard('raspberry-pi-4');
    const refused = await failure(() => checkAgainstBoard(grant('GPIO17', 'GPIO0'), board));
    expect(refused).toContain(
      'E_CONFIG line GPIO0 of board raspberry-pi-4 is not to be used: EEPROM of a HAT',
    );
    expect(await failure(() => checkAgainstBoard(grant('GPIO17'), board))).toBe('nothing was thrown');
  });

  it('warns of a line that is a pin of a serial port which is switched on', async () => {
    const board = await loadBoard('raspberry-pi-4');
    const lines = grant('GPIO17', 'GPIO14');
    const on = (path: string) => path === board.ports.uart0?.path;
    expect(sharedPins(lines, board, on)).toEqual([
      `line GPIO14 is header pin 8, which is TXD of port uart0 (${board.ports.uart0?.path} is there): use one of them`,
    ]);
    expect(sharedPins(lines, board, () => false)).toEqual([]);
    expect(sharedPins(grant('GPIO17'), board, on)).toEqual([]);
  });

  it('makes pins and ports of a simulated board simulated ones by default, and of all others real', async () => {
    for (const name of await listBoards()) {
      const board = await loadBoard(name);
      const defaults = [gpio.defaultImplementation(board), serial.defaultImplementation(board)];
      expect([name, ...defaults]).toEqual([
        name,
        ...(name === 'sim' ? ['sim', 'sim'] : ['chardev', 'serialport']),
      ]);
    }
    const sim = await loadBoard('sim');
    const ports = { meter: { path: '/dev/ttyUSB0' } };
    expect(serial.defaultImplementation({ ...sim, ports })).toBe('serialport');
  });
});

describe('joinGroup', () => {
  it('names the group that owns a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'iot-group-'));
    const device = join(folder, 'gpiochip0');
    const groups = join(folder, 'group');
    writeFileSync(device, '');
    writeFileSync(groups, `daemon:x:999999:\npins:x:${process.getgid?.()}:me\n`);
    expect(joinGroup(device, groups)).toBe('sudo usermod -aG pins $USER, then log in again');
    writeFileSync(groups, `root:x:${process.getgid?.()}:\n`);
    expect(joinGroup(device, groups)).toContain('only root may open it');
    expect(joinGroup(join(folder, 'nothing'), groups)).toContain('only root may open it');
    rmSync(folder, { recursive: true });
  });
});
