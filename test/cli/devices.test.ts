import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { discover } from '#runtime/cli/device/discovery.js';
import { announce } from '#runtime/control/agent/announcement.js';
import { emptyHome, inProcess } from './iot-host.js';

let place: Awaited<ReturnType<typeof emptyHome>>;
const before = process.cwd();
beforeEach(async () => {
  place = await emptyHome();
  process.chdir(place.home);
});
afterEach(() => process.chdir(before));

const run = (...args: string[]) => inProcess(args, place);
const file = () => join(place.home, '.config/iot-host/devices.yaml');
const write = async (text: string) => {
  await mkdir(join(place.home, '.config/iot-host'), { recursive: true });
  await writeFile(file(), text);
};
const text = () => readFile(file(), 'utf8');

describe('devices', () => {
  it('are added, shown, preferred and forgotten', async () => {
    expect((await run('devices')).stdout).toContain('no devices; to add one: iot-host devices add');
    const add = ['devices', 'add', 'pi-01', '--broker', 'mqtts://me@far:8883', '--label', 'site=lab,floor=2'];
    expect(await run(...add, '--password', 'secret://pi')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('devices', 'add', 'pi-02', '--broker', 'mqtt://near:1883')).toMatchObject({ code: 0 });
    expect(await run('devices', 'default', 'pi-02')).toMatchObject({ code: 0 });
    expect(await text()).toBe(
      'devices:\n  pi-01:\n    broker: mqtts://far:8883\n    username: me\n    password: secret://pi\n' +
        '    labels:\n      site: lab\n      floor: "2"\n  pi-02:\n    broker: mqtt://near:1883\ndefault: pi-02\n',
    );
    expect((await run('devices')).stdout.split('\n').slice(1, 3)).toEqual([
      'pi-01   mqtts://far:8883  me    site=lab floor=2',
      'pi-02   mqtt://near:1883  -     -                 default',
    ]);
    expect(await run('devices', 'rm', 'pi-02')).toMatchObject({ code: 0 });
    const { data } = JSON.parse((await run('devices', 'list', '--json')).stdout);
    expect(data.devices).toEqual([
      {
        name: 'pi-01',
        broker: 'mqtts://far:8883',
        username: 'me',
        password: 'secret://pi',
        labels: { site: 'lab', floor: '2' },
        default: false,
      },
    ]);
  });

  it('are changed in a file whose comments and variables stay', async () => {
    const mine =
      '# mine\ndefault: b # the one at home\ndevices:\n  # upstairs\n  b: {broker: "mqtt://$' +
      '{HOUSE:h}:1883"}\n';
    await write(mine);
    await run('devices', 'add', 'c', '--broker', 'ws://c:9001');
    expect(await text()).toBe(`${mine}  c:\n    broker: ws://c:9001\n`);
    await run('devices', 'rm', 'c');
    expect(await text()).toBe(mine);
  });

  it.each(['', 'devices:\n', '# nothing yet\n'])('are added to %j', async (empty) => {
    await write(empty);
    expect(await run('devices', 'add', 'a', '--broker', 'mqtt://a')).toMatchObject({ code: 0 });
    expect(await text()).toContain('devices:\n  a:\n    broker: mqtt://a\n');
  });

  it('are not added twice, and not to a file that is not valid', async () => {
    const add = ['devices', 'add', 'a', '--broker'];
    await run(...add, 'mqtt://a:1883');
    expect((await run(...add, 'mqtt://a:1883')).stdout).toContain('was in');
    const other = await run(...add, 'mqtt://b:1883');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('hint: iot-host devices rm a') });
    await write('device: {}\n');
    const broken = await run('devices', 'add', 'b', '--broker', 'mqtt://b');
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining('devices.yaml:1:1: device') });
    expect(await text()).toBe('device: {}\n');
  });
});

it('devices that announce themselves are found; without multicast that is said at once', async (test) => {
  const options = { device: 'pi-77', version: '0.1.0', interface: '127.0.0.1', logger: silentLogger };
  const stop = await announce({ ...options, broker: 'mqtt://192.0.2.7:1883' }).catch((thrown: Error) => {
    console.log(`skipped: ${thrown.message}`);
    return test.skip(thrown.message);
  });
  place.env.IOT_HOST_MDNS = '127.0.0.1';
  try {
    const { stdout, code } = await run('devices', 'scan', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).data.devices).toContainEqual({
      device: 'pi-77',
      broker: 'mqtt://192.0.2.7:1883',
      version: '0.1.0',
      address: '127.0.0.1',
    });
    // The last step of every lookup.
    const notes: string[] = [];
    const output = { note: (text: string) => notes.push(text) };
    const context = { environment: place.env, output, signal: new AbortController().signal };
    expect(await discover('pi-77', context as never)).toEqual({
      origin: 'local network (mDNS)',
      broker: 'mqtt://192.0.2.7:1883',
    });
    expect(notes).toEqual(['pi-77 says on the local network that it is at mqtt://192.0.2.7:1883']);
    expect(await discover('pi-78', context as never)).toBe('local network (mDNS): no answer');
  } finally {
    await stop();
  }
  place.env.IOT_HOST_MDNS = '192.0.2.99';
  const nowhere = await run('devices', 'scan');
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('mDNS cannot be used') });
});
