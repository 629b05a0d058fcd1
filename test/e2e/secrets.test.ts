import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, describe, expect, it } from 'vitest';
import { type Ended, firstLine, inProcess, iotHost, MAIN } from '../cli/iot-host.js';
import { Canary, escaped } from '../helpers/canaries.js';
import { certificates } from '../helpers/certificates.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT } from '../helpers/device.js';
import { TestKeys } from '../helpers/keys.js';
import { freePort } from '../helpers/port.js';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

const planted = (name: string) => `${name}+/${randomBytes(12).toString('base64')}`;

describe('what looks for secrets', () => {
  it.each([
    ['as it is', (secret: Buffer) => secret],
    ['in hex', (secret: Buffer) => secret.toString('hex').toUpperCase()],
    ['in base64', (secret: Buffer) => secret.toString('base64')],
    ['behind a user name in base64', (secret: Buffer) => Buffer.from(`u:${secret}x`).toString('base64')],
    ['behind a longer one', (secret: Buffer) => Buffer.from(`fleet:${secret}`).toString('base64')],
    ['in base64url', (secret: Buffer) => secret.toString('base64url')],
    ['in a URL', (secret: Buffer) => `mqtt://u:${encodeURIComponent(secret.toString())}@h`],
  ])('finds one %s', (_, write) => {
    const secret = planted('pw');
    const text = `before ${Buffer.from(write(Buffer.from(secret))).toString('latin1')} after`;
    expect(escaped([new Canary('pw', secret)], new Map([['log', text]]))).not.toEqual([]);
    expect(escaped([new Canary('pw', secret)], new Map([['log', 'before after']]))).toEqual([]);
  });
});

/** One machine's home with two devices in it, and everything that anybody gets to see of them. */
class Scene {
  readonly artefacts = new Map<string, string | Uint8Array>();
  readonly canaries: Canary[] = [];
  readonly keys = new TestKeys();
  readonly inEnvironment = planted('environment');
  readonly #env: Record<string, string>;

  private constructor(readonly home: string) {
    this.#env = { HOME: home, PATH: process.env.PATH ?? '', NO_COLOR: '1', IOT_HOST_MDNS: 'off' };
    this.#env.IOT_HOST_KEYS = join(home, 'keys');
    this.#env.PROVIDER_PASSWORD = this.inEnvironment;
  }

  static async make(): Promise<Scene> {
    const home = await mkdtemp(join(tmpdir(), 'iot-secrets-'));
    cleanup.add(() => rm(home, { recursive: true, force: true }));
    await mkdir(join(home, '.config/iot-host/secrets'), { recursive: true });
    await mkdir(join(home, 'trust'));
    const scene = new Scene(home);
    const before = process.cwd();
    process.chdir(home);
    cleanup.add(() => process.chdir(before));
    await writeFile(join(home, 'trust/root.cbor'), scene.keys.trustDocument());
    await scene.keys.save(join(home, 'keys'));
    for (const file of await readdir(join(home, 'keys'))) {
      scene.canaries.push(new Canary(file, (await readFile(join(home, 'keys', file), 'utf8')).trim()));
    }
    return scene;
  }

  /** A secret that the configuration refers to. */
  async plant(name: string, value = planted(name)): Promise<string> {
    this.canaries.push(new Canary(name, value));
    await writeFile(join(this.home, '.config/iot-host/secrets', name), `${value}\n`, { mode: 0o600 });
    return value;
  }

  write(name: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    return writeFile(join(this.home, name), content, { mode });
  }

  /** `iot-host up --verbose` with this configuration, all of whose output is kept. */
  async up(name: string, config: object): Promise<Up> {
    await this.write(`${name}.yaml`, JSON.stringify(config));
    const args = [MAIN, 'up', '--json', '--verbose', '--config', `${name}.yaml`];
    const child = spawn(process.execPath, args, {
      cwd: this.home,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    cleanup.add(() => child.kill('SIGKILL'));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part: Buffer) => {
        output += part.toString();
        this.artefacts.set(`output of ${name}`, output);
      });
    }
    let line = '';
    try {
      line = await firstLine(child);
      return { child, urls: JSON.parse(line).urls };
    } catch (thrown) {
      throw new Error(`${name} did not come up: ${line} ${output}`, { cause: thrown });
    }
  }

  /** A command line, as text and as JSON, with everything that `--verbose` adds. Gives the output of the last. */
  async run(...args: string[]): Promise<string> {
    let last = '';
    for (const flags of [['--verbose'], ['--verbose', '--json']]) {
      last = this.#keep([...args, ...flags], await inProcess([...args, ...flags], { env: this.#env }));
    }
    return last;
  }

  /** The same in a process of its own, once: for what reads secrets of its own accord. */
  async spawn(...args: string[]): Promise<string> {
    return this.#keep(args, await iotHost(args, { home: this.home, env: this.#env }));
  }

  #keep(args: readonly string[], { code, stdout, stderr }: Ended): string {
    const output = `${code} ${stdout}${stderr}`;
    this.artefacts.set(args.join(' '), output);
    return output;
  }

  /** What a device leaves on its disk, but for its own key. */
  async keepFiles(folder: string): Promise<void> {
    for (const file of await readdir(join(this.home, folder), { recursive: true })) {
      const path = join(this.home, folder, file);
      const { mode } = await stat(path);
      if ((mode & 0o170000) !== 0o100000) continue;
      if (file === 'device.key') {
        expect(mode & 0o777).toBe(0o600);
        this.canaries.push(new Canary(`key of ${folder}`, await readFile(path)));
      } else {
        this.artefacts.set(path, await readFile(path));
      }
    }
  }
}

interface Up {
  readonly child: ChildProcess;
  readonly urls: Readonly<Record<string, string>>;
}

async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function ended({ child }: Up): Promise<number | null> {
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill('SIGTERM');
  return exit;
}

it('no output, message, metric, error or file of a full run contains a secret', async () => {
  const scene = await Scene.make();
  const fleet = await scene.plant('fleet-password');
  const token = await scene.plant('http-token');
  const provider = await scene.plant('provider-password');
  const wrong = await scene.plant('wrong-password');
  const { ca, cert, key } = certificates();
  // Its first line is the same for all keys of this kind.
  scene.canaries.push(new Canary('TLS key', key.split('\n')[2] ?? ''));
  await scene.write('ca.crt', ca);
  await scene.write('broker.crt', cert);
  await scene.write('broker.key', key, 0o600);
  const port = await freePort();
  const outside = `mqtts://localhost:${port}`;

  const { inEnvironment } = scene;
  scene.canaries.push(new Canary('password from the environment', inEnvironment));
  const login = { contract: 'iot:mqtt', url: outside, ca, username: 'app' };
  const first = await scene.up('pi-01', {
    device: 'pi-01',
    dataDir: './data-1',
    broker: `embedded://127.0.0.1:${port}`,
    brokerTls: { cert: 'broker.crt', key: 'broker.key' },
    brokerUsers: { fleet: 'secret://fleet-password', app: 'secret://provider-password' },
    http: { port: 0, token: 'secret://http-token' },
    trust: { document: './trust' },
    updates: { dwellMs: 100 },
    logLevel: 'trace',
    providers: [
      { contract: 'wascc:keyvalue', use: 'lmdb' },
      { ...login, password: 'secret://provider-password' },
      { ...login, name: 'wrong', password: 'secret://wrong-password' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in a configuration
      { ...login, name: 'plain', password: '${PROVIDER_PASSWORD}' },
      { ...login, name: 'absent', password: 'secret://absent' },
    ],
    actors: [COUNTER_SLOT],
  });
  const listener = await connectAsync(`mqtt://127.0.0.1:${port}`);
  cleanup.add(() => listener.endAsync(true));
  let heard = '';
  listener.on('message', (topic, payload) => {
    heard += `${topic} ${payload.toString('latin1')}\n`;
    scene.artefacts.set('messages', Buffer.from(heard, 'latin1'));
  });
  await listener.subscribeAsync('#', { qos: 1 });

  // A second device, at the first one's broker from outside; a third that does not get in there.
  const there = {
    broker: outside,
    brokerTls: { ca: 'ca.crt' },
    http: { port: 0 },
    trust: { document: './trust' },
  };
  const bound = [{ name: 'counter', bindings: COUNTER_SLOT.bindings.slice(1) }];
  const second = await scene.up('pi-02', {
    ...{ device: 'pi-02', dataDir: './data-2', ...there, actors: bound, updates: { dwellMs: 100 } },
    brokerLogin: { username: 'fleet', password: 'secret://fleet-password' },
  });
  const third = await scene.up('pi-03', {
    ...{ device: 'pi-03', dataDir: './data-3', ...there, actors: bound },
    brokerLogin: { username: 'fleet', password: 'secret://wrong-password' },
  });

  const devices = {
    'pi-01': { broker: `mqtt://127.0.0.1:${port}` },
    'pi-02': {
      broker: outside,
      ca: join(scene.home, 'ca.crt'),
      username: 'fleet',
      password: 'secret://fleet-password',
    },
    'pi-03': {
      broker: outside,
      ca: join(scene.home, 'ca.crt'),
      username: 'fleet',
      password: 'secret://wrong-password',
    },
    'pi-04': { broker: outside, username: 'fleet', password: 'secret://fleet-password' },
  };
  await scene.write('.config/iot-host/devices.yaml', JSON.stringify({ devices }));
  await scene.write('good.wasm', scene.keys.counter(1));
  await scene.write('bad.wasm', scene.keys.sign('bad-trap-start', { name: 'counter', rev: 2 }));
  await scene.write(
    'foreign.wasm',
    scene.keys.sign('counter-v1', { name: 'counter', account: scene.keys.strangeAccount }),
  );

  // Pushes that end well, roll back and are rejected; logins that are refused.
  for (const device of ['pi-01', 'pi-02']) {
    expect(await scene.run('push', 'good.wasm', '--device', device)).toMatch(/^0 /);
    expect(await scene.run('push', 'bad.wasm', '--device', device)).toMatch(/^[45] /);
    expect(await scene.run('push', 'foreign.wasm', '--device', device)).toMatch(/^4 /);
    expect(await scene.run('ps', '--device', device)).toMatch(/^0 /);
    expect(await scene.run('providers', 'list', '--device', device)).toMatch(/^0 /);
    await scene.run('call', 'counter', 'Count', '--device', device);
    await scene.run('bind', 'counter', 'wascc:keyvalue', '--device', device);
  }
  expect(await scene.run('ps', '--device', 'pi-03')).toMatch(/^3 .*Not authorized/is);
  expect(await scene.run('ps', '--device', 'pi-04')).toMatch(/^3 .*certificate/is);
  const inAddress = planted('address');
  scene.canaries.push(new Canary('password in an address', inAddress));
  const address = `mqtt://me:${encodeURIComponent(inAddress)}@127.0.0.1:${port}`;
  expect(await scene.run('ps', '--device', 'pi-01', '--broker', address)).toMatch(/^3 .*Not authorized/is);
  expect(await scene.run('ps', '--device', 'pi-01', '--broker', address.replace('mqtt:', 'https:'))).toMatch(
    /^2 /,
  );
  await scene.run('ps', '--device', 'pi-01', '--broker', address.replace(String(port), 'x'));
  for (const line of [
    ['config', 'show', '--origin', '--config', 'pi-01.yaml'],
    ['config', 'check', '--config', 'pi-01.yaml'],
    ['keys', 'list'],
    ['keys', 'trust'],
    ['inspect', 'good.wasm'],
    ['verify', 'good.wasm'],
  ]) {
    await scene.run(...line);
  }

  // Settings that a colleague sends while the device runs, right and wrong; a module's log as it comes.
  await scene.run(
    'providers',
    'swap',
    'iot:mqtt',
    'mqtt',
    '--device',
    'pi-01',
    'password=secret://wrong-password',
  );
  const swap = ['providers', 'swap', 'iot:mqtt', '--device', 'pi-01', '--to', 'mqtt'];
  const refused = [`url=${outside}`, 'username=app', 'password=secret://wrong-password'];
  expect(await scene.run(...swap, ...refused, `ca=${JSON.stringify(ca)}`)).toMatch(/^0 .*Not authorized/is);
  expect(await scene.run(...swap, 'password=secret://absent')).toMatch(/^\d .*secret absent is not there/s);
  expect(await scene.run(...swap, `password=secret://${provider}`)).toMatch(/^2 .*by reference/s);
  expect(await scene.run(...swap, `password=${inEnvironment}`)).toMatch(/^2 .*by reference/s);
  const logs = spawn(
    process.execPath,
    [MAIN, 'logs', '--json', '--device', 'pi-01', '--broker', first.urls.broker ?? ''],
    {
      cwd: scene.home,
      env: { HOME: scene.home, PATH: process.env.PATH ?? '', IOT_HOST_KEYS: join(scene.home, 'keys') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let logged = '';
  logs.stdout.on('data', (part: Buffer) => {
    logged += part.toString();
    scene.artefacts.set('logs', logged);
  });
  await until(() => logged.includes('\n'));
  logs.kill('SIGINT');

  // Over HTTP, with and without the token.
  const ask = async (url: string, bearer: string) => {
    for (const path of ['/livez', '/readyz', '/healthz', '/metrics', `/${encodeURIComponent(wrong)}`]) {
      const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
      const headers = JSON.stringify([...response.headers]);
      scene.artefacts.set(
        `${url}${path.slice(0, 8)} ${bearer.length}`,
        `${response.status} ${headers} ${await response.text()}`,
      );
    }
  };
  await ask(first.urls.http ?? '', token);
  await ask(first.urls.http ?? '', wrong);
  await ask(second.urls.http ?? '', '');
  await ask(third.urls.http ?? '', '');
  const of = (url: string | undefined, path: string) =>
    [...scene.artefacts]
      .filter(([name]) => name.startsWith(`${url}${path}`))
      .map(([, content]) => String(content));
  expect(of(first.urls.http, '/metrics').join()).toContain('iot_host_calls_total{actor="counter"');
  expect(of(first.urls.http, '/healthz').filter((text) => text.startsWith('401'))).toHaveLength(1);
  expect(of(first.urls.http, '/readyz').join()).toContain('Not authorized');
  expect(of(first.urls.http, '/readyz').join()).toContain('secret absent is not there');
  expect(of(second.urls.http, '/readyz').join()).not.toContain('broker');
  expect(of(third.urls.http, '/readyz').join()).toContain('Not authorized');

  for (const device of [first, second, third].reverse()) expect(await ended(device)).toBe(0);

  // Configurations in which the secret itself stands, where it must not.
  for (const [name, config] of Object.entries({
    users: { brokerUsers: { fleet } },
    token: { http: { port: 0, token } },
    login: { broker: outside, brokerLogin: { username: 'fleet', password: provider } },
    open: { broker: 'embedded://0.0.0.0:0', brokerUsers: { fleet: 'secret://fleet-password' } },
    openHttp: { http: { host: '0.0.0.0', port: 0 } },
    address: { broker: address, brokerLogin: { username: 'a', password: 'secret://fleet-password' } },
    absent: { broker: 'embedded://127.0.0.1:0', brokerUsers: { fleet: 'secret://absent' } },
    key: { brokerTls: { cert: 'broker.key', key: 'broker.crt' }, broker: 'embedded://127.0.0.1:0' },
  })) {
    await scene.write(`${name}.yaml`, JSON.stringify({ device: 'pi-09', dataDir: './data-9', ...config }));
    const output = await scene.spawn('up', '--verbose', '--config', `${name}.yaml`);
    expect(output).toMatch(/^2 /);
  }
  expect(String(scene.artefacts.get('up --verbose --config open.yaml'))).toContain('brokerTls: {cert:');
  expect(String(scene.artefacts.get('up --verbose --config openHttp.yaml'))).toContain('token: secret://');

  for (const folder of ['data-1', 'data-2', 'data-3']) await scene.keepFiles(folder);
  expect(heard).toContain('iot/pi-01/ota/report');
  expect(heard).toContain('iot/pi-02/presence');
  expect(String(scene.artefacts.get('output of pi-01'))).toContain('logins with a wrong user or password');
  expect(scene.artefacts.size).toBeGreaterThan(60);
  expect(scene.canaries.length).toBeGreaterThanOrEqual(13);
  expect(escaped(scene.canaries, scene.artefacts)).toEqual([]);
}, 120_000);
