import { expect, it } from 'vitest';
import { CONFIG, MODULES } from './machine.js';
import { bad, find, table } from './table.js';

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

const onPort = (port: string) =>
  `providers: [{contract: "iot:ble", hci: {uart: {port: ${port}}}}]\n${CONFIG}`;

it('bluetooth: a built addon will do; a controller on a serial port needs nothing of the kernel', async () => {
  const built = `${MODULES}/@abandonware/bluetooth-hci-socket/build/Release/bluetooth_hci_socket.node`;
  const findings = await find('bluetooth', { files: { ...nobleFiles, [built]: '' } }, noble);
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  const uart = onPort('/dev/ttyUSB0');
  const bare = { '/sys/class/bluetooth/hci0/uevent': undefined, '/proc/self/status': undefined };
  expect(await find('bluetooth', { files: { ...bare, '/dev/ttyUSB0': '' } }, uart)).toMatchObject([
    { state: 'ok', text: expect.stringMatching(/addon is built/) },
    { state: 'ok', text: 'the controller’s port /dev/ttyUSB0 is there' },
  ]);
  expect(await find('bluetooth', { files: bare }, uart)).toMatchObject([
    { state: 'ok' },
    { state: 'fail', text: 'the controller’s port /dev/ttyUSB0 is not there', fix: 'plug it in' },
  ]);
  expect(await find('bluetooth', { files: bare }, onPort('uart0'))).toMatchObject([
    { state: 'ok' },
    { state: 'ok', text: 'the controller’s port uart0 is there' },
  ]);
  expect(await find('bluetooth', { files: bare }, onPort('uart77'))).toMatchObject([
    { state: 'ok' },
    {
      state: 'fail',
      text: 'the controller’s port uart77 is none of the board',
      fix: expect.stringMatching(/^one of uart0/),
    },
  ]);
});
