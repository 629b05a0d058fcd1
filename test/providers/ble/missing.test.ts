import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import contract from '#runtime/providers/iot-ble/contract.js';
import { missingAdapter } from '#runtime/providers/iot-ble/noble/adapter.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { guestModule, passed } from '../../helpers/guest.js';
import { startHost } from '../../helpers/host.js';
import {
  call,
  createProvider,
  failure,
  providerEnv,
  session,
  temporaryDir,
  until,
} from '../../helpers/providers.js';

const SCOPES = ['@abandonware', '@stoprocent'] as const;
const SCRIPT = fileURLToPath(new URL('missing.mjs', import.meta.url));
/** Whether the kernel has the sockets that an adapter is opened with. */
const hasBluetooth = readdirSync('/proc/net').includes('hci');

interface Told {
  readonly code: string;
  readonly message?: string;
  readonly hint?: string;
  readonly problems?: readonly string[];
}

/** An installation of iot-host that has all packages but those of Bluetooth, which the test puts there. */
class Installation {
  readonly #folder = temporaryDir();
  readonly #modules = join(this.#folder.path, 'node_modules');

  constructor() {
    cpSync(resolve('dist/runtime'), join(this.#folder.path, 'dist/runtime'), { recursive: true });
    cpSync(resolve('package.json'), join(this.#folder.path, 'package.json'));
    mkdirSync(this.#modules);
    for (const name of readdirSync(resolve('node_modules'))) {
      if (SCOPES.includes(name as (typeof SCOPES)[number])) continue;
      symlinkSync(resolve('node_modules', name), join(this.#modules, name));
    }
  }

  /** Copies a package, without its native code if asked to. */
  add(name: string, native: boolean): void {
    const filter = (path: string) => native || !/\/(build|prebuilds)$/.test(path);
    cpSync(resolve('node_modules', name), join(this.#modules, name), { recursive: true, filter });
  }

  remove(): void {
    for (const scope of SCOPES) rmSync(join(this.#modules, scope), { recursive: true, force: true });
  }

  /** `port`: is plugged in and out once the provider runs. */
  start(use: string, settings: object = {}, port?: string): Told {
    const args = [
      SCRIPT,
      this.#folder.path,
      use,
      JSON.stringify(settings),
      ...(port === undefined ? [] : [port]),
    ];
    const out = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // The package writes to stdout, too.
    return JSON.parse(out.slice(out.lastIndexOf('{"code"')));
  }

  end(): void {
    this.#folder.remove();
  }
}

describe('a package of Bluetooth', { timeout: 60_000 }, () => {
  let host: Installation;
  beforeAll(() => {
    host = new Installation();
  }, 60_000);
  afterEach(() => host.remove());
  afterAll(() => host.end());

  it.each([
    ['noble', '@abandonware/noble'],
    ['stoprocent', '@stoprocent/noble'],
  ])('%s that is not installed is told by its name, with what to type', (use, name) => {
    expect(host.start(use)).toEqual({
      code: 'E_UNAVAILABLE',
      message: `Bluetooth through ${name} is not available: it is not installed`,
      hint: `npm install ${name}`,
    });
  });

  it.each([
    ['noble', '@abandonware'],
    ['stoprocent', '@stoprocent'],
  ])('%s whose addon is not built is told so, with the command that builds it', (use, scope) => {
    host.add(`${scope}/noble`, true);
    host.add(`${scope}/bluetooth-hci-socket`, false);
    expect(host.start(use)).toEqual({
      code: 'E_UNAVAILABLE',
      message: `Bluetooth through ${scope}/noble is not available: its addon is not built`,
      hint: `npm rebuild --foreground-scripts ${scope}/bluetooth-hci-socket ${scope}/noble`,
    });
  });

  it('is wanted for a controller on a serial port, too', () => {
    expect(host.start('stoprocent', { hci: { uart: { port: '/dev/null' } } })).toMatchObject({
      code: 'E_UNAVAILABLE',
      message: expect.stringContaining('it is not installed'),
    });
  });

  it('that is missing when its controller is plugged in later is a problem, not the end of the host', () => {
    const folder = temporaryDir();
    onTestFinished(() => folder.remove());
    const port = join(folder.path, 'tty');
    const { code, problems } = host.start('stoprocent', { hci: { uart: { port } } }, port);
    const missing =
      'Bluetooth through @stoprocent/noble is not available: it is not installed: npm install @stoprocent/noble';
    const absent = expect.stringContaining(`there is no ${port}`);
    expect({ code, problems }).toEqual({ code: 'started', problems: [absent, missing, absent, missing] });
  });

  const reason = 'this kernel has Bluetooth';
  if (hasBluetooth) process.stderr.write(`skipped a kernel without Bluetooth: ${reason}\n`);
  it.skipIf(hasBluetooth)('finds a kernel without Bluetooth, and says so', (context) => {
    const socket = 'node_modules/@abandonware/bluetooth-hci-socket';
    if (!readdirSync(resolve(socket)).includes('build')) {
      process.stderr.write(
        `skipped a kernel without Bluetooth: ${socket} is not built here (scripts/setup lab)\n`,
      );
      context.skip();
    }
    for (const name of ['noble', 'bluetooth-hci-socket']) host.add(`@abandonware/${name}`, true);
    expect(host.start('noble')).toEqual({
      code: 'E_UNAVAILABLE',
      message: 'Bluetooth through @abandonware/noble is not available: the kernel has no Bluetooth',
      hint: 'a kernel with CONFIG_BT, or use: stoprocent with hci: {uart: {port: …}}',
    });
  });
});

describe('an adapter that is not there', () => {
  const folder = temporaryDir();
  afterAll(() => folder.remove());

  it('is told apart from a kernel that has none', () => {
    const none =
      'the kernel has no Bluetooth adapter: plug one in, or take dtoverlay=disable-bt out of config.txt';
    expect(missingAdapter('hci0', join(folder.path, 'nowhere'))).toBe(none);
    expect(missingAdapter('hci0', folder.path)).toBe(none);
    for (const name of ['hci1', 'hci0', 'hci0:64']) mkdirSync(join(folder.path, name));
    expect(missingAdapter('hci2', folder.path)).toBe('there is no adapter hci2, only hci0, hci1');
    expect(missingAdapter('hci1', folder.path)).toBeUndefined();
  });

  it.skipIf(hasBluetooth)('is the trouble of the provider, and of who would connect', async () => {
    const printed = vi.spyOn(console, 'log').mockImplementation(() => {});
    onTestFinished(() => printed.mockRestore());
    const provider = await createProvider(contract, 'stoprocent', providerEnv());
    await provider.start(new AbortController().signal);
    await until(() => provider.problem?.() !== undefined, 'a problem');
    // Stdout is for what the host has to say.
    expect(printed.mock.calls).toEqual([]);
    expect(provider.problem?.()).toMatch(/^the kernel has no Bluetooth adapter: /);
    const actor = session(contract, 'actor', { peripherals: ['*'] });
    await provider.bind(actor, async () => {});
    expect(await failure(() => call(contract, provider, actor, 'Connect', { id: 'a4c138000001' }))).toMatch(
      /^E_UNAVAILABLE peripheral a4c138000001: the kernel has no Bluetooth adapter/,
    );
    await provider.stop();
  });
});

describe('an actor whose radio is not there', () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  it('runs, its other bindings work, and the host says what is wrong', async () => {
    const providers = [{ contract: 'iot:ble', use: 'stoprocent', hci: { uart: { port: 'uart9' } } }];
    const bindings = [
      { contract: 'iot:ble', scan: true },
      { contract: 'iot:gpio', lines: { LED: { direction: 'out' } } },
    ];
    const guest = guestModule({ capabilities: bindings.map(({ contract }) => contract) });
    const test = await startHost({ providers, actors: [{ name: 'a', bindings }] }, { a: guest });
    cleanup.add(() => test.stop());
    const ask = (contract: string, operation: string, request: object) =>
      test.host.call('a', 'Pass', passed('default', contract, operation, encodePayload('cbor', request)));
    await expect(ask('iot:ble', 'Scan', {})).rejects.toMatchObject({
      message: expect.stringMatching(
        /E_NO_PROVIDER: .*no provider for iot:ble is running: .*there is no serial port uart9 on this board/,
      ),
    });
    await ask('iot:gpio', 'Write', { line: 'LED', value: 1 });
    const [state] = test.host.providers.list().filter(({ contract }) => contract === 'iot:ble');
    expect(state).toMatchObject({
      ...{ state: 'failed', implementation: 'stoprocent', bindings: 1 },
      problem: expect.stringContaining('there is no serial port uart9'),
    });
    expect(test.host.problems()).toEqual([state?.problem]);
    // Mended while it runs.
    await test.host.providers.get('iot:ble').swap('sim', {});
    await ask('iot:ble', 'Scan', {});
  });
});
