import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run as runWith } from '#runtime/cli/run.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { emptyHome, inProcess } from './iot-host.js';

const ACTORS = [
  {
    name: 'door',
    bindings: [
      {
        contract: 'iot:gpio',
        lines: { GPIO17: { direction: 'in', bias: 'pull-up', edge: 'both' }, GPIO27: { direction: 'out' } },
      },
    ],
  },
  {
    name: 'meter',
    bindings: [
      {
        contract: 'iot:serial',
        ports: { uart3: { baudRate: 19200, parity: 'even' }, adapter: {} },
      },
    ],
  },
];
const GOLDEN = new URL('./board.golden.txt', import.meta.url);

const cleanup = new Cleanup();
const before = process.cwd();
let place: Awaited<ReturnType<typeof emptyHome>>;
beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  await writeFile(
    'iot-host.yaml',
    JSON.stringify({ device: 'pi-01', board: 'raspberry-pi-4', actors: ACTORS }),
  );
});
afterAll(async () => {
  process.chdir(before);
  await cleanup.run();
});

const run = (...args: string[]) => inProcess(args, place);

/** The same on a terminal of that width. */
async function onTerminal(columns: number, ...args: string[]): Promise<string> {
  let stdout = '';
  const { NO_COLOR: _, ...env } = place.env;
  const write = (text: string) => {
    stdout += text;
  };
  await runWith(args, { env, stdout: { write, isTTY: true, columns }, stderr: { write() {} } });
  return stdout;
}

describe('board show', () => {
  it('draws the header of the configuration’s board with what is in use', async () => {
    const { code, stdout } = await run('board', 'show');
    expect(code).toBe(0);
    expect(stdout).toBe(await readFile(GOLDEN, 'utf8'));
  });

  it('fits 80 columns, whichever board', async () => {
    const { stdout } = await run('board', 'list', '--json');
    const { boards } = JSON.parse(stdout).data;
    expect(boards).toHaveLength(6);
    for (const { name } of boards) {
      const lines = (await onTerminal(80, 'board', 'show', name, '--no-color')).split('\n');
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(lines.length).toBeGreaterThan(8);
    }
  });

  it('colours a terminal, unless it is told not to, and colours change nothing else', async () => {
    const plain = await onTerminal(80, 'board', 'show', '--no-color');
    const coloured = await onTerminal(80, 'board', 'show');
    expect(plain).toBe(stripVTControlCharacters(plain));
    expect(coloured).not.toBe(plain);
    expect(stripVTControlCharacters(coloured)).toBe(plain);
    expect(plain).toBe((await run('board', 'show')).stdout);
  });

  it('takes fewer lines on a wide terminal, and says the same', async () => {
    const narrow = await onTerminal(80, 'board', 'show', '--no-color');
    const wide = await onTerminal(200, 'board', 'show', '--no-color');
    expect(wide.split('\n').length).toBeLessThan(narrow.split('\n').length);
    const words = (text: string) => (text.match(/[A-Z0-9/]+/g) ?? []).sort();
    expect(words(wide)).toEqual(words(narrow));
  });

  it('is JSON for a script: all 40 pins, and who has what', async () => {
    const { data } = JSON.parse((await run('board', 'show', '--json')).stdout);
    expect(data).toMatchObject({ name: 'raspberry-pi-4', chip: 'pinctrl-bcm2711', inUseBy: 'iot-host.yaml' });
    expect(data.pins).toHaveLength(40);
    expect(data.pins[10]).toMatchObject({ pin: 11, line: 'GPIO17', actor: 'door', use: 'in pull-up' });
    expect(data.pins[8]).toEqual({ pin: 9, power: 'GND' });
    expect(data.pins[12]).toMatchObject({ line: 'GPIO27', actor: 'door', use: 'out' });
    expect(data.pins[26]).toMatchObject({ line: 'GPIO0', reserved: expect.stringContaining('HAT') });
    const uart = data.ports.find(({ name }: { name: string }) => name === 'uart3');
    expect(uart).toMatchObject({ actor: 'meter', use: '19200 8E1', pins: { TXD: 7, RXD: 29 } });
    expect(data.others).toEqual([{ actor: 'meter', kind: 'port', name: 'adapter', use: '9600 8N1' }]);
  });

  it('of another board shows nobody’s use', async () => {
    const { data } = JSON.parse((await run('board', 'show', 'raspberry-pi-5', '--json')).stdout);
    expect(data).toMatchObject({ name: 'raspberry-pi-5', inUseBy: null, others: [] });
    expect(data.pins.filter(({ actor }: { actor?: string }) => actor)).toEqual([]);
  });

  it('shows lines by the names that the configuration gives them, on a board of one’s own', async () => {
    const own = { name: 'greenhouse', title: 'Greenhouse', source: 'own wiring' };
    const gpio = { chip: 'pinctrl-bcm2711', header: 'raspberry-pi-40', lines: { RELAY: { offset: 27 } } };
    await writeFile('greenhouse.yaml', JSON.stringify({ ...own, gpio }));
    const lines = { LED: { direction: 'out' }, RELAY: { direction: 'out' } };
    const actors = [{ name: 'blink', bindings: [{ contract: 'iot:gpio', lines }] }];
    const config = { device: 'pi-01', board: './greenhouse.yaml', lines: { LED: 'GPIO17' }, actors };
    await writeFile('named.yaml', JSON.stringify(config));
    const shown = await run('board', 'show', '-c', 'named.yaml');
    expect(shown.stdout).toMatch(/^Greenhouse \(greenhouse\)$/m);
    expect(shown.stdout).toMatch(/^ *LED: \[blink out\] .* GPIO17 11/m);
    expect(shown.stdout).toMatch(/^ *RELAY: \[blink out\] .*GPIO27 13/m);
    const { data } = JSON.parse((await run('board', 'show', '-c', 'named.yaml', '--json')).stdout);
    expect(data.pins[10]).toMatchObject({ gpio: 'GPIO17', line: 'LED', actor: 'blink' });
    const other = JSON.parse((await run('board', 'show', './greenhouse.yaml', '--json')).stdout).data;
    expect(other).toMatchObject({ name: 'greenhouse', inUseBy: null });
  });

  it('of a board or a configuration that is not there is refused', async () => {
    expect(await run('board', 'show', 'raspberry-pi-9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('boards: raspberry-pi-3, raspberry-pi-4'),
    });
    expect(await run('board', 'show', '-c', 'none.yaml')).toMatchObject({ code: 2 });
  });

  it('asks a device for its board and what it holds right now', async () => {
    const device = await TestDevice.start(cleanup, {
      config: {
        board: 'raspberry-pi-3',
        control: { openReading: true },
        providers: [{ contract: 'iot:gpio', use: 'sim' }],
        actors: [ACTORS[0]],
      },
    });
    const from = ['--device', 'pi-01', '--broker', device.broker];
    const { data } = JSON.parse((await run('board', 'show', ...from, '--json')).stdout);
    expect(data).toMatchObject({ name: 'raspberry-pi-3', inUseBy: 'device pi-01' });
    expect(data.pins[10]).toMatchObject({ line: 'GPIO17', actor: 'door', use: 'in pull-up' });
    expect((await run('board', 'show', ...from)).stdout).toMatch(/^ *\[door in pull-up\].* GPIO17 11/m);
  });

  it('asks a device for the names of its lines, and says whose file is needed for a board of its own', async () => {
    const lines = { REED: { direction: 'in' }, GPIO27: { direction: 'out' } };
    const bindings = [{ contract: 'iot:gpio', lines }];
    const common = { control: { openReading: true }, providers: [{ contract: 'iot:gpio', use: 'sim' }] };
    const file = join(place.home, 'shed.yaml');
    const gpio = { chip: 'pinctrl-bcm2835', header: 'raspberry-pi-40' };
    await writeFile(file, JSON.stringify({ name: 'shed', title: 'Shed', source: 'own wiring', gpio }));
    const named = await TestDevice.start(cleanup, {
      config: {
        ...{ ...common, device: 'pi-02', board: 'raspberry-pi-3', lines: { REED: 'GPIO17' } },
        actors: [{ name: 'door', bindings }],
      },
    });
    const shown = await run('board', 'show', '--device', 'pi-02', '--broker', named.broker);
    expect(shown.stdout).toMatch(/^ *REED: \[door in\].* GPIO17 11/m);
    const own = await TestDevice.start(cleanup, {
      config: {
        ...common,
        device: 'pi-03',
        board: file,
        lines: { REED: 'GPIO17' },
        actors: [{ name: 'door', bindings }],
      },
    });
    const from = ['--device', 'pi-03', '--broker', own.broker];
    expect(await run('board', 'show', ...from)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /pi-03 has a board of its own, shed[\s\S]*show \.\/shed\.yaml --device pi-03/,
      ),
    });
    expect((await run('board', 'show', file, ...from)).stdout).toMatch(/^ *REED: \[door in\].* GPIO17 11/m);
  });
});

it('board list names every board with its chip, and says what this machine is', async () => {
  const { code, stdout } = await run('board');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^. raspberry-pi-5 +pinctrl-rp1 +28 +Raspberry Pi 5$/m);
  expect(stdout).toMatch(/`board: auto`, the default, comes to/);
  expect((await run('board', 'list')).stdout).toBe(stdout);
});
