import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { NODE_FROM } from '#runtime/cli/doctor/checks/node.js';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import type { LoadedConfig } from '#runtime/index.js';
import { CONFIG, fakeMachine, MODULES, subject } from './machine.js';
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

const refused = { refusals: { '/dev/ttyAMA0': 'EACCES' } };

table('serial', [
  [
    'a port that is switched off',
    { files: { '/dev/ttyAMA0': undefined } },
    bad(
      'fail',
      /port uart0 of door \(\/dev\/ttyAMA0\) is not there/,
      /^dtparam=uart0=on in config\.txt.*; then sudo reboot\n.*\/boot\/firmware/,
    ),
  ],
  [
    'a user who is not in the group',
    { ...refused, user: 'ada', groupIds: [1000] },
    bad('fail', /ada may not open port uart0 of door/, new RegExp(`^${JOIN} dialout ada`)),
  ],
  [
    'no such group',
    { ...refused, files: { '/etc/group': '' } },
    bad('fail', /may not open/, /^sudo groupadd --system dialout; /),
  ],
  [
    'a port that fails',
    { refusals: { '/dev/ttyAMA0': 'EIO' } },
    bad('fail', /cannot be opened \(EIO\)/, /board show/),
  ],
  [
    'a console on the port',
    { files: { '/proc/cmdline': 'console=ttyAMA0,115200 console=tty1' } },
    bad('warn', /uart0 of door .* is also the console/, /raspi-config/),
  ],
  [
    'a console on the port that a link leads to',
    {
      files: { '/proc/cmdline': 'console=ttyS0,115200', '/dev/ttyAMA0': '' },
      target: async (path) => (path === '/dev/ttyAMA0' ? '/dev/ttyS0' : path),
    },
    bad('warn', /is also the console/, /no login shell/),
  ],
  [
    'no package',
    { files: { [`${MODULES}/serialport/package.json`]: undefined } },
    bad('fail', /serialport is not installed/, /npm install serialport/),
  ],
]);

it('serial: a provider that is simulated, or a port of its own, asks for nothing of the board', async () => {
  const gone = { files: { '/dev/ttyAMA0': undefined } };
  const sim = `providers: [{contract: "iot:serial", use: sim}]\n${CONFIG}`;
  expect(await find('serial', gone, sim)).toMatchObject([{ state: 'ok', text: 'simulated ports' }]);
  const own = CONFIG.replace('uart0', 'adapter');
  const files = { ...gone.files, '/dev/serial/by-id/usb-1': '' };
  const named = `providers: [{contract: "iot:serial", ports: {adapter: {path: /dev/serial/by-id/usb-1}}}]\n${own}`;
  expect(await find('serial', { files }, named)).toMatchObject([
    { state: 'ok', text: 'port adapter of door (/dev/serial/by-id/usb-1) is there' },
  ]);
});

const ftdi = (path: string, serial: string) => ({ path, vendor: '0403', product: '6001', serial });
const onUsb = (id: string) =>
  `providers: [{contract: "iot:serial", ports: {uart0: {usb: "${id}"}}}]\n${CONFIG}`;
const plugged = {
  files: { '/dev/ttyAMA0': undefined, '/dev/ttyUSB0': '', '/dev/ttyUSB1': '' },
  usbPorts: async () => [ftdi('/dev/ttyUSB0', 'A1'), ftdi('/dev/ttyUSB1', 'B:2')],
};

it('serial: an adapter on USB is found by its id, and what the settings name comes before the board', async () => {
  for (const [id, path] of [
    ['0403:6001:A1', '/dev/ttyUSB0'],
    ['0403:6001:B:2', '/dev/ttyUSB1'],
  ] as const)
    expect(await find('serial', plugged, onUsb(id))).toEqual([
      { check: 'serial', state: 'ok', text: `port uart0 of door (USB ${id}, ${path}) is there` },
    ]);
});

table('serial', [
  [
    'an adapter that is not plugged in',
    {},
    bad('fail', /port uart0 of door is not there: no serial adapter 0403:6001 is/, /^plug it in; lsusb/),
    onUsb('0403:6001'),
  ],
  [
    'another adapter than the one that is meant',
    plugged,
    bad('fail', /no serial adapter 0403:6001:C3/, /0403:6001:A1 \(\/dev\/ttyUSB0\), 0403:6001:B:2/),
    onUsb('0403:6001:C3'),
  ],
  [
    'two adapters that are alike',
    plugged,
    bad(
      'warn',
      /2 adapters are 0403:6001, and \/dev\/ttyUSB0 is taken/,
      /^say which: usb: "0403:6001:A1" or/,
    ),
    onUsb('0403:6001'),
  ],
  [
    'an adapter of somebody else',
    { ...plugged, refusals: { '/dev/ttyUSB0': 'EACCES' }, user: 'ada', groupIds: [1000] },
    bad('fail', /ada may not open port uart0 of door \(USB 0403/, new RegExp(`^${JOIN} dialout ada`)),
    onUsb('0403:6001:A1'),
  ],
  [
    'a device of the settings that is not there',
    {},
    bad('fail', /port uart0 of door \(\/dev\/ttyUSB7\) is not there/, /^plug it in, or correct the path/),
    `providers: [{contract: "iot:serial", ports: {uart0: {path: /dev/ttyUSB7}}}]\n${CONFIG}`,
  ],
  [
    'a port that nobody has',
    {},
    bad('fail', /there is no port modem of door/, /iot-host board show lists/),
    CONFIG.replace('uart0', 'modem'),
  ],
  [
    'a port of the second provider',
    { files: { '/dev/ttyUSB7': undefined } },
    bad('fail', /port extra of second \(\/dev\/ttyUSB7\) is not there/, /plug it in/),
    `providers: [{contract: "iot:serial", name: two, ports: {extra: {path: /dev/ttyUSB7}}}]
${CONFIG}  - {name: second, bindings: [{contract: "iot:serial", name: two, ports: {extra: {}}}]}
`,
  ],
]);

const socket = `${MODULES}/@stoprocent/bluetooth-hci-socket`;
const noble = `providers: [{contract: "iot:ble", use: noble}]\n${CONFIG}`;
const nobleFiles = {
  [`${MODULES}/@abandonware/noble/package.json`]: '{}',
  [`${MODULES}/@abandonware/bluetooth-hci-socket/package.json`]: '{}',
};

table('bluetooth', [
  [
    'no package',
    { files: { [`${MODULES}/@stoprocent/noble/package.json`]: undefined } },
    bad('fail', /@stoprocent\/noble is not installed/, /npm install @stoprocent\/noble/),
  ],
  [
    'no noble',
    {},
    bad('fail', /@abandonware\/noble is not installed/, /npm install @abandonware\/noble/),
    noble,
  ],
  [
    'an addon that is not built',
    { files: nobleFiles },
    bad(
      'fail',
      /addon of @abandonware\/noble .* is not built/,
      /npm rebuild --foreground-scripts @abandonware\/bluetooth-hci-socket/,
    ),
    noble,
  ],
  [
    'an addon for another machine',
    {
      files: {
        [`${socket}/prebuilds/linux-arm64/node.napi.node`]: undefined,
        [`${socket}/prebuilds/win32-x64/a.node`]: '',
      },
    },
    bad('fail', /addon of @stoprocent\/noble .* is not built/, /npm rebuild/),
  ],
  [
    'no adapter',
    { files: { '/sys/class/bluetooth/hci0/uevent': undefined } },
    bad('fail', /kernel has no Bluetooth adapter/, /disable-bt out of config\.txt/),
  ],
  [
    'another adapter',
    {},
    bad('fail', /there is no hci1, only hci0/, /settings/),
    `providers: [{contract: "iot:ble", use: stoprocent, hci: 1}]\n${CONFIG}`,
  ],
  [
    'a radio that is switched off',
    { files: { '/sys/class/rfkill/rfkill1/soft': '1\n' } },
    bad('fail', /rfkill1 is switched off/, /^sudo rfkill unblock bluetooth$/),
  ],
  [
    'a switch that is off',
    { files: { '/sys/class/rfkill/rfkill1/hard': '1\n', '/sys/class/rfkill/rfkill1/soft': '1\n' } },
    bad('fail', /a switch of the machine keeps rfkill1 off/, /put the switch on/),
  ],
  [
    'a user without the right',
    { files: { '/proc/self/status': 'CapEff:\t0000000000001000\n' } },
    bad(
      'fail',
      /iot may not open the adapter \(CAP_NET_RAW\)/,
      /setcap cap_net_raw\+eip \/usr\/bin\/node\n.*AmbientCapabilities/,
    ),
  ],
]);

const alone = `providers: [{contract: "iot:ble", use: stoprocent, exclusive: true}]\n${CONFIG}`;
const bothRights = { '/proc/self/status': 'CapEff:\t0000000000003000\n', '/proc/1/comm': 'systemd\n' };

table('bluetooth', [
  [
    'bluetoothd, where the host wants the adapter alone',
    { files: { ...bothRights, '/proc/612/comm': 'bluetoothd\n' } },
    bad(
      'fail',
      /bluetoothd \(process 612\) holds hci0/,
      /^sudo systemctl disable --now bluetooth.*hci0 down\nor/,
    ),
    alone,
  ],
  [
    'a user without the right to have it alone',
    {},
    bad(
      'fail',
      /may not open the adapter \(CAP_NET_ADMIN\)/,
      /setcap cap_net_admin,cap_net_raw\+eip.*\n.*=CAP_NET_ADMIN CAP_NET_RAW$/,
    ),
    alone,
  ],
  [
    'no package for the second of two radios',
    {},
    bad('fail', /@abandonware\/noble is not installed/, /npm install/),
    `providers: [{contract: "iot:ble", name: two, use: noble}]\n${CONFIG}`,
  ],
]);

it('bluetooth: bluetoothd may run beside a host that does not want the adapter alone', async () => {
  const beside = { files: { '/proc/612/comm': 'bluetoothd\n' } };
  expect((await find('bluetooth', beside)).filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(
    (await find('bluetooth', { files: bothRights }, alone)).filter(({ state }) => state !== 'ok'),
  ).toEqual([]);
});

it('bluetooth: a built addon will do; a controller on a serial port needs nothing of the kernel', async () => {
  const built = `${MODULES}/@abandonware/bluetooth-hci-socket/build/Release/bluetooth_hci_socket.node`;
  const findings = await find('bluetooth', { files: { ...nobleFiles, [built]: '' } }, noble);
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  const uart = `providers: [{contract: "iot:ble", hci: {uart: {port: /dev/ttyUSB0}}}]\n${CONFIG}`;
  const bare = { '/sys/class/bluetooth/hci0/uevent': undefined, '/proc/self/status': undefined };
  expect(await find('bluetooth', { files: { ...bare, '/dev/ttyUSB0': '' } }, uart)).toMatchObject([
    { state: 'ok', text: expect.stringMatching(/addon is built/) },
    { state: 'ok', text: 'the controller’s port /dev/ttyUSB0 is there' },
  ]);
  expect(await find('bluetooth', { files: bare }, uart)).toMatchObject([
    { state: 'ok' },
    { state: 'fail', text: 'the controller’s port /dev/ttyUSB0 is not there', fix: 'plug it in' },
  ]);
});
