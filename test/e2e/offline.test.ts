import { describe, it, type TestContext } from 'vitest';
import { readRetained } from '#runtime/control/mqtt/retained.js';
import type { DeviceClient, PushProgress } from '#runtime/index.js';
import { startAedes } from '../helpers/broker.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice, text } from '../helpers/device.js';
import { guestModule } from '../helpers/guest.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { freePort } from '../helpers/port.js';
import { until } from '../helpers/providers.js';
import { up } from '../helpers/up.js';

/** A broker of Mosquitto, or the embedded one of another host, which is a process of its own. */
const PLACES = [
  {
    name: 'Mosquitto',
    missing: mosquittoMissing(),
    start: async (cleanup: Cleanup) => {
      const broker = await startMosquitto();
      cleanup.add(() => broker.stop());
      return broker.url;
    },
  },
  {
    name: 'the embedded broker of another host',
    missing: undefined,
    start: async (cleanup: Cleanup) => {
      const config = { device: 'gateway', broker: `embedded://127.0.0.1:${await freePort()}`, actors: [] };
      const other = await TestDevice.make(cleanup, { config });
      const host = await up(cleanup, { cwd: other.folder });
      return host.ready.urls.broker ?? '';
    },
  },
];

for (const { name, missing } of PLACES) {
  if (missing !== undefined) process.stderr.write(`skipped over ${name}: ${missing}\n`);
}

/** A device that was there once, with version 1 of the guest, and is off now; and somebody who pushes to it. */
async function offlineDevice(
  { onTestFinished }: TestContext,
  start: (cleanup: Cleanup) => Promise<string>,
): Promise<{ device: TestDevice; sender: DeviceClient }> {
  const cleanup = new Cleanup();
  onTestFinished(() => cleanup.run());
  const broker = await start(cleanup);
  const device = await TestDevice.start(cleanup, {
    config: { broker, providers: [], actors: [{ name: 'guest' }] },
  });
  await device.install('guest', version(device, 1));
  await device.off();
  const sender = await device.sender(broker);
  cleanup.add(() => sender.close());
  return { device, sender };
}

function version(device: TestDevice, rev: number): Uint8Array {
  return device.keys.sign(guestModule({ version: `${rev}` }).bytes, { name: 'guest', rev });
}

/** Messages that lie with the broker for devices to come. */
async function blobs(client: DeviceClient): Promise<string[]> {
  return [...(await readRetained(client.link, 'iot/blobs/#')).keys()];
}

async function versionNow({ expect }: TestContext, device: TestDevice, expected: string): Promise<void> {
  await expect
    .poll(async () => text(await device.call('guest', 'Version')), { timeout: 20_000 })
    .toBe(expected);
}

// Each of them mostly waits, so they run side by side, with a broker and a device each.
describe.concurrent.each(PLACES)('over $name, while the device is off', ({ missing, start }) => {
  it.skipIf(missing !== undefined)(
    'a detached push waits for it, long after its sender; a later sender clears up',
    async (context) => {
      const { expect } = context;
      const { device, sender } = await offlineDevice(context, start);
      const left = await device.push('guest', version(device, 2), { client: sender, detach: true });
      expect(left).toMatchObject({ end: 'left', component: 'guest' });
      expect(left.error).toBeUndefined();
      await sender.close();

      await device.on();
      await versionNow(context, device, '2');
      await expect
        .poll(() => device.client.status('guest'), { timeout: 10_000 })
        .toMatchObject({ state: 'active', deployment: left.deployment, floor: left.sequence });
      expect(await blobs(device.client)).not.toEqual([]);
      await device.install('guest', version(device, 3));
      expect(await blobs(device.client)).toEqual([]);
      expect(text(await device.call('guest', 'Version'))).toBe('3');
    },
  );

  it.skipIf(missing !== undefined)(
    'a push that waits sees it come back, take it, and clears up',
    async (context) => {
      const { expect } = context;
      const { device, sender } = await offlineDevice(context, start);
      const states: PushProgress['state'][] = [];
      const pushing = device.push('guest', version(device, 2), {
        client: sender,
        onProgress: ({ state }) => states.push(state),
      });
      await until(() => states.includes('offline'), 'the sender sees that the device is off');
      await device.on();
      expect(await pushing).toMatchObject({ end: 'active', device: 'pi-01' });
      expect(text(await device.call('guest', 'Version'))).toBe('2');
      expect(await blobs(sender)).toEqual([]);
    },
  );

  it.skipIf(missing !== undefined)(
    'a sender that gives up says so, and the push stays for the device',
    async (context) => {
      const { expect } = context;
      const { device, sender } = await offlineDevice(context, start);
      const pushing = device.push('guest', version(device, 2), { client: sender, timeoutMs: 1_000 });
      await expect(pushing).rejects.toMatchObject({
        code: 'E_TIMEOUT',
        message: expect.stringContaining('the device is off'),
        hint: expect.stringContaining('--device pi-01'),
      });
      await sender.close();
      await device.on();
      await versionNow(context, device, '2');
    },
  );

  it.skipIf(missing !== undefined)('of two that wait the later one wins', async (context) => {
    const { device, sender } = await offlineDevice(context, start);
    await device.push('guest', version(device, 2), { client: sender, detach: true });
    await device.push('guest', version(device, 3), { client: sender, detach: true });
    await device.on();
    await versionNow(context, device, '3');
  });
});

describe.concurrent('bytes that lie with the broker', () => {
  it('are not believed: a tampered one is left out by its signed digest, and the old module goes on until the next push', async (context) => {
    const { expect } = context;
    const { device, sender } = await offlineDevice(context, async (cleanup) => {
      const started = await startAedes();
      cleanup.add(() => started.stop());
      return started.url;
    });
    const left = await device.push('guest', version(device, 2), { client: sender, detach: true });
    const [[topic, chunk] = []] = await readRetained(sender.link, 'iot/blobs/#');
    // Whoever may write to the broker may do this.
    const tampered = Uint8Array.from(chunk ?? [], (byte, at) => (at === 100 ? byte ^ 1 : byte));
    await sender.link.publish(topic ?? '', tampered, { retain: true });
    await device.on();
    const logged = () =>
      device.log.filter(({ message }) => String(message).includes('it is dropped and asked for again'))
        .length;
    await expect.poll(logged, { timeout: 30_000, interval: 200 }).toBeGreaterThan(0);
    expect(await device.client.status('guest')).toMatchObject({
      deployment: left.deployment,
      state: 'fetching',
    });
    expect(text(await device.call('guest', 'Version'))).toBe('1');
    await device.install('guest', version(device, 3));
    expect(text(await device.call('guest', 'Version'))).toBe('3');
  });
});
