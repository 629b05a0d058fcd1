import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeviceClient } from '#runtime/index.js';
import { Load } from '#scripts/demo/load.js';
import { iotHost } from '../cli/iot-host.js';
import { startAedes } from '../helpers/broker.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice } from '../helpers/device.js';
import { guestModule } from '../helpers/guest.js';
import { padded } from '../helpers/padded.js';
import { up } from '../helpers/up.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function countSome(device: TestDevice): Promise<number> {
  const load = await Load.connect(device.broker, 200);
  load.start();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await load.finish()).toMatchObject({ lost: 0, duplicated: 0 });
  return device.count();
}

/** What the last one who looks at the device sees of the counter. */
async function seen(device: TestDevice) {
  const { bindings, digest, key, version } = await device.actor('counter');
  const { floor, installed, state, deployment } = (await device.client.status('counter')) ?? {};
  const { actors } = await device.client.presence();
  const sequence = actors.find(({ name }) => name === 'counter')?.sequence;
  return { bindings, digest, key, version, floor, installed, state, deployment, sequence };
}

describe('after a restart on the same folder', () => {
  it('module, floor, bindings and stored values are what they were, and older is still older', async () => {
    const device = await TestDevice.start(cleanup);
    await device.install('counter', device.keys.counter(1));
    const { sequence } = await device.install('counter', device.keys.counter(2));
    await device.client.rpc('bind', {
      actor: 'counter',
      contract: 'wascc:keyvalue',
      name: 'second',
      settings: { space: 'shared' },
    });
    const count = await countSome(device);
    const before = await seen(device);
    expect(before).toMatchObject({ version: '2.0.0', floor: sequence, sequence, state: 'active' });
    expect(before.bindings).toContainEqual({ contract: 'wascc:keyvalue', name: 'second' });
    expect(count).toBeGreaterThan(10);

    await device.off();
    await device.on();
    expect(await seen(device)).toEqual(before);
    expect(await device.count()).toBe(count);
    const older = await device.push('counter', device.keys.counter(1), { sequence: sequence - 1 });
    expect(older).toMatchObject({ end: 'rejected', error: { code: 'E_OLDER', exitCode: 4 } });
    // Alive, not only listed: it still hears its commands.
    expect(await countSome(device)).toBeGreaterThan(count);
  });

  it('the module before is kept: it runs when the active one was damaged on the disk', async () => {
    const device = await TestDevice.start(cleanup);
    const first = await device.install('counter', device.keys.counter(1));
    await device.install('counter', device.keys.counter(2));
    const digest = String((await device.actor('counter')).digest);
    await device.off();
    const blob = join(device.dataDir, 'ota', 'blobs', `${digest}.wasm`);
    const bytes = await readFile(blob);
    bytes[bytes.length >> 1] = ~Number(bytes[bytes.length >> 1]) & 0xff;
    await writeFile(blob, bytes);

    await device.on();
    expect(await device.actor('counter')).toMatchObject({ state: 'running', version: '1.0.0' });
    expect(device.log.map(({ message }) => String(message)).join('\n')).toContain(
      `module ${digest} cannot be read`,
    );
    const { actors } = await device.client.presence();
    expect(actors).toMatchObject([{ sequence: first.sequence }]);
  });

  it('a pushed module wins over the one that `path` names', async () => {
    const device = await TestDevice.make(cleanup, {
      config: { actors: [{ ...COUNTER_SLOT, path: './counter.wasm' }] },
    });
    await writeFile(join(device.folder, 'counter.wasm'), device.keys.counter(1));
    await device.on();
    expect(await device.actor('counter')).toMatchObject({ state: 'running', version: '1.0.0' });
    await device.install('counter', device.keys.counter(2));
    await device.off();
    await device.on();
    expect(await device.actor('counter')).toMatchObject({ state: 'running', version: '2.0.0' });
  });

  it('a module of an issuer that is not trusted does not start from `path`', async () => {
    const device = await TestDevice.make(cleanup, {
      config: { actors: [{ ...COUNTER_SLOT, path: './counter.wasm' }] },
    });
    const { keys } = device;
    const foreign = keys.sign('counter-v1', { name: 'counter', account: keys.strangeAccount });
    await writeFile(join(device.folder, 'counter.wasm'), foreign);
    await device.on();
    const status = await device.client.rpc('ps', {});
    expect(status).toMatchObject({ ready: false, actors: [{ state: 'empty' }] });
    expect(status.problems.join()).toContain('counter was refused');
    await device.install('counter', keys.counter(1));
    expect(await device.readyz()).toBe(200);
  });

  it('a second host on the folder is refused with exit code 2 and the name of the folder', async () => {
    const device = await TestDevice.start(cleanup);
    const place = { home: device.folder, env: { HOME: device.folder, PATH: process.env.PATH ?? '' } };
    const { code, stdout } = await iotHost(['up', '--json'], place);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: 'E_BUSY', message: expect.stringContaining(device.dataDir), hint: expect.any(String) },
    });
    expect(await device.readyz()).toBe(200);
  });
});

describe('a host that is killed during a push', () => {
  const MOMENTS = ['sent', 'received', 'verified', 'fetching', 'staged', 'probation'] as const;

  it('comes up with the old module or the new one, never with none, and ends the push', async () => {
    const broker = await startAedes();
    cleanup.add(() => broker.stop());
    const device = await TestDevice.make(cleanup, {
      config: { broker: broker.url, providers: [], actors: [{ name: 'guest' }] },
    });
    const { keys, folder } = device;
    let host = await up(cleanup, { cwd: folder });
    const client: DeviceClient = await device.sender(broker.url);
    cleanup.add(() => client.close());
    const version = (rev: number) =>
      keys.sign(padded(guestModule({ version: `${rev}` }).bytes, 200_000), { name: 'guest', rev });
    await device.install('guest', version(1), { client });

    for (const [index, moment] of MOMENTS.entries()) {
      const rev = index + 2;
      let killed: Promise<unknown> | undefined;
      const pushing = device.install('guest', version(rev), {
        client,
        onProgress: ({ state }) => {
          if (state === moment) killed ??= host.end('SIGKILL');
        },
      });
      await expect.poll(() => killed, { timeout: 10_000, message: `the update is ${moment}` }).toBeDefined();
      await killed;
      host = await up(cleanup, { cwd: folder });
      const fresh = await device.sender(broker.url);
      const { actors } = await fresh.rpc('ps', {});
      await fresh.close();
      expect(actors).toMatchObject([{ name: 'guest', state: 'running' }]);
      expect([`${rev - 1}.0.0`, `${rev}.0.0`]).toContain(actors[0]?.version);
      // The sender sees the true end, over the death of the host.
      await pushing;
      expect(await client.status('guest')).toMatchObject({ installed: { version: `${rev}.0.0` } });
    }
    expect(await host.end('SIGTERM')).toBe(0);
  }, 60_000);
});
