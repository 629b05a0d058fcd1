import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup } from '../helpers/cleanup.js';
import { freePort } from '../helpers/port.js';
import { type Background, Terminal } from '../helpers/terminal.js';
import { wat } from '../helpers/wat.js';

const execute = promisify(execFile);
/** What npm says when there is no way to the registry, not when the package is wrong. */
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|fetch failed/;
const INSTALL_MS = 150_000;
const ADD = '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))\n';

const cleanup = new Cleanup();
let packed: string[];
let folder: string;
let terminal: Terminal;
/** Why the package could not be installed here. */
let offline: string | undefined;

/** Packs as npm would publish, and installs that where nothing else is: no compiler, no checkout. */
beforeAll(async () => {
  const place = await mkdtemp(join(tmpdir(), 'iot-package-'));
  cleanup.add(() => rm(place, { recursive: true, force: true }));
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', place];
  const [tarball] = JSON.parse((await execute('npm', pack)).stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = tarball.files.map(({ path }) => path);
  const bin = await toolsOnly(join(place, 'bin'));
  folder = join(place, 'empty');
  await mkdir(folder);
  terminal = new Terminal(folder, { HOME: folder, PATH: bin, NO_COLOR: '1' });
  const install = ['install', join(place, tarball.filename), '--omit=dev', '--ignore-scripts', '--no-audit'];
  const quick = ['--no-fund', '--prefer-offline', '--fetch-retries=1', '--fetch-timeout=20000'];
  try {
    await execute('npm', [...install, ...quick], {
      cwd: folder,
      env: { ...process.env, PATH: bin },
      timeout: INSTALL_MS,
    });
  } catch (thrown) {
    const said = String((thrown as { stderr?: unknown }).stderr ?? thrown);
    if (!OFFLINE.test(said)) throw thrown;
    offline = 'the packages that it depends on cannot be fetched from here';
    process.stderr.write(`skipped: ${offline}\n`);
  }
}, INSTALL_MS + 30_000);
afterAll(() => cleanup.run());

/** A folder for PATH with Node, npm and a shell, and nothing else. */
async function toolsOnly(bin: string): Promise<string> {
  await mkdir(bin);
  for (const tool of ['node', 'npm', 'npx', 'sh', 'bash']) {
    const { stdout } = await execute('sh', ['-c', `command -v ${tool}`]);
    const found = tool === 'node' ? process.execPath : await realpath(stdout.trim());
    await symlink(found, join(bin, tool));
  }
  return bin;
}

describe('the packed tarball', () => {
  it('has what a device needs', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'boards/sim.yaml'],
        ...['boards/headers/raspberry-pi-40.yaml', 'boards/chips/pinctrl-rp1.yaml'],
        ...['dist/native/engine.wasm', 'dist/runtime/cli/main.js', 'dist/runtime/host/cell/worker.js'],
        ...['dist/runtime/index.js', 'dist/runtime/index.d.ts'],
      ]),
    );
  });

  it('has no sources, no tests, no actors, and nothing of the machine that packed it', () => {
    const own =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|boards\/((chips|headers)\/)?[\w-]+\.yaml|dist\/native\/(engine\.wasm|LICENSE\.wasm3)|dist\/runtime\/[\w/-]+\.(js|d\.ts))$/;
    expect(packed.filter((path) => !own.test(path))).toEqual([]);
  });
});

describe('installed into an empty folder, without emcc', () => {
  const run = (line: string) => terminal.run(line);

  it('says its version', async ({ skip }) => {
    if (offline !== undefined) skip(offline);
    expect(await run('command -v emcc')).toMatchObject({ code: 1 });
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    const { code, stdout } = await run('npx --no-install iot-host version --json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { version } });
  });

  it('runs a module, and says what is missing for one that is text', async ({ skip }) => {
    if (offline !== undefined) skip(offline);
    await writeFile(join(folder, 'add1.wasm'), wat(ADD));
    await writeFile(join(folder, 'add1.wat'), ADD);
    expect(await run('npx --no-install iot-host run add1.wasm --invoke add 2 2')).toEqual({
      code: 0,
      stdout: '4\n',
      stderr: '',
    });
    const text = await run('npx --no-install iot-host run add1.wat --invoke add 2 2 --json');
    expect(text.code).toBe(2);
    expect(JSON.parse(text.stdout).error).toMatchObject({
      code: 'E_UNAVAILABLE',
      hint: 'npm install wabt',
    });
  });

  it('finds every package that any part of it imports', async ({ skip }) => {
    if (offline !== undefined) skip(offline);
    // In a checkout that has seen files renamed, `dist` has some that no longer belong to anything.
    const source = (path: string) => path.replace(/^dist\/(.*)\.js$/, '$1.ts');
    const parts = packed.filter((path) => /^dist\/runtime\/.*\.js$/.test(path) && existsSync(source(path)));
    // Two begin to work when they are imported: the command line and a cell's thread.
    const acting = [...['dist/runtime/cli/main.js', 'dist/runtime/host/cell/worker.js']];
    const lines = parts
      .filter((path) => !acting.includes(path))
      .map((path) => `await import(${JSON.stringify(`./node_modules/iot-host/${path}`)});`);
    await writeFile(
      join(folder, 'all.mjs'),
      `${lines.join('\n')}\nconsole.log(typeof (await import('iot-host')).createHost);\n`,
    );
    expect(await run('node all.mjs')).toEqual({ code: 0, stdout: 'function\n', stderr: '' });
    expect(parts.length).toBeGreaterThan(200);
  });

  it('is a whole device, with a store, that a person can look at', async ({ skip }) => {
    if (offline !== undefined) skip(offline);
    const port = await freePort();
    const config = {
      device: 'pi-01',
      broker: `embedded://127.0.0.1:${port}`,
      trust: { document: './trust' },
      providers: [{ contract: 'wascc:keyvalue', use: 'lmdb' }],
    };
    await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(config));
    const keys = await run(
      'npx --no-install iot-host keys gen\nnpx --no-install iot-host keys trust ./trust',
    );
    expect(keys).toMatchObject({ code: 0 });
    const up: Background = terminal.background('npx --no-install iot-host up', cleanup);
    await expect.poll(() => up.output(), { timeout: 20_000 }).toContain('pi-01 is up');
    const { stdout } = await run('npx --no-install iot-host ps');
    expect(stdout).toMatch(/^pi-01: ready/m);
    expect(stdout).toMatch(/^wascc:keyvalue +default +lmdb +running/m);
    await up.end('SIGTERM');
  }, 60_000);
});
