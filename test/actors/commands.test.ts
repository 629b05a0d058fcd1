import { access, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MAIN } from '../cli/iot-host.js';
import { Cleanup } from '../helpers/cleanup.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { Terminal } from '../helpers/terminal.js';
import { actorReadme } from './real/readme.js';

/**
 * What the READMEs of the actors say is to be typed, typed as it stands there, on a simulated board. What differs: the
 * broker has a free port, nothing is built anew, and who watches does so from the start.
 */
const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** What the last line of each shows. */
const SHOWS = {
  blink: '"version":1',
  counter: '"count":1',
  thermostat: '{"setpoint":21.5,"relay":"off","sensor":"waiting"}',
  door: 'home/door/GPIO18 {"state":"open","count":0,"lost":0}',
  'ble-beacon': 'home/ble/a4c138000001 {"address":"a4:c1:38:00:00:01"',
  'modbus-gateway': '{"error":"no answer"}',
} as const;

const BLE = { contract: 'iot:ble', use: 'sim', peripherals: [{ address: 'a4:c1:38:00:00:01' }] };

async function place(actor: string): Promise<{ terminal: Terminal; port: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'iot-commands-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  await symlink(resolve('dist'), join(folder, 'dist'));
  const broker = await startMosquitto();
  cleanup.add(() => broker.stop());
  const { actors, providers = [] } = actorReadme(actor).config;
  const bindings = actors.flatMap((slot) => slot.bindings);
  const ports = bindings.flatMap((binding) => Object.keys(binding.ports ?? {}));
  const config = {
    ...{
      device: 'pi-01',
      board: 'sim',
      trust: { document: './trust' },
      dataDir: './data',
      http: { port: 0 },
    },
    ...{ broker: broker.url, actors, updates: { dwellMs: 150 } },
    providers: [
      ...providers.filter(({ contract }) => contract !== 'iot:serial'),
      ...(ports.length === 0 ? [] : [{ contract: 'iot:serial', use: 'sim', ports }]),
      ...(bindings.some(({ contract }) => contract === 'iot:ble') ? [BLE] : []),
    ],
  };
  await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(config));
  const env = { HOME: folder, PATH: process.env.PATH ?? '', NO_COLOR: '1', IOT_HOST_MDNS: 'off' };
  const terminal = new Terminal(folder, env);
  terminal.alias(`alias iot-host="node ${MAIN}"`);
  return { terminal, port: broker.port };
}

describe.skipIf(missing !== undefined)('what the README of an actor says is to be typed', () => {
  it.each(Object.entries(SHOWS))('%s', { timeout: 120_000 }, async (actor, shown) => {
    const [build = '', ...commands] = actorReadme(actor).commands;
    await access(build);
    const { terminal, port } = await place(actor);
    const type = async (line: string) => {
      const ended = await terminal.run(line);
      expect(ended, line).toMatchObject({ code: 0 });
      return ended.stdout;
    };
    await type('iot-host keys gen\niot-host keys trust ./trust');
    const up = terminal.background('iot-host up', cleanup);
    await expect.poll(() => up.output(), { timeout: 30_000 }).toContain('pi-01 is up');
    const local = (line: string) => line.replace('-h localhost', `-h 127.0.0.1 -p ${port}`);
    const last = local(commands.at(-1) ?? '');
    const watching = last.startsWith('mosquitto_sub') ? terminal.background(last, cleanup) : undefined;
    for (const line of commands.slice(0, -1)) await type(local(line));
    const seen = async () => (watching?.output() ?? (await type(last))).replaceAll(/\s/g, '');
    await expect.poll(seen, { timeout: 30_000, interval: 200 }).toContain(shown.replaceAll(' ', ''));
  });
});
