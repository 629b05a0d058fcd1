import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { emptyHome, inProcess } from './iot-host.js';

let place: Awaited<ReturnType<typeof emptyHome>>;
const before = process.cwd();
beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  await mkdir(join(place.home, 'empty'));
  await writeFile(
    join(place.home, 'iot-host.yaml'),
    `device: \${NAME:pi-01}
broker: mqtt://me:hunter2@lan:1883/?token=hunter3
labels: {site: "green house", api_key: hunter4}
providers:
  - {contract: "wascc:keyvalue", use: lmdb}
actors:
  - name: blink
    limits:
      fuelPerCall: \${FUEL:1000}
    bindings: [{contract: "iot:gpio", lines: {LED: {direction: out}}, note: "\${MY_PASSWORD:}"}]
`,
  );
});
afterAll(() => process.chdir(before));

const run = (...args: string[]) => inProcess(args, place);

it('config show tells where every value comes from, and no secret', async () => {
  Object.assign(place.env, { FUEL: '7', MY_PASSWORD: 'hunter5', IOT_HOST_BROKER: 'mqtt://me:hunter6@b' });
  const { code, stdout } = await run('config', 'show', '--origin', '--json');
  const shown = await run('config', 'show', '--origin');
  for (const name of ['FUEL', 'MY_PASSWORD', 'IOT_HOST_BROKER']) delete place.env[name];
  expect(code).toBe(0);
  expect(stdout + shown.stdout).not.toContain('hunter');
  const { settings, host } = JSON.parse(stdout).data;
  expect(settings).toContainEqual({ key: 'broker', value: 'mqtt://me:***@b', origin: 'IOT_HOST_BROKER' });
  expect(settings).toContainEqual({ key: 'config', value: 'iot-host.yaml', origin: 'default' });
  expect(settings).toContainEqual({ key: 'device', value: 'pi-01', origin: 'iot-host.yaml:1' });
  const by = Object.fromEntries(host.map((entry: { key: string }) => [entry.key, entry]));
  expect(by.device).toMatchObject({ value: 'pi-01', origin: 'iot-host.yaml:1' });
  expect(by.board).toMatchObject({ value: 'auto', origin: 'default' });
  expect(by.broker).toMatchObject({ value: 'mqtt://me:***@lan:1883/?token=***' });
  expect(by['labels.api_key']).toMatchObject({ value: '***' });
  expect(by['actors[0].limits.fuelPerCall']).toMatchObject({ value: 7, origin: 'FUEL at iot-host.yaml:9' });
  expect(by['actors[0].limits.queue']).toMatchObject({ value: 1024, origin: 'default' });
  expect(by['actors[0].bindings[0].note']).toMatchObject({
    value: '***',
    origin: 'MY_PASSWORD at iot-host.yaml:10',
  });
  expect(by['trust.issuers']).toMatchObject({ value: [], origin: 'default' });
  expect(shown.stdout).toMatch(/^ {2}labels\.site +green house +iot-host\.yaml:3$/m);
});

it('config show is plain without --origin, and works beside no configuration', async () => {
  expect((await run('config', 'show')).stdout).toContain('\n  labels.site = green house\n');
  process.chdir('empty');
  const { code, stdout } = await run('config', 'show', '--json');
  process.chdir('..');
  expect(code).toBe(0);
  expect(JSON.parse(stdout).data).toMatchObject({ file: null, host: [] });
  expect(await run('config', 'show', '-c', 'bad.yaml')).toMatchObject({ code: 2 });
});

it('config check says what is expected of settings, at their place, in the order of the file', async () => {
  await writeFile(
    join(place.home, 'settings.yaml'),
    `device: a
board: sim
actors:
  - name: b
    bindings:
      - contract: "iot:gpio"
        lines:
          LED: {direction: out, safe: 2}
          BUTTON: {}
        lins: {}
providers:
  - contract: "iot:serial"
    use: serialport
    ports:
      meter: {ubs: "0403:6001"}
    baud: 9600
`,
  );
  const { code, stdout } = await run('config', 'check', '-c', 'settings.yaml', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error.message.split('\n')).toEqual([
    'settings.yaml:8:39: actors[0].bindings[0].lines.LED.safe: expected 0 or 1',
    'settings.yaml:9:19: actors[0].bindings[0].lines.BUTTON.direction: is missing, expected one of out, in',
    'settings.yaml:10:9: actors[0].bindings[0].lins: unknown key, did you mean "lines"?',
    'settings.yaml:15:14: providers[0].ports.meter: expected {path: …} or {usb: …}; did you mean "usb"?',
    'settings.yaml:16:5: providers[0].baud: unknown key, known here: ports, contract, use, name',
  ]);
});

it('config check finds what up would, each with its line', async () => {
  const wrong = await run('config', 'check');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toBe(
    'error: iot-host.yaml:10:71: actors[0].bindings[0].note: unknown key, did you mean "name"?\n',
  );
  await writeFile(
    join(place.home, 'bad.yaml'),
    `device: a
board: toaster
providers:
  - {contract: "wascc:keyvalue", use: redis}
actors:
  - name: b
    path: ./none.wasm
    bindings:
      - {contract: "iot:gpi"}
`,
  );
  const { code, stdout } = await run('config', 'check', '-c', 'bad.yaml', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error.message.split('\n')).toEqual([
    expect.stringMatching(/^bad\.yaml:2:8: board: there is no board "toaster" \(boards: /),
    'bad.yaml:4:5: providers[0]: wascc:keyvalue has no implementation "redis" (use one of: memory, lmdb)',
    expect.stringMatching(/^bad\.yaml:7:11: actors\[0\]\.path: .*none\.wasm cannot be read \(ENOENT\)$/),
    expect.stringMatching(/^bad\.yaml:9:9: actors\[0\]\.bindings\[0\]: this host has no contract iot:gpi/),
  ]);
  await writeFile(join(place.home, 'good.yaml'), 'device: a\nactors: [{name: b}]\n');
  place.env.IOT_HOST_CONFIG = 'good.yaml';
  const good = await run('config', 'check');
  delete place.env.IOT_HOST_CONFIG;
  expect(good).toEqual({
    code: 0,
    stdout: 'good.yaml is valid: device a, 1 actor, 0 providers\n',
    stderr: '',
  });
});
