import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { topics } from '#runtime/control/protocol/topics.js';
import { createHost, DeviceClient, loadConfig } from '#runtime/index.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { mosquittoMissing, type RunningBroker, startMosquitto } from '../helpers/mosquitto.js';
import { codeBlocks, section } from '../helpers/readme.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);
const USERS = ['pi-01', 'pi-02', 'operator'];
const PASSWORD = 'only-for-this-test';

const cleanup = new Cleanup();
let broker: RunningBroker;
const urlOf = (user: string) => `mqtt://${user}:${PASSWORD}@127.0.0.1:${broker.port}`;

/** The access list of docs/updates.md, as it stands there. */
beforeAll(async () => {
  if (missing !== undefined) return;
  const folder = await mkdtemp(join(tmpdir(), 'iot-acl-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const [list, ...more] = codeBlocks(section('docs/updates.md', 'The broker'));
  expect(more).toEqual([]);
  const [acl, users] = [join(folder, 'acl'), join(folder, 'users')];
  await writeFile(acl, list?.text ?? '', { mode: 0o600 });
  await writeFile(users, '', { mode: 0o600 });
  for (const user of USERS)
    execFileSync('mosquitto_passwd', ['-b', users, user, PASSWORD], { stdio: 'ignore' });
  const config = ['allow_anonymous false', `password_file ${users}`, `acl_file ${acl}`];
  broker = await startMosquitto({ config });
  cleanup.add(() => broker.stop());
});
afterAll(() => cleanup.run());

interface Listener {
  readonly client: MqttClient;
  /** Topics of what came while it listened. */
  readonly heard: string[];
}

async function listener(user: string): Promise<Listener> {
  const client = await connectAsync(urlOf(user));
  cleanup.add(() => client.endAsync());
  const heard: string[] = [];
  client.on('message', (topic, _payload, { retain }) => {
    if (!retain) heard.push(topic);
  });
  await client.subscribeAsync('iot/#', { qos: 1 });
  return { client, heard };
}

describe.skipIf(missing !== undefined)('the access list of docs/updates.md', () => {
  it('lets a device be pushed to, asked and read', async () => {
    const made = await TestDevice.make(cleanup, { config: { broker: urlOf('pi-01') } });
    const host = createHost({ config: await loadConfig(made.file) });
    await host.start();
    cleanup.add(() => host.stop());
    const client = await DeviceClient.connect({
      url: urlOf('operator'),
      device: 'pi-01',
      signer: made.keys.control,
    });
    cleanup.add(() => client.close());
    const pushed = await made.push('counter', made.keys.counter(), { client });
    expect(pushed).toMatchObject({ end: 'active' });
    expect(await client.rpc('ps', {})).toMatchObject({ device: 'pi-01', ready: true });
    expect(await client.status('counter')).toMatchObject({ state: 'active' });
    // Left with the broker for a device that may be off.
    const left = await made.push('counter', made.keys.counter(2), { client, detach: true });
    expect(left.end).toBe('left');
    const version = async () => (await client.status('counter'))?.installed?.version;
    await expect.poll(version, { timeout: 15_000 }).toBe('2.0.0');
  }, 40_000);

  it('keeps a device out of what is not its own', async () => {
    const [operator, device] = [await listener('operator'), await listener('pi-02')];
    const forbidden = [
      topics.desired('pi-01', 'counter'),
      topics.desired('pi-02', 'counter'),
      topics.data('pi-02'),
      topics.presence('pi-01'),
      topics.request('pi-01', 'mallory'),
      topics.request('pi-02', 'mallory'),
      topics.blob('0'.repeat(64), 0),
    ];
    const end = topics.log('pi-02');
    for (const topic of [...forbidden, topics.presence('pi-02'), end]) {
      await device.client.publishAsync(topic, 'x', { qos: 1 });
    }
    await expect.poll(() => operator.heard, { timeout: 10_000 }).toContain(end);
    expect(operator.heard).toEqual([topics.presence('pi-02'), end]);

    device.heard.length = 0;
    const own = topics.request('pi-02', 'cli');
    for (const topic of [topics.request('pi-01', 'cli'), topics.log('pi-01'), own]) {
      await operator.client.publishAsync(topic, 'x', { qos: 1 });
    }
    await expect.poll(() => device.heard, { timeout: 10_000 }).toEqual([own]);
  }, 20_000);
});
