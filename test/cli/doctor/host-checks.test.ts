import { expect, it } from 'vitest';
import { BUILT } from '#runtime/base/version.js';
import { IotError } from '#runtime/index.js';
import { TestKeys } from '../../helpers/keys.js';
import { CONFIG, NOW } from './machine.js';
import { bad, find, table } from './table.js';

const MIB = 2 ** 20;
const keys = new TestKeys();

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
    'a wrong path, while the device goes by what it has kept',
    { files: { '/etc/iot/trust/root.cbor': undefined, '/var/lib/iot/ota/trust/1': keys.trustDocument() } },
    bad('warn', /^\/etc\/iot\/trust\/root\.cbor, which trust: names, is not there/, /^correct trust:/),
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
