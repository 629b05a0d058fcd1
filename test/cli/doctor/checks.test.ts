import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BUILT } from '#runtime/base/version.js';
import { NODE_FROM } from '#runtime/cli/doctor/checks/node.js';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import type { Finding } from '#runtime/cli/doctor/finding.js';
import { IotError } from '#runtime/index.js';
import { TestKeys } from '../../helpers/keys.js';
import { CONFIG, FILES, fakeMachine, MODULES, NOW, subject, type World } from './machine.js';

const MIB = 2 ** 20;
const keys = new TestKeys();
const POLITE = 'sudo usermod -aG';

async function find(group: string, world: World = {}, config?: string | null): Promise<readonly Finding[]> {
  const machine = fakeMachine(world);
  return (await CHECKS[group]?.(machine, await subject(config, machine))) ?? [];
}

/** What a machine lacks, what is then said, and what mends it. */
type Row = [
  title: string,
  world: World,
  found: { state: 'warn' | 'fail'; text: RegExp; fix: RegExp },
  config?: string,
];

const bad = (state: 'warn' | 'fail', text: RegExp, fix: RegExp) => ({ state, text, fix });

function table(group: string, rows: readonly Row[]): void {
  it.each(rows)(`${group}: %s`, async (_title, world, { state, text, fix }, config) => {
    const findings = await find(group, world, config);
    const wrong = findings.filter((finding) => finding.state !== 'ok');
    expect(wrong).toEqual([
      {
        check: expect.any(String),
        state,
        text: expect.stringMatching(text),
        fix: expect.stringMatching(fix),
      },
    ]);
  });
}

describe('a machine that lacks nothing', () => {
  it.each(Object.keys(CHECKS))('%s is well', async (group) => {
    const findings = await find(group);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it('is told what was found', async () => {
    const texts = (await Promise.all(Object.keys(CHECKS).map((group) => find(group)))).flat();
    expect(texts.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'Node.js 20.19.2 (linux-arm64)',
        'Linux 6.12.25+rpt-rpi-2712',
        'Raspberry Pi 5, by the device tree',
        'pinctrl-rp1 is /dev/gpiochip0, 54 lines',
        'port uart0 of door (/dev/ttyAMA0) is there',
        '@stoprocent/noble, its addon is built',
        'hci0 is there',
        'mqtt://broker.lan:1883 answers',
        '5000 MiB free for /var/lib/iot',
        'document 1, without an end',
      ]),
    );
  });

  it('a configuration that uses no pins, ports or radio asks for none', async () => {
    const bare = 'device: a\nboard: sim\ndataDir: /var/lib/iot\n';
    const world = { files: Object.fromEntries(Object.keys(FILES).map((name) => [name, undefined])) };
    for (const group of ['gpio', 'serial', 'bluetooth', 'board'])
      expect(await find(group, world, bare)).toMatchObject([{ state: 'ok' }]);
  });

  it('a host without a configuration is only asked about its machine', async () => {
    for (const group of ['broker', 'disk', 'trust']) expect(await find(group, {}, null)).toEqual([]);
    expect(await find('configuration', {}, null)).toMatchObject([
      { state: 'warn', fix: expect.stringContaining("echo 'device: pi-01' > iot-host.yaml") },
    ]);
    expect(await find('gpio', {}, null)).toMatchObject([{ state: 'ok' }]);
  });
});

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

it('configuration: every problem is a failure', async () => {
  const about = {
    ...(await subject(null)),
    configProblems: ['a.yaml:1:1: bord: unknown key', 'a.yaml:2:1: x'],
  };
  const findings = await CHECKS.configuration?.(fakeMachine(), about);
  expect(findings).toEqual(
    about.configProblems.map((text) => ({
      ...{ check: 'config', state: 'fail', text },
      fix: 'correct iot-host.yaml; iot-host config check shows the lines',
    })),
  );
});

const tree = (text: string) => ({ files: { '/proc/device-tree/compatible': text } });

table('board', [
  [
    'a board that is not known',
    tree('pine64,rock64\0'),
    bad('warn', /by the name pine64,rock64/, /iot-host board list/),
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
]);

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
      new RegExp(`^${POLITE} gpio ada, then log in again$`),
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

const refused = { refusals: { '/dev/ttyAMA0': 'EACCES' } };

table('serial', [
  [
    'a port that is switched off',
    { files: { '/dev/ttyAMA0': undefined } },
    bad('fail', /port uart0 of door \(\/dev\/ttyAMA0\) is not there/, /^dtparam=uart0=on in config\.txt/),
  ],
  [
    'a user who is not in the group',
    { ...refused, user: 'ada', groupIds: [1000] },
    bad('fail', /ada may not open port uart0 of door/, new RegExp(`^${POLITE} dialout ada`)),
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
  expect(await find('serial', gone, own)).toMatchObject([{ state: 'ok' }]);
});

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

it('bluetooth: a built addon will do; a controller on a serial port needs nothing of the kernel', async () => {
  const built = `${MODULES}/@abandonware/bluetooth-hci-socket/build/Release/bluetooth_hci_socket.node`;
  const findings = await find('bluetooth', { files: { ...nobleFiles, [built]: '' } }, noble);
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  const uart = `providers: [{contract: "iot:ble", hci: {uart: {port: /dev/ttyUSB0}}}]\n${CONFIG}`;
  const bare = { files: { '/sys/class/bluetooth/hci0/uevent': undefined, '/proc/self/status': undefined } };
  expect(await find('bluetooth', bare, uart)).toMatchObject([
    { state: 'ok', text: expect.stringMatching(/addon is built/) },
  ]);
});

const gone = new IotError(
  'E_BROKER_UNREACHABLE',
  'broker mqtt://broker.lan:1883 cannot be reached: no answer',
  {
    hint: 'check the address',
  },
);
table('broker', [
  [
    'nobody answers',
    { brokerProblem: async () => gone },
    bad('fail', /cannot be reached: no answer/, /^check the address$/),
  ],
]);

it('broker: one inside the host is not asked', async () => {
  const embedded = CONFIG.replace('mqtt://broker.lan:1883', 'embedded://127.0.0.1:1884');
  expect(await find('broker', { brokerProblem: async () => gone }, embedded)).toMatchObject([
    { state: 'ok', text: 'inside the host: mqtt://127.0.0.1:1884' },
  ]);
});

table('clock', [
  [
    'a clock that nothing has set',
    { clockTrusted: () => false },
    bad('warn', /2027-01-15 12:00 UTC, and nothing says/, /timedatectl set-ntp true.*\n.*clock: trusted/),
  ],
  [
    'a clock of long ago',
    { now: BUILT - 1 },
    bad('fail', /before this host was made/, /timedatectl set-ntp true/),
  ],
]);

table('disk', [
  [
    'a folder of somebody else',
    { refusals: { '/var/lib/iot': 'EACCES' } },
    bad('fail', /iot may not write to \/var\/lib\/iot/, /chown -R iot \/var\/lib\/iot/),
  ],
  [
    'a disk that is read-only',
    { refusals: { '/var/lib/iot': 'EROFS' } },
    bad('fail', /read-only/, /remount,rw/),
  ],
  [
    'a disk that is nearly full',
    { freeBytes: async () => 63 * MIB },
    bad('warn', /only 63 MiB free/, /df -h/),
  ],
  ['a full disk', { freeBytes: async () => 7 * MIB }, bad('fail', /^7 MiB free/, /dataDir/)],
  [
    'a folder that cannot be made',
    {
      files: { '/var/lib/iot/device.key': undefined, '/var/lib/misc': '' },
      refusals: { '/var/lib': 'EACCES' },
    },
    bad('fail', /may not write to \/var\/lib \(EACCES\)/, /set dataDir/),
  ],
]);

const DAY = 86_400;
const root = (bytes: Uint8Array | undefined) => ({ files: { '/etc/iot/trust/root.cbor': bytes } });
const until = (expires: number, version = 1) =>
  keys.trustDocument({ version, issued: NOW - 90 * DAY, expires });

table('trust', [
  [
    'no document',
    root(undefined),
    bad('warn', /no trust document: pushes are refused/, /^iot-host keys trust \/etc\/iot\/trust$/),
  ],
  [
    'none, and none configured',
    {},
    bad(
      'warn',
      /no trust document/,
      /keys trust \.\/trust, and in the configuration: trust: \{document: \.\/trust\}$/,
    ),
    CONFIG.replace(/^trust.*$/m, ''),
  ],
  [
    'a damaged one',
    root(Uint8Array.of(0x82, 1)),
    bad('fail', /root\.cbor is damaged/, /put it there again: iot-host keys trust/),
  ],
  [
    'an expired one',
    root(until(NOW)),
    bad('fail', /document 1 has expired on 2027-01-15/, /--expires 1y --device/),
  ],
  [
    'one that expires soon',
    root(until(NOW + 29 * DAY)),
    bad('warn', /document 1 expires on 2027-02-13/, /--expires 1y/),
  ],
]);

it('trust: the newest counts, be it what the host has kept or what lies in the folder', async () => {
  const kept = { '/var/lib/iot/ota/trust/3': until(NOW + 300 * DAY, 3), '/var/lib/iot/ota/trust/new': 'x' };
  expect(await find('trust', { files: { ...kept, ...root(until(NOW - DAY)).files } })).toEqual([
    { check: 'trust', state: 'ok', text: 'document 3, until 2027-11-11' },
  ]);
  const later = root(until(NOW + 200 * DAY, 4)).files;
  expect(await find('trust', { files: { ...kept, ...later } })).toMatchObject([
    { text: expect.stringMatching(/^document 4, until/) },
  ]);
});
