import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { generateKey, signerFromSeed } from '#runtime/index.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice } from '../helpers/device.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const other = signerFromSeed(generateKey('user').rawSeed);
const forOther = { roles: { release: { keys: [other.publicKey] } } };

/** Left with the broker by somebody whose key the device does not trust yet. */
async function leftBehind(device: TestDevice): Promise<void> {
  await device.push('counter', device.keys.counter(), { signers: [other], detach: true });
  const code = async () => (await device.client.status('counter'))?.reason?.code;
  await expect.poll(code, { timeout: 10_000 }).toBe('E_UNTRUSTED');
}

const state = (device: TestDevice) => async () => (await device.actor('counter')).state;

it('a trust document over the network: what waits at the broker is judged anew, and the old key is out', async () => {
  const device = await TestDevice.start(cleanup);
  await leftBehind(device);
  const next = device.keys.trustDocument({ version: 2, ...forOther });
  expect(await device.client.rpc('trust.update', { documents: [next] })).toEqual({ version: 2 });
  await expect.poll(state(device), { timeout: 10_000 }).toBe('running');
  const revoked = await device.push('counter', device.keys.counter(2));
  expect(revoked).toMatchObject({ end: 'rejected', error: { code: 'E_UNTRUSTED' } });

  // The local file still has version 1: it does not bring the old key back.
  await device.off();
  await device.on();
  expect(await device.client.rpc('trust.update', { documents: [next] })).toEqual({ version: 2 });
  expect(await state(device)()).toBe('running');
  const stored = await readFile(join(device.dataDir, 'ota', 'trust', '2'));
  expect(new Uint8Array(stored)).toEqual(next);
}, 30_000);

it('a trust document in the local file is noticed, and what waits at the broker is judged anew', async () => {
  const device = await TestDevice.start(cleanup);
  await leftBehind(device);
  const file = join(device.folder, 'trust', 'root.cbor');
  await writeFile(file, device.keys.trustDocument({ version: 3, ...forOther }));
  await expect.poll(state(device), { timeout: 15_000 }).toBe('running');
  await writeFile(file, device.keys.trustDocument({ version: 2 }));
  const refused = () =>
    device.log.some((line) => JSON.stringify(line).includes('its version is 2, and 3 has been in force'));
  await expect.poll(refused, { timeout: 15_000 }).toBe(true);
}, 40_000);

it.each([
  [
    'no trust: key',
    {},
    /its configuration names none \(trust:\)/,
    /iot-host keys trust \.\/trust, and in .*trust: \{document/,
  ],
  [
    'a wrong path',
    { document: './elsewhere' },
    /there is none at \/.*\/elsewhere\/root\.cbor, which trust: of its configuration names/,
    /on the device: iot-host keys trust \/.*\/elsewhere; or copy/,
  ],
  [
    'a file that is none',
    { document: './file.cbor' },
    /what is at \/.*\/file\.cbor, which trust: of its configuration names, cannot be used; its log says why/,
    /on the device: iot-host keys trust \/.*\/file\.cbor; or copy/,
  ],
])(
  'a device that trusts nobody (%s) says what is missing and what to type, whoever asks',
  async (_, trust, why, hint) => {
    const device = await TestDevice.make(cleanup);
    await writeFile(join(device.folder, 'file.wasm'), device.keys.counter());
    await writeFile(join(device.folder, 'file.cbor'), device.keys.trustDocument().subarray(0, 20));
    await device.on({ trust, actors: [COUNTER_SLOT, { name: 'local', path: './file.wasm' }] });
    const said = { message: expect.stringMatching(why), hint: expect.stringMatching(hint) };
    await expect(device.client.rpc('ps', {})).rejects.toMatchObject({ code: 'E_NO_TRUST', ...said });
    const pushed = await device.push('counter', device.keys.counter());
    expect(pushed).toMatchObject({ end: 'rejected', error: { code: 'E_NO_TRUST', ...said } });
    const line = (level: string, message: RegExp) =>
      device.log.find((one) => one.level === level && message.test(String(one.message)));
    expect(line('warn', /what is pushed is refused/)).toMatchObject(said);
    expect(line('error', /^refused: /)).toMatchObject({
      code: 'E_UNTRUSTED',
      message: expect.stringMatching(why),
      hint: expect.stringMatching(/or for that account alone: trust: \{issuers: \[A[A-Z2-7]+\]\}$/),
    });
  },
  30_000,
);

it('a stranger cannot send one, and the first one never comes over the network', async () => {
  const device = await TestDevice.start(cleanup);
  const bad = device.keys.trustDocument({ version: 3 });
  const rejected = device.client.rpc('trust.update', { documents: [bad] });
  await expect(rejected).rejects.toMatchObject({ code: 'E_UNTRUSTED' });
  await expect(device.client.rpc('trust.update', { documents: [] })).rejects.toMatchObject({
    code: 'E_PAYLOAD',
  });
});

it('with an expired trust document the device works on, changes nothing, and can be given the next', async () => {
  const device = await TestDevice.make(cleanup);
  const now = Math.floor(Date.now() / 1000);
  const expired = device.keys.trustDocument({ issued: now - 100, expires: now - 1 });
  await writeFile(join(device.folder, 'trust', 'root.cbor'), expired);
  await device.on();
  expect(await device.readyz()).toBe(503);
  const { problems } = await device.client.rpc('ps', {});
  expect(problems.join()).toContain('trust document 1 expired at');
  expect((await device.client.rpc('ps', {})).trust).toEqual({ version: 1, expired: true });
  await expect(device.client.rpc('actors.stop', { actor: 'counter' })).rejects.toMatchObject({
    code: 'E_EXPIRED',
  });
  const pushed = await device.push('counter', device.keys.counter());
  expect(pushed).toMatchObject({ end: 'rejected', error: { code: 'E_EXPIRED' } });
  const next = device.keys.trustDocument({ version: 2 });
  expect(await device.client.rpc('trust.update', { documents: [next] })).toEqual({ version: 2 });
  expect(await device.readyz()).toBe(200);
  await device.install('counter', device.keys.counter());
}, 30_000);
