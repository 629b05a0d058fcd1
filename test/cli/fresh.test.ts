import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSigner } from '#runtime/cli/keys/signer.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { signFreshUntil } from '#runtime/trust/fresh/fresh-until.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { type Ended, emptyHome, inProcess } from './iot-host.js';

const cleanup = new Cleanup();
const before = process.cwd();
let place: Awaited<ReturnType<typeof emptyHome>>;
let device: TestDevice;

afterAll(async () => {
  process.chdir(before);
  await cleanup.run();
});

const run = (line: string): Promise<Ended> => inProcess(line.split(' '), place);
const health = async () => (await fetch(`${device.running.urls.http}/healthz`)).json();
const metrics = async () => (await fetch(`${device.running.urls.http}/metrics`)).text();

/** A real device that trusts the keys of the command line, one of the role fresh among them. */
beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  device = await TestDevice.make(cleanup);
  await device.keys.save(join(place.home, '.local/share/iot-host/keys'));
  expect(await run('keys gen --type fresh')).toMatchObject({ code: 0 });
  const made = await run('keys trust --release release --claims account --control control --fresh fresh');
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('  fresh (1 of 1)\n') });
  await copyFile('trust/root.cbor', join(device.folder, 'trust', 'root.cbor'));
  await device.on();
  place.env.IOT_HOST_BROKER = device.broker;
}, 30_000);

describe('devices fresh', () => {
  it('tells a device what is newest; ps, /healthz and /metrics show it, and nothing before that', async () => {
    expect(await metrics()).not.toContain('iot_host_freshness_state{');
    expect((await run('ps --device pi-01')).stdout).not.toContain('fresh');
    const { sequence } = await device.install('counter', device.keys.counter());
    const told = await run('devices fresh --all --for 30d');
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout).toMatch(
      new RegExp(`^pi-01: fresh until \\S+ \\S+ UTC, newest: counter ${sequence}\n$`),
    );
    await expect.poll(health).toMatchObject({ freshness: { state: 'fresh', missing: [] } });
    expect((await run('ps --device pi-01')).stdout).toMatch(/^ {2}fresh until \d{4}-\S+Z$/m);
    expect(await metrics()).toMatch(/^iot_host_freshness_state\{state="fresh"\} 1$/m);
  });

  it('shows a deployment that is held back: the device is behind, and ready all the same', async () => {
    // The fleet has pushed, and somebody at the broker hides it from the device.
    const sequence = (await device.client.status('counter'))?.sequence ?? 0;
    const issued = Math.floor(Date.now() / 1000) + 60;
    const newest = new Map([['counter', sequence + 1]]);
    const signer = await readSigner('fresh', place.env);
    const index = signFreshUntil(signer, { device: 'pi-01', issued, until: issued + 3600, newest });
    await device.client.link.publish(topics.fresh('pi-01'), index, { retain: true });
    await expect
      .poll(health)
      .toMatchObject({ ready: true, freshness: { state: 'behind', missing: ['counter'] } });
    expect((await run('ps --device pi-01')).stdout).toContain('behind with counter');
    expect(await device.readyz()).toBe(200);
  });

  it('says which devices it could not tell, and wants its key', async () => {
    expect(await run('devices fresh --device pi-09 --timeout 500ms')).toMatchObject({ code: 3 });
    expect(await run('devices fresh --device pi-01,pi-09 --timeout 500ms')).toMatchObject({
      code: 7,
      stdout: expect.stringMatching(/^pi-01: fresh until .*\npi-09: /),
    });
    expect(await run('devices fresh --device pi-01 --key nobody')).toMatchObject({ code: 2 });
    expect(await run('devices fresh --device pi-01 --for soon')).toMatchObject({ code: 2 });
  });
});
