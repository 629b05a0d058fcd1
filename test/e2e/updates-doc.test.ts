import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isReasonCode } from '#runtime/base/reasons.js';
import { FINAL_STATES, UPDATE_STATES } from '#runtime/control/protocol/messages.js';
import { type Ended, MAIN } from '../cli/iot-host.js';
import { Cleanup } from '../helpers/cleanup.js';
import { freePort } from '../helpers/port.js';
import { type CodeBlock, codeBlocks, inlineCode, section } from '../helpers/readme.js';
import { type Background, Terminal } from '../helpers/terminal.js';

/**
 * docs/updates.md, typed as it stands there, section after section, against a device in a process of its own. What
 * differs: `scp` copies into the device's folder on this machine, and the device's broker has a free port.
 */
const DOCUMENT = 'docs/updates.md';
const BROKER = 'mqtt://pi-01.local:1883';
const SECTIONS = [
  'Provision',
  'Roll out',
  'Roll back, and abort',
  'Rotate a key',
  'Notice silence',
  'Recover from a stolen key',
];

const cleanup = new Cleanup();
const blocks = new Map<string, CodeBlock[]>(
  SECTIONS.map((title) => [title, codeBlocks(section(DOCUMENT, title))]),
);
let folder: string;
let device: string;
let port: number;
let terminal: Terminal;
let running: Background;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-updates-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  device = join(folder, 'pi-01');
  port = await freePort();
  await mkdir(join(device, 'trust'), { recursive: true });
  for (const version of [1, 2])
    await copyFile(resolve(`dist/actors/blink-v${version}.wasm`), join(folder, `lamp-${version}.wasm`));
  terminal = new Terminal(folder, {
    HOME: folder,
    PATH: process.env.PATH ?? '',
    NO_COLOR: '1',
    IOT_HOST_MDNS: 'off',
  });
  terminal.alias(`alias iot-host="node ${MAIN}"`);
  terminal.alias(`scp() { cp "$1" "\${2/#pi-01:\\/etc\\/iot-host/${device}}"; }`);
});
afterAll(() => cleanup.run());

/** The text of a shell block: `at` counts those of the section. */
function lines(title: string, at: number): string[] {
  const shell = (blocks.get(title) ?? []).filter(({ language }) => language === 'sh');
  const text = shell[at]?.text;
  if (text === undefined) throw new Error(`section "${title}" has no ${at + 1} blocks of commands`);
  return text.trim().replaceAll(BROKER, `mqtt://127.0.0.1:${port}`).split('\n');
}

/** Types lines, all of which succeed. */
async function type(...typed: string[]): Promise<Ended> {
  const ended = await terminal.run(typed.join('\n'));
  expect(ended, typed.join('\n')).toMatchObject({ code: 0 });
  return ended;
}

async function lampVersion(): Promise<number> {
  const { stdout } = await type("iot-host call lamp Status --cbor '{}' --device pi-01");
  return JSON.parse(stdout).version;
}

/** `iot-host` under a key folder of somebody else: with copies of the keys that were stolen. */
async function thief(...stolen: string[]): Promise<Terminal> {
  const home = join(folder, 'thief');
  const keys = join(home, 'keys');
  await mkdir(keys, { recursive: true });
  for (const key of stolen) {
    await copyFile(join(folder, '.local/share/iot-host/keys', `${key}.nk`), join(keys, `${key}.nk`));
    await chmod(join(keys, `${key}.nk`), 0o600);
  }
  const other = new Terminal(folder, {
    HOME: home,
    PATH: process.env.PATH ?? '',
    NO_COLOR: '1',
    IOT_HOST_KEYS: keys,
    IOT_HOST_MDNS: 'off',
    IOT_HOST_BROKER: `mqtt://127.0.0.1:${port}`,
  });
  other.alias(`alias iot-host="node ${MAIN}"`);
  return other;
}

describe('docs/updates.md', () => {
  it('holds no command that is not typed below', async () => {
    const count = (title: string) => (blocks.get(title) ?? []).map(({ language }) => language);
    expect(SECTIONS.map(count)).toEqual([
      ['sh', 'sh', 'yaml', 'sh'],
      ['sh', 'sh'],
      ['sh', 'sh'],
      ['sh', 'sh', 'sh'],
      ['sh'],
      ['sh'],
    ]);
    const all = codeBlocks(await readFile(resolve(DOCUMENT), 'utf8')).filter(
      ({ language }) => language === 'sh',
    );
    expect(all).toHaveLength(SECTIONS.flatMap(count).filter((language) => language === 'sh').length);
  });

  it('names only states and reasons that there are', () => {
    const text = section(DOCUMENT, 'What states and reasons mean');
    const words = inlineCode(text);
    const codes = words.filter((word) => word.startsWith('E_'));
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !isReasonCode(code))).toEqual([]);
    for (const state of FINAL_STATES) expect(words).toContain(state);
    expect(words[0]?.split(' → ')).toEqual(UPDATE_STATES.slice(0, 5));
    // `_TRAP` and the like go on with the code before them.
    const short = words.filter((word) => word.startsWith('_'));
    expect(short.filter((end) => !isReasonCode(`E_PROBATION${end}`))).toEqual([]);
  });

  it('provision: two of three root keys, a first document by hand, a device that trusts it', async () => {
    const { stdout } = await type(...lines('Provision', 0));
    expect(stdout).toContain('root (2 of 3)');
    expect(stdout).toMatch(/^root-3 +operator +O\w{55} +root +[0-9a-f]{64}$/m);
    await type(...lines('Provision', 1));
    const yaml = blocks.get('Provision')?.find(({ language }) => language === 'yaml')?.text;
    const own = `${yaml}board: sim\nbroker: embedded://127.0.0.1:${port}\ndataDir: ./data\nupdates: { dwellMs: 300 }\n`;
    await writeFile(join(device, 'iot-host.yaml'), own);
    running = terminal.background('cd pi-01 && iot-host up', cleanup);
    await expect.poll(() => running.output(), { timeout: 15_000 }).toContain('pi-01 is up');
    await type(...lines('Provision', 2));
    expect((await type('iot-host ps --device pi-01')).stdout).toMatch(/^lamp +empty/m);
  }, 60_000);

  it('roll out: shown, pushed, in waves', async () => {
    const [sign = '', dryRun = '', push = '', ...more] = lines('Roll out', 0);
    expect(more).toEqual([]);
    await type(sign);
    expect((await type(dryRun)).stdout).toContain('pi-01 (online): into its empty slot');
    expect((await type(push)).stdout).toMatch(/^pi-01: lamp 1\.0\.0 \(sequence \d+\) is active$/m);
    const { stdout } = await type(...lines('Roll out', 1));
    expect(stdout).toMatch(/^pi-01: lamp 2\.0\.0 \(sequence \d+\) is active$/m);
    expect(await lampVersion()).toBe(2);
  }, 60_000);

  it('roll back: the module before runs again; abort: nothing is under way', async () => {
    const [rollback = '', ...more] = lines('Roll back, and abort', 0);
    expect(more).toEqual([]);
    expect((await type(rollback)).stdout).toMatch(/^pi-01: lamp 1\.0\.0 \(sequence \d+\) is active$/m);
    expect(await lampVersion()).toBe(1);
    // And forth: what was left is now the one before.
    await type(rollback);
    expect(await lampVersion()).toBe(2);
    const { stdout } = await type(...lines('Roll back, and abort', 1));
    expect(stdout).toBe('no update of lamp is under way\n');
    expect(await lampVersion()).toBe(2);
  }, 60_000);

  it('rotate: release, control and root keys, and the old ones do nothing any more', async () => {
    const other = await thief('release', 'control');
    const { stdout } = await type(...lines('Rotate a key', 0));
    expect(stdout).toContain('pi-01: trusts by version 2 now');
    const push = 'iot-host push lamp.wasm --device pi-01';
    expect(await other.run(push)).toMatchObject({ code: 4, stderr: expect.stringContaining('not trusted') });
    await type(push);
    expect((await other.run('iot-host ps --device pi-01')).code).toBe(0);
    expect((await type(...lines('Rotate a key', 1))).stdout).toContain('pi-01: trusts by version 4 now');
    expect(await other.run('iot-host ps --device pi-01')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('does not have the role control'),
    });
    await type('iot-host ps --device pi-01');
  }, 90_000);

  it('root keys sign one after the other, and the device takes what both have signed', async () => {
    const [first = '', second = '', send = '', ...more] = lines('Rotate a key', 2);
    expect(more).toEqual([]);
    expect(await terminal.run(first)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('it waits in trust/root.next.cbor'),
    });
    await type(second);
    expect((await type(send)).stdout).toContain('pi-01: trusts by version 5 now');
  }, 60_000);

  it('silence: the device shows until when it is fresh', async () => {
    const { stdout } = await type(...lines('Notice silence', 0));
    expect(stdout).toMatch(/^pi-01: fresh until \S+ \S+ UTC, newest: lamp \d+$/m);
    const shown = async () => (await type('iot-host ps --device pi-01')).stdout;
    await expect.poll(shown, { timeout: 10_000 }).toMatch(/^ {2}fresh until /m);
  }, 60_000);

  it('a stolen release key: numbers start anew, the thief is locked out, his module never runs again', async () => {
    const [rotate = '', send = '', push = '', ...more] = lines('Recover from a stolen key', 0);
    expect(more).toEqual([]);
    const other = await thief('release', 'account', 'module-lamp');
    await type('cp lamp-1.wasm evil-1.wasm');
    const sign =
      'iot-host sign evil-1.wasm -o evil.wasm --name lamp --rev 9 --ver 6.6.6 --module module-lamp';
    const caps = '--cap iot:gpio --cap iot:timer --cap iot:mqtt';
    expect(await other.run(`${sign} ${caps}`)).toMatchObject({ code: 0 });
    expect(await other.run('iot-host push evil.wasm --device pi-01')).toMatchObject({ code: 0 });
    expect(await lampVersion()).toBe(1);

    await type(rotate, send);
    expect(await other.run('iot-host push evil.wasm --device pi-01')).toMatchObject({ code: 4 });
    await type(push);
    expect(await lampVersion()).toBe(2);
    // Not even by the right key: the document blocks it.
    expect(await terminal.run('iot-host push evil.wasm --device pi-01')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('lamp rejected'),
    });
    expect(await lampVersion()).toBe(2);
  }, 90_000);

  it('the other recoveries: what stands in the text is typed too', async () => {
    const text = section(DOCUMENT, 'Recover from a stolen key');
    const [control = '', account = '', root = ''] = text
      .split(/^\*\*/m)
      .slice(2)
      .map((part) => inlineCode(part)[0]);
    expect([control, account, root]).toEqual([
      'iot-host keys rotate control',
      'iot-host keys rotate claims',
      'iot-host keys rotate root-2',
    ]);
    const { stdout } = await type(control, account, root, 'iot-host keys trust --all');
    expect(stdout).toMatch(/^pi-01: trusts by version 10 now$/m);
    const push = 'iot-host push lamp.wasm --device pi-01';
    expect(await terminal.run(push)).toMatchObject({ code: 4 });
    const [sign = ''] = lines('Roll out', 1);
    await type(sign, push);
    expect(await lampVersion()).toBe(2);
    expect(await running.end('SIGINT')).toBe(130);
  }, 90_000);
});
