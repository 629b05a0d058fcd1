import { createHash } from 'node:crypto';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { moduleArtifact } from '#runtime/control/client/deploy/artifact.js';
import { deploy } from '#runtime/control/client/deploy/deploy.js';
import { topics } from '#runtime/control/protocol/topics.js';
import type { PushOutcome } from '#runtime/index.js';
import { type Ended, emptyHome, inProcess } from '../cli/iot-host.js';
import { Cleanup } from '../helpers/cleanup.js';
import { type Config, TestDevice, text } from '../helpers/device.js';
import { guestModule } from '../helpers/guest.js';
import type { SignAs } from '../helpers/keys.js';

const cleanup = new Cleanup();
const before = process.cwd();
afterEach(async () => {
  process.chdir(before);
  await cleanup.run();
});

const POLL = { timeout: 15_000 };

interface Setup {
  readonly device: TestDevice;
  /** The key folder. */
  readonly keys: string;
  run(line: string): Promise<Ended>;
}

/** A device, and an operator with its keys at a command line. */
async function start(config: Config = {}): Promise<Setup> {
  const device = await TestDevice.start(cleanup, {
    config: { providers: [], actors: [{ name: 'guest' }], updates: { dwellMs: 150 }, ...config },
  });
  const place = await emptyHome();
  const keys = join(place.home, 'keys');
  Object.assign(place.env, { IOT_HOST_KEYS: keys, IOT_HOST_BROKER: device.broker });
  await device.keys.save(keys);
  await mkdir(join(place.home, 'trust'));
  await copyFile(join(device.folder, 'trust/root.cbor'), join(place.home, 'trust/root.cbor'));
  process.chdir(place.home);
  return { device, keys, run: (line) => inProcess(line.split(' '), place) };
}

const version = (device: TestDevice, rev: number, more: Partial<SignAs> = {}): Uint8Array =>
  device.keys.sign(guestModule({ version: `${rev}` }).bytes, { name: 'guest', rev, ...more });
const answer = async (device: TestDevice) => text(await device.call('guest', 'Version'));

describe('rollback', () => {
  const rollback = 'rollback guest --device pi-01 --yes';

  it('is a new deployment of the module before, of which nothing is sent; and back again', async () => {
    const { device, run } = await start();
    await device.install('guest', version(device, 1));
    await device.install('guest', version(device, 2));
    const chunks: string[] = [];
    const watching = await device.client.link.subscribe(topics.data('pi-01'), () => chunks.push('chunk'));
    const floor = (await device.client.status('guest'))?.floor ?? 0;
    const { code, stdout, stderr } = await run(rollback);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pi-01: guest 1\.0\.0 \(sequence \d+\) is active$/m);
    expect(stderr).toMatch(/^pi-01: guest 2\.0\.0 \(sha256 [0-9a-f]{12}…\) back to 1\.0\.0 \(sha256 /m);
    expect(await answer(device)).toBe('1');
    const after = await device.client.status('guest');
    expect(after?.floor).toBeGreaterThan(floor);
    expect(after?.installed?.sequence).toBe(after?.floor);
    expect(after?.previous).toMatchObject({ version: '2.0.0' });
    expect(await run(`${rollback} --json`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"active"'),
    });
    expect(await answer(device)).toBe('2');
    expect(chunks).toEqual([]);
    await watching.close();
    // A restart reads the desired state again, and stays with it.
    await device.off();
    await device.on();
    expect(await answer(device)).toBe('2');
  }, 30_000);

  it('goes back to a module of another identity, which was let in before', async () => {
    const { device, run } = await start();
    const other = device.keys.moduleKey('other');
    await device.install('guest', version(device, 1, { module: other }));
    await device.install('guest', version(device, 2), { replaceIdentity: true });
    expect(await run(rollback)).toMatchObject({ code: 0 });
    expect(await device.actor('guest')).toMatchObject({ key: other.publicKey, version: '1.0.0' });
  }, 30_000);

  it('waits for a device that is off, and is taken when it is back', async () => {
    const { device, run } = await start(await outside());
    await device.install('guest', version(device, 1));
    await device.install('guest', version(device, 2));
    await device.off();
    expect(await run(`${rollback} --detach`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is left with the broker, the device will take it'),
    });
    await device.on();
    await expect.poll(() => answer(device), POLL).toBe('1');
  }, 30_000);

  it('takes the actors of a release back together, under its name', async () => {
    const { device, run } = await start({ actors: [{ name: 'guest' }, { name: 'other' }] });
    const slots = ['guest', 'other'];
    for (const rev of [1, 2]) {
      const { bytes } = guestModule({ version: `${rev}` });
      const artifacts = slots.map((slot) =>
        moduleArtifact(slot, device.keys.sign(bytes, { name: slot, rev })),
      );
      const { client, keys } = device;
      const pushed = await deploy({ client, component: 'both', artifacts, signers: [keys.release] });
      expect(pushed).toMatchObject({ end: 'active' });
    }
    expect(await run('rollback guest other --device pi-01 --yes')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/2 actors go back as one release, and it has no name\nhint: .*--name/),
    });
    expect(await run('rollback guest --name both --device pi-01 --yes')).toMatchObject({ code: 2 });
    const { code, stdout, stderr } = await run('rollback guest other --name both --device pi-01 --yes');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^pi-01: both 1\.0\.0 \(sequence \d+\) is active\n$/),
    });
    for (const slot of slots) {
      expect(stderr).toMatch(new RegExp(`^pi-01: ${slot} 2\\.0\\.0 .* back to 1\\.0\\.0 `, 'm'));
      expect(text(await device.call(slot, 'Version'))).toBe('1');
    }
  }, 30_000);

  it('says what is missing, and asks before it signs what a device says', async () => {
    const { device, run } = await start();
    expect(await run(rollback)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /nothing was ever pushed into slot guest\nhint: iot-host ps --device pi-01/,
      ),
    });
    await device.install('guest', version(device, 1));
    expect(await run(rollback)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /no module from before the one in slot guest\nhint: .*iot-host push FILE --name guest --device pi-01/,
      ),
    });
    await device.install('guest', version(device, 2));
    expect(await run('rollback guest --device pi-01')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/nobody can be asked here: sign that\?\nhint: add --yes/),
    });
    expect(await run('rollback Guest --device pi-01 --yes')).toMatchObject({ code: 2 });
    expect(await answer(device)).toBe('2');
    const several = await run('rollback guest --device pi-01,pi-09 --yes');
    expect(several).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('1 of 2 devices failed: pi-09'),
    });
    expect(several.stdout).toMatch(/^pi-01: guest 1\.0\.0 \(sequence \d+\) is active$/m);
  }, 30_000);
});

describe('abort', () => {
  const abort = 'abort guest --device pi-01';
  const state = async (device: TestDevice) => (await device.client.status('guest'))?.state;

  /** Version 2 on probation, on a device with version 1. */
  async function trying(): Promise<Setup & { readonly ending: Promise<PushOutcome> }> {
    const setup = await start(await outside());
    const { device } = setup;
    await device.install('guest', version(device, 1));
    await device.off();
    await device.on({ updates: { dwellMs: 60_000 } });
    const ending = device.push('guest', version(device, 2), { timeoutMs: 60_000 });
    ending.catch(() => undefined);
    await expect.poll(() => state(device), POLL).toBe('probation');
    return { ...setup, ending };
  }

  it('takes a module on probation back by a signed request, for good', async () => {
    const { device, run, ending } = await trying();
    expect(await run(abort)).toMatchObject({ code: 0, stdout: 'the update of guest is taken back\n' });
    expect((await ending).end).toBe('cancelled');
    expect(await answer(device)).toBe('1');
    expect(await run(`${abort} --json`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"aborted":false'),
    });
    await device.off();
    await device.on();
    expect(await answer(device)).toBe('1');
    expect(await state(device)).toBe('cancelled');
  }, 40_000);

  it('without a control key withdraws what did not run, and says what it could not do', async () => {
    const { device, run, keys } = await trying();
    await rm(join(keys, 'control.nk'));
    expect(await run(abort)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /is no longer wanted, but one on probation is not taken back: abort .* must be signed/,
      ),
    });
    // Nobody who merely reaches the broker ends a probation: the device goes on with it.
    await device.client.rpc('ps', {});
    expect(await state(device)).toBe('probation');
  }, 40_000);

  it('of a device that is off takes back what waits for it', async () => {
    const { device, run } = await start(await outside());
    await device.install('guest', version(device, 1));
    await device.off();
    expect(await run(abort)).toMatchObject({ code: 0, stdout: expect.stringContaining('pi-01 is off: ') });
    expect(await run(abort)).toMatchObject({
      code: 0,
      stdout: 'pi-01 is off, and no update of guest is wanted\n',
    });
    await device.on();
    expect(await answer(device)).toBe('1');
  }, 30_000);
});

describe('keys trust --device', () => {
  const send = 'keys trust --device pi-01';

  it('sends what the device lacks, signed by the control key that it believes so far', async () => {
    const { device, run } = await start(await outside());
    expect(await run('keys rotate control')).toMatchObject({ code: 0 });
    // The new key is nobody's there until the device has the new version.
    expect(await run('ps --device pi-01')).toMatchObject({ code: 4 });
    expect(await run('keys rotate root')).toMatchObject({ code: 0 });
    expect(await run('keys trust --expires 1y')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('iot-host keys trust trust --all'),
    });
    const sent = await run(`${send} --json`);
    expect(sent.code).toBe(0);
    expect(JSON.parse(sent.stdout).data).toMatchObject({
      version: 4,
      changed: false,
      devices: [{ device: 'pi-01', version: 4 }],
    });
    expect(await run('ps --device pi-01')).toMatchObject({ code: 0 });
    // Once more, by the key that is believed now, and together with a change.
    expect(await run(send)).toMatchObject({ code: 0, stdout: 'pi-01: has version 4 already\n' });
    expect((await run('ps --device pi-01')).stdout).toMatch(/^ {2}trusts by version 4$/m);
    const both = await run('keys trust --min-host 0.1 --all');
    expect(both.code).toBe(0);
    expect(both.stdout).toContain('version 5 written');
    expect(both.stdout).toContain('pi-01: trusts by version 5 now');
    await device.off();
    await device.on();
    expect(await run('ps --device pi-01')).toMatchObject({ code: 0 });
  }, 30_000);

  it('says which version is missing, and which device was not reached', async () => {
    const { run } = await start();
    await run('keys trust --expires 1y');
    await run('keys trust --expires 2y');
    await rename('trust/root.2.cbor', 'root.2.cbor');
    expect(await run(send)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/cannot follow 1: 2 is missing\nhint: versions before 3 are not beside/),
    });
    await rename('root.2.cbor', 'trust/root.2.cbor');
    expect(await run(`${send},pi-09`)).toMatchObject({
      code: 7,
      stdout: expect.stringMatching(/^pi-01: trusts by version 3 now\npi-09: device pi-09: .*was not found/),
      stderr: expect.stringContaining('1 of 2 devices failed: pi-09'),
    });
  }, 30_000);

  it('never brings a first document, and needs a control key', async () => {
    const { run, keys } = await start({ trust: {} });
    expect(await run(send)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(
        /has no trust document.*\nhint: put trust\/root\.cbor on the device yourself/,
      ),
    });
    await rm(join(keys, 'control.nk'));
    expect(await run(send)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no control key of this trust document is in the key folder'),
    });
  }, 30_000);
});

describe('a stolen release key', () => {
  it('has used up all numbers: a revoked key and a floor reset make ordinary pushes work again', async () => {
    const { device, run } = await start(await outside());
    const good = version(device, 2);
    const evil = version(device, 6);
    await writeFile('good.wasm', good);
    await writeFile('evil.wasm', evil);
    await device.install('guest', version(device, 1));
    // The thief has a copy of the key, and access to the broker.
    await device.install('guest', evil, { sequence: Number.MAX_SAFE_INTEGER });
    expect(await answer(device)).toBe('6');
    const push = (file: string) => run(`push ${file}.wasm --name guest --device pi-01 --yes`);
    expect(await push('good')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`reports sequence number ${Number.MAX_SAFE_INTEGER}, years ahead`),
    });

    const digest = createHash('sha256').update(evil).digest('hex');
    expect(await run(`keys rotate release --reset-floor guest --block ${digest}`)).toMatchObject({ code: 0 });
    expect(await run('keys trust --device pi-01')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('pi-01: trusts by version 2 now'),
    });
    expect(await push('good')).toMatchObject({ code: 0 });
    expect(await answer(device)).toBe('2');
    const { floor = 0 } = (await device.client.status('guest')) ?? {};
    expect(floor).toBeLessThan(Date.now());
    // An ordinary one after it, too; neither the thief nor his module gets in again, over a restart of the device.
    await writeFile('good.wasm', version(device, 3));
    expect(await push('good')).toMatchObject({ code: 0 });
    await device.off();
    await device.on();
    expect(await answer(device)).toBe('3');
    const again = await device.push('guest', version(device, 7), { sequence: Number.MAX_SAFE_INTEGER });
    expect(again).toMatchObject({ end: 'rejected', error: { code: 'E_UNTRUSTED' } });
    expect(await push('evil')).toMatchObject({ code: 4, stderr: expect.stringContaining('guest rejected') });
    expect(await answer(device)).toBe('3');
  }, 60_000);
});

/** A broker that stays when the device goes. */
async function outside(): Promise<Config> {
  const { startAedes } = await import('../helpers/broker.js');
  const broker = await startAedes();
  cleanup.add(() => broker.stop());
  return { broker: broker.url };
}
