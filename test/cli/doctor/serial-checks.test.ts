import { expect, it } from 'vitest';
import { CONFIG, MODULES } from './machine.js';
import { bad, find, table } from './table.js';

const JOIN = 'sudo usermod -aG';
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

it('serial: a binding whose name no provider has is the default one’s', async () => {
  const own = CONFIG.replace(/"?iot:serial"?,/, '"iot:serial", name: field,').replace('uart0', 'bus');
  expect(own).toContain('name: field');
  const bus = (more: string) => `providers: [{contract: "iot:serial", ${more}}]\n${own}`;
  const missing = bus('ports: {bus: {path: /dev/ttyUSB0}}');
  expect(await find('serial', { files: { '/dev/ttyUSB0': '' } }, missing)).toMatchObject([
    { state: 'ok', text: 'port bus of door (/dev/ttyUSB0) is there' },
  ]);
  expect(await find('serial', {}, bus('use: sim, ports: [bus]'))).toMatchObject([
    { state: 'ok', text: 'simulated ports' },
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
