import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logLines } from '#runtime/cli/log.js';
import { run as runWith } from '#runtime/cli/run.js';
import { table } from '#runtime/cli/table.js';
import { hangingHint } from '#runtime/cli/words.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { emptyHome, inProcess } from './iot-host.js';

const WIDTH = 80;
const cleanup = new Cleanup();
const before = process.cwd();
let place: Awaited<ReturnType<typeof emptyHome>>;
beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
});
afterAll(async () => {
  process.chdir(before);
  await cleanup.run();
});

const piped = async (...args: string[]) => (await inProcess(args, place)).stdout.split('\n');

async function onTerminal(...args: string[]): Promise<string[]> {
  let stdout = '';
  const write = (text: string) => {
    stdout += text;
  };
  const quiet = { write() {} };
  await runWith(args, { env: place.env, stdout: { write, isTTY: true, columns: WIDTH }, stderr: quiet });
  return stdout.split('\n');
}
const tooLong = (lines: readonly string[]) => lines.filter((line) => line.length > WIDTH);
/** What stands there, however it is broken. */
const words = (lines: readonly string[]) => lines.join(' ').split(/\s+/).sort();

describe('on a terminal of 80 columns', () => {
  it('a table has below its rows what does not fit beside them, and all of it', () => {
    const rows = [
      ['blink', 'running', ''],
      ['door', 'backoff', 'it waits '.repeat(12).trim()],
    ];
    expect(table(['ACTOR', 'STATE', 'PROBLEM'], rows, WIDTH)).toEqual([
      'ACTOR  STATE',
      'blink  running',
      'door   backoff',
      `  problem: ${'it waits '.repeat(7)}it`,
      `           ${'waits it '.repeat(4)}waits`,
    ]);
    expect(table(['ACTOR', 'STATE', 'PROBLEM'], rows)).toHaveLength(3);
    expect(table(['A', 'B'], [['x'.repeat(90), 'y']], WIDTH)).toEqual(['A', 'x'.repeat(90), '  b: y']);
  });

  it('a line of log goes on below itself; piped it is one', () => {
    const line = {
      ...{ time: 0, level: 'info', component: 'blink', deployment: '0123456789ab'.padEnd(64, 'f') },
      message: `update of blink: rolled-back, E_PROBATION_TRAP: ${'unreachable '.repeat(8)}`,
    };
    const shown = logLines(line, WIDTH);
    expect(tooLong(shown)).toEqual([]);
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.slice(1).every((one) => one.startsWith(' '.repeat(19)))).toBe(true);
    expect(shown.at(-1)).toMatch(/ deployment=0123456789ab$/);
    expect(logLines(line, Number.POSITIVE_INFINITY)).toEqual([expect.stringContaining(line.deployment)]);
  });

  it('a hint is broken between its phrases: what is to be typed stays whole', () => {
    const typed = 'iot-host keys trust ./a-rather-long-name-of-a-folder-for-that --expires 1y';
    expect(hangingHint('fix: ', `correct what stands there, or type this here, ${typed}`, 60)).toEqual([
      'fix: correct what stands there, or type this here,',
      `     ${typed}`,
    ]);
  });

  it('keys list and doctor', async () => {
    expect(tooLong(await onTerminal('keys', 'gen'))).toEqual([]);
    await inProcess(['keys', 'trust', './trust'], place);
    const keys = await onTerminal('keys', 'list');
    expect(tooLong(keys)).toEqual([]);
    const values = (await piped('keys', 'list')).slice(1).flatMap((line) => line.split(/\s+/));
    for (const value of values) expect(words(keys)).toContain(value);
    const config = `device: pi-01\nboard: raspberry-pi-4\ndataDir: ./data\ntrust: {document: ./${'wrong'.repeat(12)}}\n`;
    await writeFile('iot-host.yaml', config);
    const shown = await onTerminal('doctor');
    // A path and what is to be typed stay whole.
    expect(tooLong(shown).filter((line) => !/wrong|iot-host |sudo |npm /.test(line))).toEqual([]);
    const whole = await piped('doctor');
    expect(tooLong(whole).length).toBeGreaterThan(0);
    const time = /\d+:\d+|^\d+$/;
    const still = (lines: string[]) => words(lines).filter((word) => !time.test(word));
    expect(still(shown)).toEqual(still(whole));
  });

  it('ps: each problem once', async () => {
    const keys = join(place.home, '.config/iot-host/keys');
    await mkdir(keys, { recursive: true });
    const device = await TestDevice.start(cleanup, {
      config: {
        control: { openReading: true },
        providers: [
          {
            ...{ contract: 'iot:serial', use: 'serialport' },
            ports: { one: { path: '/dev/shm/no-such-port-1' }, two: { usb: 'ffff:0001' } },
          },
        ],
        actors: [
          {
            name: 'modbus-gateway',
            path: './nowhere.wasm',
            bindings: [{ contract: 'iot:serial', ports: { one: {}, two: {} } }],
          },
        ],
      },
    });
    const from = ['--device', 'pi-01', '--broker', device.broker];
    const shown = await onTerminal('ps', ...from);
    expect(tooLong(shown).filter((line) => !line.includes('/nowhere.wasm'))).toEqual([]);
    const text = shown.join(' ').replaceAll(/\s+/g, ' ');
    expect(text.match(/no serial adapter ffff:0001 is plugged in/g)).toHaveLength(1);
    expect(text).toContain(
      '! iot:serial: port one: /dev/shm/no-such-port-1 is not there; port two: no serial',
    );
    const whole = await piped('ps', ...from);
    expect(tooLong(whole).join()).toMatch(/no serial adapter.*\n?.*no serial adapter/);
    expect(whole.filter((line) => line.startsWith('modbus-gateway'))).toHaveLength(1);
  });
});
