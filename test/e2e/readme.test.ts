import { access, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ended } from '../cli/iot-host.js';
import { Cleanup } from '../helpers/cleanup.js';
import { freePort } from '../helpers/port.js';
import { codeBlocks, inlineCode, readmeSection } from '../helpers/readme.js';
import { type Background, Terminal } from '../helpers/terminal.js';

/**
 * The tour of README.md, typed as it stands there. What differs: the folder is an empty one that has only the built
 * `dist`, the broker has a port of its own, and `scripts/setup` has been run before.
 */
const tour = readmeSection('A tour in five minutes');
const blocks = codeBlocks(tour);
const [setup, keys, config, up, push, look, provider, anyModule] = blocks.map(({ text }) => text);

const cleanup = new Cleanup();
let folder: string;
let port: number;
let terminal: Terminal;
let device: Background;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-readme-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  await symlink(resolve('dist'), join(folder, 'dist'));
  port = await freePort();
  terminal = new Terminal(folder, { HOME: folder, PATH: process.env.PATH ?? '', NO_COLOR: '1' });
});
afterAll(() => cleanup.run());

/** Types `lines`, all of which succeed. */
async function type(lines = ''): Promise<Ended> {
  const ended = await terminal.run(lines);
  expect(ended, lines).toMatchObject({ code: 0 });
  return ended;
}

/** The text of one numbered step. */
function step(number: number): string {
  const text = tour.split(/^\*\*(?=\d\.)/m).find((part) => part.startsWith(`${number}.`));
  if (text === undefined) throw new Error(`the tour has no step ${number}`);
  return text;
}

/** The two lines of step 3 for another file and other flags. */
function signAndPush(file: string, flags: string): [sign: string, push: string] {
  const [sign = '', send = ''] = (push ?? '').split('\n');
  const changed = sign.replace('dist/actors/blink-v1.wasm', file).replace('--rev 1 --ver 1.0.0', flags);
  expect(changed).not.toBe(sign);
  return [changed, send];
}

/** What blink says of itself, by the line of step 4. */
async function status(): Promise<{ version: number; on: boolean; count: number }> {
  const line = (look ?? '').split('\n').find((candidate) => candidate.startsWith('iot-host call blink'));
  return JSON.parse((await type(line)).stdout);
}

/** States of the LED that blink published, one after the other, until `enough`. */
async function states(enough: number): Promise<boolean[]> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
  const seen: boolean[] = [];
  client.on('message', (_topic, payload) => seen.push(JSON.parse(payload.toString()).on));
  await client.subscribeAsync('home/blink/state');
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(enough);
  await client.endAsync();
  return seen;
}

describe('the tour of README.md', () => {
  it('consists of the blocks that are typed below', () => {
    expect(blocks.map(({ language }) => language)).toEqual([
      'sh',
      'sh',
      'yaml',
      'sh',
      'sh',
      'sh',
      'sh',
      'sh',
    ]);
  });

  it('set up once: the short name leads to the command line', async () => {
    const [script = '', alias = '', ...more] = (setup ?? '').trim().split('\n');
    expect(more).toEqual([]);
    const [file = '', target = ''] = script.split(' ');
    await access(file);
    expect(await readFile(file, 'utf8')).toContain(`case $want in build | ${target} |`);
    terminal.alias(alias);
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect((await type('iot-host version')).stdout).toContain(version);
  });

  it('1. keys and a trust document', async () => {
    const { stdout } = await type(keys);
    for (const name of ['account', 'root', 'release', 'control']) expect(stdout).toContain(name);
    await access(join(folder, 'trust', 'root.cbor'));
  });

  it('2. a device', async () => {
    expect(config).toMatch(/^board: sim$/m);
    const own = `${config}broker: embedded://127.0.0.1:${port}\n`;
    await writeFile(join(folder, 'iot-host.yaml'), own);
    device = terminal.background((up ?? '').trim(), cleanup);
    await expect.poll(() => device.output(), { timeout: 15_000 }).toContain('pi-01 is up');
  });

  it('3. sign and push: every stage is shown, and the LED blinks', async () => {
    const { stdout, stderr } = await type(push);
    const promised = /You see it ([^.]*)\./.exec(step(3))?.[1]?.split(', ') ?? [];
    expect(promised.length).toBeGreaterThan(3);
    let from = 0;
    for (const stage of promised) {
      const at = stderr.indexOf(`pi-01: blink ${stage}\n`, from);
      expect(at, `"${stage}" after ${JSON.stringify(stderr.slice(0, from))}`).toBeGreaterThanOrEqual(from);
      from = at;
    }
    expect(stdout).toMatch(/^pi-01: blink 1\.0\.0 \(sequence \d+\) is active$/m);
    const seen = await states(4);
    expect(seen).toEqual(seen.map((_, n) => (n % 2 === 0 ? seen[0] : !seen[0])));
  }, 40_000);

  it('4. look: it is listed, its log is there, it answers, and goes on', async () => {
    const { stdout } = await type(look);
    expect(stdout).toMatch(/^pi-01: ready/m);
    expect(stdout).toMatch(/^blink +running +1\.0\.0/m);
    expect(stdout).toMatch(/^iot:gpio +default +sim +running/m);
    const before = await status();
    expect(before).toEqual({ version: 1, on: expect.any(Boolean), count: expect.any(Number) });
    await states(2);
    expect((await status()).count).toBeGreaterThan(before.count);
  }, 40_000);

  it('5. swap: version 2 takes over, a bad one is taken back with 5, a changed byte is refused with 4', async () => {
    const [v2 = '', v2Flags = '', bad = '', badFlags = '', ...more] = inlineCode(step(5));
    expect(more).toEqual([]);
    const { stdout } = await type(signAndPush(v2, v2Flags).join('\n'));
    expect(stdout).toMatch(/^pi-01: blink 2\.0\.0 \(sequence \d+\) is active$/m);
    expect((await status()).version).toBe(2);
    const genuine = await readFile(join(folder, 'blink.wasm'));

    const [sign, send] = signAndPush(bad, badFlags);
    await type(sign);
    expect(step(5)).toContain('(exit code 5)');
    const rolledBack = await terminal.run(send);
    expect(rolledBack).toMatchObject({ code: 5, stderr: expect.stringContaining('rolled back') });
    expect((await status()).version).toBe(2);
    await states(2);

    const changed = Uint8Array.from(genuine, (byte, at) => (at === genuine.length >> 1 ? byte ^ 1 : byte));
    await writeFile(join(folder, 'blink.wasm'), changed);
    expect(step(5)).toContain('(exit code 4)');
    const refused = await terminal.run(send);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('error: ') });
    expect(await status()).toMatchObject({ version: 2 });
  }, 60_000);

  it('6. swap a provider: the device says that it is not ready, and the actor goes on', async () => {
    const [remove, ps, start] = (provider ?? '').split('\n');
    await type(remove);
    const { stdout } = await type(ps);
    expect(stdout).toContain('pi-01: not ready');
    expect(stdout).toContain('no provider for iot:gpio is running');
    // The actor was told, and handled it: it is there, and has not moved since.
    expect(stdout).toMatch(/^blink +running +2\.0\.0/m);
    const { count } = await status();
    expect((await status()).count).toBe(count);
    await type(start);
    expect((await type(ps)).stdout).toContain('pi-01: ready');
    await states(2);
    expect((await status()).count).toBeGreaterThan(count);
  }, 40_000);

  it('7. any module', async () => {
    expect((await type(anyModule)).stdout).toBe('4\n');
  });

  it('and the device ends when it is told to', async () => {
    expect(await device.end('SIGINT')).toBe(130);
  });
});
