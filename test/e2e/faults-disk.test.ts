import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import type { DeviceClient } from '#runtime/index.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice, text, utf8 } from '../helpers/device.js';
import { guestModule, passed } from '../helpers/guest.js';
import { padded } from '../helpers/padded.js';
import { freePort } from '../helpers/port.js';
import { SmallDisk, smallDiskMissing } from '../helpers/small-disk.js';
import { up } from '../helpers/up.js';

const missing = smallDiskMissing();
if (missing !== undefined)
  process.stderr.write(`skipped: ${missing}; ota/disk.test.ts fills an injected one\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const KEYVALUE = { contract: 'wascc:keyvalue' };

describe.skipIf(missing !== undefined)('a real disk that is full', () => {
  it('refuses pushes, values and bindings by name; what runs goes on, over a restart too, and works when there is room', async () => {
    const disk = await SmallDisk.mount(cleanup, 4_096);
    const device = await TestDevice.make(cleanup, {
      config: {
        broker: `embedded://127.0.0.1:${await freePort()}`,
        dataDir: disk.folder,
        providers: [{ ...KEYVALUE, use: 'lmdb' }],
        actors: [{ name: 'guest', limits: { deadlineMs: 5_000 }, bindings: [KEYVALUE] }],
      },
    });
    const { keys, folder } = device;
    const caps = ['wascc:keyvalue'];
    const version = (rev: number) => {
      const { bytes } = guestModule({ version: `${rev}`, pages: 4 });
      return keys.sign(padded(bytes, 200_000), { name: 'guest', rev, caps });
    };
    const start = () => up(cleanup, { cwd: folder, through: disk.through(folder) });
    let host = await start();
    const broker = host.ready.urls.broker ?? '';
    let client: DeviceClient = await device.sender(broker);
    const call = async (operation: string, payload: Uint8Array = new Uint8Array(0)) =>
      (await client.rpc('call', { actor: 'guest', operation, payload })).reply;
    const keyValue = (operation: string, request: object) =>
      call('Pass', passed('default', 'wascc:keyvalue', operation, encodePayload('msgpack', request)));
    const set = (key: string, size: number) =>
      keyValue('Set', { key, value: 'x'.repeat(size), expires_s: 0 });
    await device.install('guest', version(1), { client });
    await set('before', 10);
    const counted = Buffer.from(await call('Key')).toString('hex');
    const bind = (name: string) => client.rpc('bind', { actor: 'guest', ...KEYVALUE, name, settings: {} });

    const giveBack = await disk.fill();
    const pushed = await device.push('guest', version(2), { client });
    expect(pushed).toMatchObject({ end: 'failed', error: { code: 'E_NO_SPACE', exitCode: 4 } });
    await expect(set('more', 60_000)).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringContaining('E_NO_SPACE'),
    });
    await expect(bind('second')).rejects.toMatchObject({ code: 'E_NO_SPACE' });
    // What is there can be read, and the actor that runs is the one that ran.
    expect(text(await call('Version'))).toBe('1');
    expect(Buffer.from(await keyValue('Get', { key: 'before' })).includes('xxxxxxxxxx')).toBe(true);
    const { actors } = await client.rpc('ps', {});
    expect(actors).toMatchObject([{ name: 'guest', state: 'running', version: '1.0.0' }]);
    expect(actors[0]?.bindings).not.toContainEqual({ ...KEYVALUE, name: 'second' });

    await client.close();
    expect(await host.end('SIGKILL')).toBeNull();
    host = await start();
    client = await device.sender(broker);
    cleanup.add(() => client.close());
    expect(text(await call('Version'))).toBe('1');

    await giveBack();
    expect(await readdir(disk.path())).not.toContain('filler');
    await set('more', 60_000);
    await bind('second');
    expect(Buffer.from(await call('Key')).toString('hex')).not.toBe(counted);
    await device.install('guest', version(3), { client });
    expect(text(await call('Version'))).toBe('3');
    expect(await host.end('SIGTERM')).toBe(0);
  }, 40_000);
});

describe('a key-value store whose file is damaged', () => {
  it('does not keep the device from starting: it says which, its actor gets an error by name, others run', async () => {
    const device = await TestDevice.start(cleanup, {
      config: { actors: [COUNTER_SLOT, { name: 'guest' }] },
    });
    await device.install('counter', device.keys.counter(1));
    await device.install('guest', device.keys.sign(guestModule().bytes, { name: 'guest' }));
    expect(await device.count()).toBe(0);
    await device.off();
    const file = join(device.dataDir, 'providers', 'wascc-keyvalue', 'default', 'data.mdb');
    const genuine = await readFile(file);
    await writeFile(file, Buffer.alloc(genuine.length, 7));

    await device.on();
    const response = await fetch(`${device.running.urls.http}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('wascc:keyvalue');
    const { providers, ready } = await device.client.rpc('ps', {});
    expect(ready).toBe(false);
    expect(providers).toContainEqual(
      expect.objectContaining({
        ...KEYVALUE,
        state: 'failed',
        problem: expect.stringContaining('not an LMDB file'),
      }),
    );
    await expect(device.count()).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringContaining('wascc:keyvalue'),
    });
    expect(text(await device.call('counter', 'Echo', utf8('still here')))).toBe('still here');
    expect(text(await device.call('guest', 'Echo', utf8('me too')))).toBe('me too');

    // What the hint says.
    await rename(file, `${file}.damaged`);
    await device.client.rpc('providers.start', KEYVALUE);
    expect(await device.count()).toBe(0);
    expect(await device.readyz()).toBe(200);
  });
});
