import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, iotHost } from '../cli/iot-host.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT } from '../helpers/device.js';
import { freePort } from '../helpers/port.js';
import { type UpProcess, up } from '../helpers/up.js';

const cleanup = new Cleanup();
let folder: string;
let env: Record<string, string>;
let host: UpProcess;
/** What the first commands printed, by name. */
const first: { gen?: Ended; trust?: Ended; sign?: Ended; push?: Ended; bind?: Ended } = {};

const run = (...args: string[]): Promise<Ended> => iotHost(args, { home: folder, env });

interface Both {
  readonly text: string;
  readonly data: Record<string, unknown>;
}

/** The same line as a person and as a script reads it. */
async function both(...args: string[]): Promise<Both> {
  return compare(...(await Promise.all([run(...args), run(...args, '--json')])));
}

/** The same for what changes something: one after the other, the second time it is so already. */
async function bothInTurn(...args: string[]): Promise<Both> {
  return compare(await run(...args), await run(...args, '--json'));
}

function compare(text: Ended, json: Ended): Both {
  expect(text).toMatchObject({ code: 0 });
  expect(json).toMatchObject({ code: 0 });
  const envelope = JSON.parse(json.stdout);
  expect(Object.keys(envelope)).toEqual(['v', 'ok', 'data']);
  expect(envelope).toMatchObject({ v: 1, ok: true });
  return { text: text.stdout, data: envelope.data };
}

/** A line that fails, with `--json`: exit code and error. */
async function failure(...args: string[]): Promise<{ exit: number | null; code: string; hint?: string }> {
  const { code, stdout } = await run(...args, '--json');
  const envelope = JSON.parse(stdout);
  expect(envelope).toMatchObject({ v: 1, ok: false, error: { message: expect.any(String) } });
  return { exit: code, code: envelope.error.code, hint: envelope.error.hint };
}

/** Everything that a new user does, in the folder of the project and with nothing else set. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-tour-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  env = { HOME: folder, PATH: process.env.PATH ?? '', NO_COLOR: '1' };
  const config = {
    device: 'pi-01',
    dataDir: './data',
    broker: `embedded://127.0.0.1:${await freePort()}`,
    trust: { document: './trust' },
    updates: { dwellMs: 100 },
    providers: [{ contract: 'wascc:keyvalue', use: 'memory' }],
    actors: [{ ...COUNTER_SLOT, bindings: COUNTER_SLOT.bindings.slice(1) }],
  };
  await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(config, null, 2));
  for (const file of ['counter-v1', 'counter-v2', 'bad-hang']) {
    await copyFile(`dist/actors/${file}.wasm`, join(folder, `${file}.wasm`));
  }
  const caps = ['--cap', 'wascc:keyvalue,wascc:logging', '--cap', 'iot:mqtt'];
  first.gen = await run('keys', 'gen');
  first.trust = await run('keys', 'trust');
  first.sign = await run(
    'sign',
    'counter-v1.wasm',
    '--name',
    'counter',
    '--rev',
    '1',
    '--ver',
    '1.0.0',
    ...caps,
  );
  host = await up(cleanup, { cwd: folder, env });
  first.push = await run('push', 'counter-v1.signed.wasm');
  first.bind = await run('bind', 'counter', 'wascc:keyvalue');
  await run('sign', 'counter-v2.wasm', '--name', 'counter', '--rev', '2', '--ver', '2.0.0', ...caps);
  await run('sign', 'bad-hang.wasm', '--name', 'counter', '--rev', '3', ...caps);
}, 60_000);
afterAll(() => cleanup.run());

describe('a tour, each step as text and as JSON:', () => {
  it('keys gen, list and trust', async () => {
    expect(first.gen).toMatchObject({ code: 0, stderr: '' });
    const { data } = await both('keys', 'list');
    const keys = data.keys as { name: string; publicKey: string }[];
    expect(keys.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['account', 'module', 'root', 'release', 'control', 'module-counter']),
    );
    for (const { name, publicKey } of keys) {
      expect(publicKey).toMatch(/^[A-Z2-7]{56}$/);
      const file = join(folder, '.local/share/iot-host/keys', `${name}.nk`);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      // A seed is never shown.
      expect(JSON.stringify(first)).not.toContain((await readFile(file, 'utf8')).trim());
    }
    expect(first.trust).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('trust/root.cbor: version 1'),
    });
    expect((await bothInTurn('keys', 'trust')).data).toMatchObject({ version: 1, changed: false });
  });

  it('sign, verify and inspect', async () => {
    expect(first.sign).toMatchObject({ code: 0, stdout: expect.stringContaining('counter-v1.signed.wasm') });
    const verified = await both('verify', 'counter-v1.signed.wasm');
    expect(verified.text).toContain('is genuine and trusted by');
    expect(verified.data.claims).toMatchObject({
      name: 'counter',
      rev: 1,
      ver: '1.0.0',
      caps: ['wascc:keyvalue', 'wascc:logging', 'iot:mqtt'],
    });
    const inspected = await both('inspect', 'counter-v1.signed.wasm');
    expect(inspected.text).toContain('wapc.__host_call');
    expect(inspected.data).toMatchObject({ problem: null, claims: { name: 'counter' } });
  });

  it('up, and push: the outcome, and the grants that are still missing', async () => {
    expect(host.ready).toMatchObject({ event: 'ready', device: 'pi-01' });
    const { code, stdout, stderr } = first.push ?? {};
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pi-01: counter 1\.0\.0 \(sequence \d+\) is active$/m);
    expect(stdout).toContain('iot-host bind counter wascc:keyvalue --device pi-01');
    expect(stderr).toMatch(/on probation/);
    expect(first.bind).toMatchObject({ code: 0, stdout: expect.stringContaining('counter is running') });
  });

  it('push --json: one envelope on stdout and nothing else', async () => {
    const { code, stdout } = await run(
      'push',
      'counter-v1.signed.wasm',
      '--device',
      'pi-01',
      '--json',
      '--quiet',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      v: 1,
      ok: true,
      data: {
        devices: [
          { device: 'pi-01', component: 'counter', outcome: 'active', version: '1.0.0', unbound: [] },
        ],
      },
    });
  });

  it('push --dry-run changes nothing', async () => {
    const { text, data } = await both('push', 'counter-v2.signed.wasm', '--dry-run');
    expect(text).toContain('pi-01 (online): in place of 1.0.0');
    const part = { slot: 'counter', is: 'filled', otherIdentity: false, grants: { unbound: [] } };
    expect(data.devices).toMatchObject([{ device: 'pi-01', parts: [part] }]);
    expect((await both('ps')).data.actors).toMatchObject([{ version: '1.0.0' }]);
  });

  it('ps', async () => {
    const { text, data } = await both('ps', '--device', 'pi-01');
    expect(text).toMatch(/^pi-01: ready, iot-host \d/m);
    expect(text).toMatch(/^counter +running +1\.0\.0/m);
    expect(data).toMatchObject({
      device: 'pi-01',
      ready: true,
      problems: [],
      actors: [{ name: 'counter', state: 'running', failed: 0 }],
      providers: expect.arrayContaining([expect.objectContaining({ contract: 'wascc:keyvalue' })]),
    });
  });

  it('call: what the actor answers, in every coding', async () => {
    expect((await both('call', 'counter', 'Echo', '--data', 'hello')).text).toBe('hello\n');
    const coded = await both('call', 'counter', 'Echo', '--cbor', '{"on":[1,2]}');
    expect(coded).toEqual({ text: '{"on":[1,2]}\n', data: { reply: { on: [1, 2] } } });
    expect((await both('call', 'counter', 'Echo', '--msgpack', '7')).data).toEqual({ reply: 7 });
  });

  it('logs, and logs --follow until it is interrupted', async () => {
    expect((await run('logs', 'counter')).stdout).toContain('counter 1 is ready');
    const lines = (await run('logs', 'counter', '--json')).stdout.trim().split('\n');
    for (const line of lines) {
      const { level, actor, component, actors = [] } = JSON.parse(line);
      expect(level).toEqual(expect.any(String));
      // What it says itself, and what became of its updates.
      expect([actor, component, ...actors]).toContain('counter');
    }

    const child = spawn(process.execPath, [resolve('dist/runtime/cli/main.js'), 'logs', '-f', '--json'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    cleanup.add(() => child.kill('SIGKILL'));
    let followed = '';
    child.stdout.on('data', (data: Buffer) => {
      followed += data.toString();
    });
    await expect.poll(() => followed, { timeout: 10_000 }).toContain('counter 1 is ready');
    const mqtt = await connectAsync(host.ready.urls.broker ?? '');
    // What the counter does not understand is logged.
    await mqtt.publishAsync('home/cmd/count', 'nonsense', { qos: 1 });
    await mqtt.endAsync();
    await expect.poll(() => followed, { timeout: 10_000 }).toContain('not a decimal id');
    const ended = new Promise((settle) => child.once('exit', settle));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });

  it('providers: list, swap, remove, start; the stored value goes along', async () => {
    const mqtt = await connectAsync(host.ready.urls.broker ?? '');
    for (let id = 0; id < 5; id++) await mqtt.publishAsync('home/cmd/count', String(id), { qos: 1 });
    await mqtt.endAsync();
    const count = async () => (await run('call', 'counter', 'Count', '--cbor', '{}')).stdout;
    await expect.poll(count, { timeout: 10_000 }).toBe('{"count":5}\n');

    const { text, data } = await both('providers');
    expect(text).toMatch(/^wascc:keyvalue +default +memory +running/m);
    expect(data.contracts).toContainEqual(
      expect.objectContaining({
        id: 'wascc:keyvalue',
        implementations: expect.arrayContaining(['lmdb', 'memory']),
      }),
    );
    const swapped = await bothInTurn('providers', 'swap', 'wascc:keyvalue', '--to', 'lmdb');
    expect(swapped.data).toMatchObject({ implementation: 'lmdb', state: 'running', bindings: 1 });
    expect(await count()).toBe('{"count":5}\n');

    expect((await bothInTurn('providers', 'remove', 'wascc:keyvalue')).data).toMatchObject({
      state: 'removed',
    });
    const failed = await failure('call', 'counter', 'Count');
    expect(failed).toMatchObject({ exit: 8, code: 'E_GUEST' });
    expect((await run('ps')).stdout).toContain('no provider for wascc:keyvalue is running');
    expect((await bothInTurn('providers', 'start', 'wascc:keyvalue')).data).toMatchObject({
      state: 'running',
    });
    expect(await count()).toBe('{"count":5}\n');
  }, 60_000);

  it('bind', async () => {
    const { text, data } = await both(
      'bind',
      'counter',
      'wascc:keyvalue',
      '--name',
      'second',
      'space=shared',
    );
    expect(text).toBe('counter is bound to wascc:keyvalue (second); counter is running\n');
    expect(data.bindings).toContainEqual({ contract: 'wascc:keyvalue', name: 'second' });
  });
});

describe('exit codes:', () => {
  it.each([
    { line: ['pish'], exit: 2, code: 'E_USAGE' },
    { line: ['push', 'nothing.wasm'], exit: 2, code: 'E_NOT_FOUND' },
    { line: ['bind', 'counter', 'iot:nothing'], exit: 2, code: 'E_CONFIG' },
    { line: ['ps', '--device', 'pi-99'], exit: 3, code: 'E_DEVICE_NOT_FOUND' },
    { line: ['push', 'counter-v1.wasm'], exit: 4, code: 'E_UNSIGNED' },
    {
      line: ['push', 'bad-hang.signed.wasm'],
      exit: 5,
      code: 'E_PROBATION_START',
      hint: 'raise limits.fuelPerCall if the actor is right to work that long',
    },
    { line: ['push', 'bad-hang.signed.wasm'], exit: 4, code: 'E_BLOCKED' },
    { line: ['push', 'counter-v1.signed.wasm', '--device', 'pi-01,pi-99'], exit: 7, code: 'E_SOME_FAILED' },
    { line: ['call', 'nobody', 'Echo'], exit: 8, code: 'E_NO_ACTOR' },
    { line: ['logs', 'nobody'], exit: 8, code: 'E_NO_ACTOR', hint: 'actors there: counter' },
    { line: ['logs', 'nobody', '-f'], exit: 8, code: 'E_NO_ACTOR', hint: 'actors there: counter' },
    {
      line: ['call', 'counter', 'Nonsense'],
      exit: 8,
      code: 'E_GUEST',
      hint: 'iot-host logs counter --device pi-01 shows what it did last',
    },
  ])('$exit for $line', async ({ line, exit, code, hint = expect.any(String) }) => {
    expect(await failure(...line)).toEqual({ exit, code, hint });
  });

  it('2 for a binding that says what it must not, with what is expected', async () => {
    expect(await run('bind', 'counter', 'gpio', '--name', 'A b')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^error: binding of counter: contract: a contract id looks like iot:gpio; name: use 1 to 63 of /,
      ),
    });
    const { code, stderr } = await run('bind', 'counter', 'wascc:keyvalue', 'spce=x');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: binding of counter to wascc:keyvalue: spce: unknown key, did you mean "space"?\n',
    });
  });

  it('0 for up that is told to end, and what it had is there the next time', async () => {
    expect(await host.end('SIGTERM')).toBe(0);
    const { code, stderr } = await run('ps');
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining(`${host.ready.urls.broker}`),
    });
    host = await up(cleanup, { cwd: folder, env });
    const { data } = await both('ps');
    expect(data).toMatchObject({
      session: 2,
      actors: [{ name: 'counter', state: 'running', version: '1.0.0' }],
    });
    expect(await host.end('SIGINT')).toBe(130);
  });
});
