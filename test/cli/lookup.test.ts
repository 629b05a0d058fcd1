import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readSecret } from '#runtime/base/secret.js';
import { rememberLast } from '#runtime/cli/device/last.js';
import { everyPlace, lookUp, namedDevices } from '#runtime/cli/device/lookup.js';

let home: string;
let project: string;
let environment: Record<string, string>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'iot-lookup-'));
  project = join(home, 'work', 'deep');
  environment = { HOME: home };
  await mkdir(project, { recursive: true });
  await mkdir(join(home, '.config/iot-host/secrets'), { recursive: true });
});

const catalogue = (text: string) => writeFile(join(home, '.config/iot-host/devices.yaml'), text);
const projectFile = (text: string) => writeFile(join(home, 'work', 'iot-host.yaml'), text);
const brokers = async (device: string, flags = {}) =>
  (await lookUp(device, flags, environment, project)).places.map(({ broker }) => broker);
const LOCAL = 'mqtt://localhost:1883';

describe('where a device is looked for', () => {
  it('is this machine alone when there is no file, and all places are named', async () => {
    const target = await lookUp('pi-01', {}, environment, project);
    expect(target.places).toEqual([{ origin: 'this machine', broker: LOCAL }]);
    expect(target.considered).toEqual([
      `${home}/.config/iot-host/devices.yaml: no entry`,
      'iot-host.yaml: none here, or on the same broker',
      `this machine: ${LOCAL}`,
    ]);
  });

  it('is its entry in devices.yaml, then the broker of the project, then this machine', async () => {
    await projectFile('device: other\nbroker: mqtt://lan:1883\n');
    expect(await brokers('pi-01')).toEqual(['mqtt://lan:1883', LOCAL]);
    await catalogue('devices:\n  pi-01: {broker: "mqtts://me:pw@far:8883", username: me}\n');
    expect(await brokers('pi-01')).toEqual(['mqtts://me:pw@far:8883']);
    expect((await lookUp('pi-01', {}, environment, project)).considered.join()).not.toContain('pw');
    expect(await brokers('constructor')).toEqual(['mqtt://lan:1883', LOCAL]);
    const every = await everyPlace({}, environment, project);
    expect(every.map(({ broker }) => broker)).toEqual(['mqtts://me:pw@far:8883', 'mqtt://lan:1883', LOCAL]);
  });

  it.each([
    ['embedded', [LOCAL]],
    ['embedded://127.0.0.1:1999', ['mqtt://127.0.0.1:1999', LOCAL]],
    ['embedded://127.0.0.1:0', [LOCAL]],
    ['embedded://0.0.0.0:8883', ['mqtt://127.0.0.1:8883', LOCAL]],
    ['"embedded://[::]:8883"', ['mqtt://[::1]:8883', LOCAL]],
  ])('a project with broker: %s', async (broker, expected) => {
    await projectFile(`device: pi-01\nbroker: ${broker}\n`);
    expect(await brokers('pi-01')).toEqual(expected);
  });

  it('comes with what it takes to get in there, and never with the password itself', async () => {
    await projectFile(
      'device: other\nbroker: mqtts://lan:8883\nbrokerLogin: {username: me, password: "secret://lan"}\nbrokerTls: {ca: ca.crt}\n',
    );
    const access = { username: 'me', password: 'secret://lan' };
    const [place] = (await lookUp('pi-01', {}, environment, project)).places;
    expect(place).toMatchObject({ ...access, ca: join(home, 'work', 'ca.crt') });
    await catalogue(
      'devices: {pi-01: {broker: "mqtts://far:8883", username: me, password: "secret://lan", ca: far.crt}}\n',
    );
    const [far] = (await lookUp('pi-01', {}, environment, project)).places;
    expect(far).toMatchObject({ ...access, ca: 'far.crt' });
  });

  it('is only the broker of the flag, else of the environment', async () => {
    await catalogue('devices: {pi-01: {broker: "mqtts://far:8883"}}\n');
    environment.IOT_HOST_BROKER = 'mqtt://env:1';
    expect(await brokers('pi-01')).toEqual(['mqtt://env:1']);
    expect(await brokers('pi-01', { broker: 'ws://flag:2' })).toEqual(['ws://flag:2']);
    await expect(brokers('pi-01', { broker: 'http://x' })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: '--broker: "http://x" is not the URL of an MQTT broker',
    });
    environment.IOT_HOST_BROKER = 'nonsense';
    await expect(brokers('pi-01')).rejects.toThrow('IOT_HOST_BROKER: "nonsense" is not');
  });

  it('fails with the place in a file that is not valid', async () => {
    await catalogue('devices:\n  pi-01: {brokr: mqtt://x}\n  b: {broker: "mqtt://x", password: hunter2}\n');
    await expect(brokers('pi-01')).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringMatching(
        /devices\.yaml:2:10: devices\.pi-01\.broker: is missing, expected text\n.*brokr: unknown key, did you mean "broker"\?\n.*:3:\d+: devices\.b\.password: a password is given by reference/s,
      ),
    });
  });
});

describe('which device is meant', () => {
  const named = (device?: string) => namedDevices({ device }, environment, project);

  it('is the flag, the environment, the project’s own, the default of devices.yaml, else an error', async () => {
    await expect(named()).rejects.toMatchObject({ code: 'E_USAGE', message: 'no device is named' });
    await catalogue('default: favourite\n');
    expect(await named()).toEqual(['favourite']);
    await projectFile('device: here\n');
    expect(await named()).toEqual(['here']);
    environment.IOT_HOST_DEVICE = 'env';
    expect(await named()).toEqual(['env']);
    expect(await named('a,b,a')).toEqual(['a', 'b']);
  });

  it('may be the last one or this machine', async () => {
    await expect(named('last')).rejects.toMatchObject({ code: 'E_DEVICE_NOT_FOUND', exitCode: 3 });
    await rememberLast('pi-07', environment);
    expect(await named('last')).toEqual(['pi-07']);
    expect(await named('host')).toEqual(['host']);
    await projectFile('device: here\n');
    expect(await named('host,last')).toEqual(['here', 'pi-07']);
  });

  it.each(['', 'a,', 'Pi', 'a/b', '+', '#', '-x'])('is not %j', async (device) => {
    await expect(named(device)).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('a secret', () => {
  it('comes from the systemd credentials, else from a file that only its owner reads', async () => {
    const file = join(home, '.config/iot-host/secrets/pw');
    await writeFile(file, 'open sesame\n', { mode: 0o600 });
    expect(await readSecret('secret://pw', environment)).toBe('open sesame');
    await chmod(file, 0o640);
    await expect(readSecret('secret://pw', environment)).rejects.toMatchObject({
      code: 'E_CONFIG',
      hint: `chmod 600 ${file}`,
    });
    await writeFile(join(home, 'pw'), 'credential');
    expect(await readSecret('secret://pw', { ...environment, CREDENTIALS_DIRECTORY: home })).toBe(
      'credential',
    );
  });

  it.each(['pw', 'secret://', 'secret://../x', 'secret://none'])('is not %j', async (reference) => {
    await expect(readSecret(reference, environment)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});
