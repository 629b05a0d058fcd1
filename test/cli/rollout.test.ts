import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDesired } from '#runtime/control/client/desired.js';
import type { ActorStatus } from '#runtime/control/protocol/messages.js';
import { readTrustDocument } from '#runtime/trust/document/signed.js';
import { readEnvelope } from '#runtime/trust/suit/envelope.js';
import { readManifest } from '#runtime/trust/suit/manifest.js';
import { blink, Cleanup, digestOf, FakeDevice, until } from '../control/fixture.js';
import { startAedes } from '../helpers/broker.js';
import { wat } from '../helpers/wat.js';
import { emptyHome, inProcess } from './iot-host.js';

const NAMES = ['gh-1', 'gh-2', 'gh-3', 'gh-4', 'gh-5'];
const cleanup = new Cleanup();
const fleet = new Map<string, FakeDevice>();
let place: Awaited<ReturnType<typeof emptyHome>>;

const actor: ActorStatus = {
  ...blink,
  key: 'MOTHER',
  capabilities: ['iot:gpio', 'iot:serial'],
  bindings: [
    { contract: 'iot:gpio', name: 'default' },
    { contract: 'iot:http', name: 'default' },
  ],
};

const run = (...args: string[]) => inProcess(args, place);
const begun = () => NAMES.filter((name) => (fleet.get(name)?.desired.length ?? 0) > 0);
const device = (name: string) => {
  const found = fleet.get(name);
  if (found === undefined) throw new Error(`no device ${name}`);
  return found;
};

beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  const broker = await startAedes();
  cleanup.add(broker, () => broker.stop());
  place.env.IOT_HOST_BROKER = broker.url;
  await run('keys', 'gen');
  await run('keys', 'trust');
  const file = await readFile(join(place.home, 'trust/root.cbor'));
  const document = readTrustDocument(new Uint8Array(file));
  for (const [name, pages] of [
    ['blink', 1],
    ['valve', 2],
  ] as const) {
    await writeFile(join(place.home, `${name}.wasm`), wat(`(module (memory (export "memory") ${pages}))`));
    await run(
      'sign',
      `${name}.wasm`,
      '--name',
      name,
      '--cap',
      'iot:gpio',
      '--cap',
      'iot:http',
      '--cap',
      'iot:mqtt',
    );
  }
  for (const name of NAMES) {
    const base = new FakeDevice(broker.url, name);
    const ps = async () => ({ ...(await base.handlers().ps({})), actors: [actor] });
    const fake = new FakeDevice(broker.url, name, {
      trust: () => document,
      labels: { site: 'greenhouse' },
      handlers: { ...base.handlers(), ps },
    });
    await fake.start();
    cleanup.add(fake, () => fake.agent.stop());
    await until(() => fake.agent.connected, 'device connected');
    fleet.set(name, fake);
  }
});
const before = process.cwd();
afterAll(async () => {
  process.chdir(before);
  await cleanup.run();
});

describe('push of several files', () => {
  it('is one deployment under the name of the release, with the slots that the claims name', async () => {
    const args = [
      'blink.signed.wasm',
      'valve.signed.wasm',
      '--name',
      'suite',
      '--device',
      'gh-5',
      '--detach',
    ];
    const { code, stdout } = await run('push', ...args);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^gh-5: suite .*is left with the broker/),
    });
    await until(() => device('gh-5').desired.length > 0, 'desired');
    const envelope = device('gh-5').desired[0] ?? new Uint8Array();
    const { components } = readManifest(readEnvelope(envelope).manifest);
    expect(components).toEqual([
      ['actor', 'blink'],
      ['actor', 'valve'],
    ]);
    const files = await Promise.all(
      ['blink', 'valve'].map((name) => readFile(join(place.home, `${name}.signed.wasm`))),
    );
    expect(readDesired(envelope)?.modules).toEqual(
      files.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length })),
    );
    device('gh-5').desired.length = 0;
  });

  it('needs a name, and different slots', async () => {
    const two = ['push', 'blink.signed.wasm', 'valve.signed.wasm', '--device', 'gh-5'];
    expect(await run(...two)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--name greenhouse'),
    });
    expect(await run(...two, '--name', 'A/b')).toMatchObject({ code: 2 });
    const twice = await run(
      'push',
      'blink.signed.wasm',
      'blink.signed.wasm',
      '--name',
      's',
      '--device',
      'gh-5',
    );
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining('slot blink is filled twice') });
    expect(begun()).toEqual([]);
  });
});

describe('push --dry-run', () => {
  it('shows what changes in what each module may use, on every device', async () => {
    const { code, stdout } = await run(
      'push',
      'blink.signed.wasm',
      'valve.signed.wasm',
      '--name',
      's',
      '--all',
      '--dry-run',
    );
    expect(code).toBe(0);
    for (const name of NAMES) expect(stdout).toContain(`${name} (online):\n blink: in place of`);
    const [, first = ''] = stdout.split('gh-1 (online):');
    const lines = first
      .split('gh-2 (online):')[0]
      ?.trim()
      .split('\n')
      .map((line) => line.trim());
    expect(lines).toEqual([
      expect.stringContaining('blink: in place of'),
      expect.stringContaining('! the slot holds another module, MOTHER'),
      'may use: iot:gpio, iot:http',
      '+ iot:http: asked for now and bound already, it has access at once',
      '+ iot:mqtt: asked for now',
      '- iot:serial: not asked for any more',
      '! it asks for more than the one before it: refused where the release key may not grow',
      'needs: iot-host bind blink iot:mqtt --device gh-1',
      'valve: as a new slot, with no grants',
      'may use: nothing',
      ...['iot:gpio', 'iot:http', 'iot:mqtt'].map((id) => `needs: iot-host bind valve ${id} --device gh-1`),
    ]);
  });

  it('asks all, and says who could not be asked', async () => {
    const { code, stdout } = await run(
      'push',
      'blink.signed.wasm',
      '--device',
      'gh-9,gh-1',
      '--dry-run',
      '--json',
    );
    expect(code).toBe(7);
    const { data, error } = JSON.parse(stdout);
    expect(error.message).toContain('1 of 2 devices cannot be asked: gh-9');
    expect(data.devices).toMatchObject([
      { device: 'gh-9', parts: [], error: { code: 'E_DEVICE_NOT_FOUND' } },
      {
        device: 'gh-1',
        parts: [{ is: 'filled', grants: { more: ['iot:http', 'iot:mqtt'], fewer: ['iot:serial'] } }],
      },
    ]);
  });
});

describe('push in waves', () => {
  it('stops by itself, says so, and lists who has not been touched', async () => {
    const bad = { code: 'E_PROBATION_TRAP', message: 'it trapped' } as const;
    device('gh-2').verdict = { state: 'rolled-back', reason: bad };
    const args = [
      'push',
      'blink.signed.wasm',
      '--label',
      'site=greenhouse',
      '--waves',
      '1,60%,100%',
      '--max-parallel',
      '1',
    ];
    const { code, stdout, stderr } = await run(...args, '--max-failed', '20%');
    expect(code).toBe(7);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^gh-1: blink .* is active$/);
    expect(lines[1]).toMatch(/^gh-2: rolled-back: .*it trapped/);
    expect(lines.slice(2)).toEqual(['gh-3: not begun', 'gh-4: not begun', 'gh-5: not begun']);
    expect(stderr).toContain('wave 1 of 3: 1 device\n');
    expect(stderr).toContain('wave 2 of 3 ended: 0 active, 1 failed, 1 not begun\n');
    expect(stderr).toContain(
      'error: stopped in wave 2 of 3, too many failed: 1 of 5 devices failed: gh-2; 3 devices not begun: gh-3,gh-4,gh-5',
    );
    expect(begun()).toEqual(['gh-1', 'gh-2']);

    const json = await run(...args, '--json', '--quiet');
    expect(json).toMatchObject({ code: 7, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      error: { code: 'E_SOME_FAILED' },
      data: {
        stopped: 'failed',
        waves: [
          { number: 1, of: 3, size: 1, ok: 1 },
          { number: 2, size: 2, failed: 1 },
        ],
        devices: [
          { outcome: 'active' },
          { outcome: 'rolled-back' },
          { device: 'gh-3', outcome: 'not-begun' },
          { outcome: 'not-begun' },
          { outcome: 'not-begun' },
        ],
      },
    });
    device('gh-2').verdict = { state: 'active' };
  });

  it('reaches everybody when all goes well, and as many fail as may', async () => {
    device('gh-4').verdict = { state: 'failed', reason: { code: 'E_NO_SPACE', message: 'full' } };
    const args = [
      'push',
      'blink.signed.wasm',
      '--all',
      '--waves',
      '1,100%',
      '--max-failed',
      '25%',
      '--max-parallel',
      '5',
    ];
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(7);
    expect(stderr).toContain('error: 1 of 5 devices failed: gh-4');
    expect(stdout.match(/is active$/gm)).toHaveLength(4);
    device('gh-4').verdict = { state: 'active' };
    const good = await run('push', 'blink.signed.wasm', '--all', '--waves', '2,100%', '--max-parallel', '5');
    expect(good).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('wave 2 of 2 ended: 3 active, 0 failed\n'),
    });
  });

  it('has those that are off last, waits for them, and holds nothing against the release', async () => {
    await device('gh-1').agent.stop();
    const args = [
      'push',
      'blink.signed.wasm',
      '--all',
      '--waves',
      '1,100%',
      '--max-parallel',
      '5',
      '--timeout',
      '3s',
    ];
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(7);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['gh-2', 'gh-3', 'gh-4', 'gh-5', 'gh-1']);
    expect(lines.at(-1)).toContain('the device is off and did not come back');
    expect(stderr).toContain('wave 2 of 2 ended: 3 active, 0 failed, 1 not reached\n');
    expect(stderr).not.toContain('stopped');
  });

  it.each([
    ['--waves 1,10%', 'ends before it has reached every device'],
    ['--waves 0,100%', '"0" is not a wave'],
    ['--waves x,100%', '"x" is not a wave'],
    ['--waves 0%,100%', '"0%" is not a share'],
    ['--max-failed 101%', '"101%" is not a share of 0% to 100%'],
    ['--max-failed 10', '"10" is not a share'],
    ['--waves 100% --detach', 'with --detach nobody waits'],
  ])('refuses %s', async (flags, message) => {
    const ended = await run('push', 'blink.signed.wasm', '--device', 'gh-2', ...flags.split(' '));
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});
