import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '#runtime/control/agent/broker.js';
import { MAX_STORED_BYTES, RetainedStore } from '#runtime/control/agent/retained-store.js';
import { readRetained } from '#runtime/control/mqtt/retained.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { certificates } from '../helpers/certificates.js';
import { bareLink, Cleanup, FakeDevice, failure, until } from './fixture.js';

const cleanup = new Cleanup();
let folder: string;

beforeEach(async () => {
  folder = cleanup.add(await mkdtemp(join(tmpdir(), 'broker-')), () =>
    rm(folder, { recursive: true, force: true }),
  );
});
afterEach(() => cleanup.run());

const start = async (dataDir?: string) => {
  const options = dataDir === undefined ? {} : { dataDir };
  const broker = await startEmbeddedBroker({ broker: 'embedded://127.0.0.1:0', ...options });
  return cleanup.add(broker, () => broker.stop());
};

describe('embedded broker', () => {
  it('picks a free port and says which', async () => {
    const broker = await start();
    expect(broker.port).toBeGreaterThan(0);
    expect(broker.url).toBe(`mqtt://127.0.0.1:${broker.port}`);
  });

  it('says which port is taken and what to type', async () => {
    const { port } = await start();
    const error = await failure(startEmbeddedBroker({ broker: `embedded://127.0.0.1:${port}` }));
    expect(error.code).toBe('E_BUSY');
    expect(error.message).toContain(String(port));
    expect(error.hint).toContain(`mqtt://127.0.0.1:${port}`);
    expect(error.hint).toContain('embedded://127.0.0.1:0');
  });

  it('listens beyond loopback only with TLS and users, and says what is missing', async () => {
    const users = new Map([['fleet', 'pw']]);
    const tls = certificates();
    for (const address of ['0.0.0.0', '[::]', '192.0.2.1', 'pi-01.local']) {
      const open = (more: object) =>
        failure(startEmbeddedBroker({ broker: `embedded://${address}:0`, ...more }));
      const bare = await open({});
      expect(bare).toMatchObject({ code: 'E_CONFIG', exitCode: 2 });
      expect(bare.hint).toContain('brokerTls: {cert:');
      expect(bare.hint).toContain('brokerUsers: {fleet: secret://');
      expect((await open({ tls })).hint).not.toContain('brokerTls');
      expect((await open({ tls, users: new Map() })).hint).toContain('brokerUsers');
      expect((await open({ users })).hint).toContain('brokerTls');
    }
    // With both it may: what fails here is only that the address is another machine's.
    const other = await failure(startEmbeddedBroker({ broker: 'embedded://192.0.2.1:0', tls, users }));
    expect(other.message).toContain('cannot listen');
  });

  it('keeps what was left for devices over a restart, and calls nobody online who is not', async () => {
    const first = await start(folder);
    const link = await bareLink(first.url);
    const device = await new FakeDevice(first.url).start();
    const presence = topics.presence('pi-01');
    const online = async () => (await readRetained(link, presence)).get(presence) !== undefined;
    for (let seen = false; !seen; ) seen = await online();
    await link.publish(topics.desired('pi-02', 'blink'), 'envelope', { retain: true });
    await link.publish(topics.blob('ab', 0), Uint8Array.of(1, 2, 3), { retain: true });
    await link.publish(topics.blob('ab', 1), Uint8Array.of(4), { retain: true });
    await link.publish(topics.blob('ab', 1), '', { retain: true });
    await link.publish('elsewhere', 'x', { retain: true });
    await link.publish(topics.log('pi-02'), 'not retained');
    // As in a power cut: nobody says good-bye, and the folder is as the last acknowledgement left it.
    const second = await start(folder);
    const other = await bareLink(second.url);
    const kept = await readRetained(other, '#');
    expect([...kept.keys()].sort()).toEqual([
      topics.blob('ab', 0),
      presence,
      topics.desired('pi-02', 'blink'),
    ]);
    expect([...(kept.get(topics.blob('ab', 0)) ?? [])]).toEqual([1, 2, 3]);
    expect(JSON.parse(Buffer.from(kept.get(presence) ?? []).toString())).toMatchObject({
      device: 'pi-01',
      state: 'offline',
    });
    await other.close();
    await device.agent.stop();
    await link.close();
  });

  it('has forgotten everything without a folder', async () => {
    const broker = await start();
    const link = await bareLink(broker.url);
    await link.publish('iot/x', 'y', { retain: true });
    await link.close();
    await broker.stop();
    const again = await start();
    const other = await bareLink(again.url);
    expect((await readRetained(other, '#')).size).toBe(0);
    await other.close();
  });
});

describe('store of retained messages', () => {
  it('removes what it cannot read', async () => {
    const store = new RetainedStore(folder);
    await store.set('iot/a', Uint8Array.of(1), true);
    await writeFile(join(folder, 'f'.repeat(64)), 'rubbish');
    await writeFile(join(folder, 'x.tmp'), 'half');
    expect([...(await new RetainedStore(folder).load()).keys()]).toEqual(['iot/a']);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('takes the last of several values, in the order of the calls', async () => {
    const store = new RetainedStore(folder);
    await Promise.all([1, 2, 3].map((n) => store.set('iot/a', Uint8Array.of(n), n === 2)));
    expect([...((await store.load()).get('iot/a') ?? [])]).toEqual([3]);
  });

  it('is bounded, and never falls back to an older value', async () => {
    const store = new RetainedStore(folder);
    await store.set('iot/a', Uint8Array.of(1), false);
    await store.set('iot/a', new Uint8Array(65 * 1024), false);
    expect((await store.load()).size).toBe(0);
    const piece = new Uint8Array(64 * 1024);
    const fit = MAX_STORED_BYTES / piece.length;
    for (let n = 0; n <= fit; n++) await store.set(`iot/${n}`, piece, false);
    expect((await new RetainedStore(folder).load()).size).toBe(fit);
  });
});

it('a device starts without its broker and is there when the broker comes', async () => {
  const broker = await start();
  const { port } = broker;
  await broker.stop();
  const device = await new FakeDevice(`mqtt://127.0.0.1:${port}`).start();
  cleanup.add(device, () => device.agent.stop());
  await until(() => device.agent.problem()?.includes('cannot be reached'), 'problem');
  const back = await startEmbeddedBroker({ broker: `embedded://127.0.0.1:${port}` });
  cleanup.add(back, () => back.stop());
  await until(() => device.agent.connected, 'connection');
  expect(device.agent.problem()).toBeUndefined();
});
