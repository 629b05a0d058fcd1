import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { NODE_FROM } from '#runtime/cli/doctor/checks/node.js';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import type { LoadedConfig } from '#runtime/index.js';
import { CONFIG, fakeMachine, subject } from './machine.js';
import { bad, find, table } from './table.js';

const JOIN = 'sudo usermod -aG';

table('node', [
  ['an old Node.js', { node: '18.20.4' }, bad('fail', /18\.20\.4 is too old/, /install Node\.js 20\.19/)],
  ['a Node.js one too old', { node: '20.18.3' }, bad('fail', /too old/, /20\.19/)],
  [
    'no WebAssembly',
    { webAssembly: false, nodeFlags: ['--jitless'] },
    bad('fail', /without WebAssembly \(flags: --jitless\)/, /take --jitless out of NODE_OPTIONS/),
  ],
  ['an old kernel', { kernel: '5.4.51-v8+' }, bad('fail', /Linux 5\.4\.51.*came with 5\.10/, /full-upgrade/)],
  ['another system', { platform: 'darwin' }, bad('fail', /darwin, not Linux/, /on Linux/)],
]);

it('node: an old kernel does for simulated pins; the version is that of package.json', async () => {
  const findings = await find('node', { kernel: '4.19.0' }, 'device: a\nboard: sim\n');
  expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  const { engines } = JSON.parse(await readFile('package.json', 'utf8'));
  expect(engines.node).toBe(`>=${NODE_FROM.join('.')}`);
});

const tree = (text: string) => ({ files: { '/proc/device-tree/compatible': text } });

table('board', [
  [
    'a board that is not known',
    tree('pine64,rock64\0'),
    bad('warn', /by the name pine64,rock64/, /iot-host board list.*\n.*board: \.\/my-board\.yaml/),
  ],
  [
    'another board than the configuration says',
    {},
    bad(
      'warn',
      /says raspberry-pi-4, and this machine is raspberry-pi-5: its pins may be others/,
      /^board: raspberry-pi-5/,
    ),
    `board: raspberry-pi-4\n${CONFIG}`,
  ],
  [
    'the simulated board on a real one',
    {},
    bad('warn', /says sim.*simulated/, /leave board: out/),
    `board: sim\n${CONFIG}`,
  ],
  [
    'a real board on a machine that is hardly one',
    tree(''),
    bad('warn', /Raspberry Pi 4, by the configuration.*no device tree/, /^board: sim.*leave board: out/),
    `board: raspberry-pi-4\n${CONFIG}`,
  ],
]);

it('board: one of one’s own is taken as it is, unless it says that it is for another machine', async () => {
  const about = await subject();
  const on = async (compatible: readonly string[]) => {
    const config = { ...(about.config as LoadedConfig), board: '/etc/iot/mine.yaml' };
    const board = { ...about.board, name: 'mine', title: 'Mine', compatible: [...compatible] };
    return CHECKS.board?.(fakeMachine(), { ...about, config, board });
  };
  const taken = [{ check: 'board', state: 'ok', text: 'Mine, by /etc/iot/mine.yaml' }];
  expect(await on([])).toEqual(taken);
  expect(await on(['raspberrypi,5-model-b'])).toEqual(taken);
  expect(await on(['pine64,rock64'])).toMatchObject([
    { state: 'warn', text: expect.stringMatching(/says mine, and this machine is raspberry-pi-5/) },
  ]);
});

const closed = { chips: () => [{ path: '/dev/gpiochip0', label: '', lines: 0, problem: 'EACCES' }] };

table('gpio', [
  [
    'no chip',
    { files: { '/dev/gpiochip0': undefined } },
    bad('fail', /no \/dev\/gpiochip/, /CONFIG_GPIO_CDEV/),
  ],
  [
    'no koffi',
    {
      chips() {
        throw new Error("Cannot find module 'koffi'\nRequire stack: …");
      },
    },
    bad('fail', /koffi cannot be loaded: Cannot find module 'koffi'$/, /npm install koffi/),
  ],
  [
    'a user who is not in the group',
    { ...closed, user: 'ada', groupIds: [1000] },
    bad(
      'fail',
      /ada may not open \/dev\/gpiochip0 \(EACCES\)/,
      new RegExp(`^${JOIN} gpio ada, then log in again$`),
    ),
  ],
  [
    'a group that was joined since',
    { ...closed, groupIds: [1000] },
    bad('fail', /iot may not open/, /^log in again: iot has joined gpio/),
  ],
  ['a group that does not help', closed, bad('fail', /iot may not open/, /in the group gpio already: ls -l/)],
  [
    'no such group',
    { ...closed, files: { '/etc/group': 'root:x:0:\n' } },
    bad(
      'fail',
      /iot may not open/,
      /groupadd --system gpio\n.*60-gpio\.rules\n.*udevadm trigger.*\n.*usermod -aG gpio iot/,
    ),
  ],
  [
    'another chip than that of the board',
    { chips: () => [{ path: '/dev/gpiochip0', label: 'pinctrl-bcm2711', lines: 58 }] },
    bad(
      'fail',
      /pinctrl-rp1 of board raspberry-pi-5 is not here; there are: pinctrl-bcm2711/,
      /iot-host board list/,
    ),
  ],
  [
    'the chip of the machine, and another board in the configuration',
    {},
    bad(
      'fail',
      /pinctrl-bcm2711 of board raspberry-pi-4 is not here; there are: pinctrl-rp1/,
      /^board: raspberry-pi-5$/,
    ),
    `board: raspberry-pi-4\n${CONFIG}`,
  ],
]);

it('gpio: a line on a chip of its own asks for that chip, too', async () => {
  const about = await subject();
  const lines = {
    ...about.board.gpio.lines,
    GPIO17: { offset: 3, direction: 'any' as const, chip: 'pcf8574' },
  };
  const board = { ...about.board, gpio: { ...about.board.gpio, lines } };
  expect(await CHECKS.gpio?.(fakeMachine(), { ...about, board })).toMatchObject([
    { state: 'ok' },
    { state: 'fail', text: expect.stringMatching(/the chip pcf8574 of board raspberry-pi-5 is not here/) },
  ]);
});
