import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followLogs } from '#runtime/control/client/logs.js';
import type { LogLine } from '#runtime/index.js';
import { Load } from '#scripts/demo/load.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice, text, utf8 } from '../helpers/device.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { until } from '../helpers/providers.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);
const KEYVALUE = { contract: 'wascc:keyvalue' };
const NOT_THERE = 'no provider for wascc:keyvalue is running';

const cleanup = new Cleanup();
let device: TestDevice;

beforeEach(async () => {
  if (missing !== undefined) return;
  // As delivered, Mosquitto throws away what a subscriber is more than 1,000 messages behind with.
  const broker = await startMosquitto({ config: ['max_queued_messages 0'] });
  cleanup.add(() => broker.stop());
  device = await TestDevice.start(cleanup, { config: { broker: broker.url } });
  await device.install('counter', device.keys.counter(1));
});
afterEach(() => cleanup.run());

async function load(rate?: number): Promise<Load> {
  const started = await Load.connect(device.broker, rate);
  started.start();
  return started;
}

describe.skipIf(missing !== undefined)('over a real Mosquitto', () => {
  it('a pushed actor runs, answers, and its log can be read and followed', async () => {
    expect(await device.actor('counter')).toMatchObject({ state: 'running', version: '1.0.0' });
    expect(text(await device.call('counter', 'Echo', utf8('hello')))).toBe('hello');
    const { lines } = await device.client.rpc('logs', { actor: 'counter' });
    expect(lines.map(({ message }) => message)).toContain('counter 1 is ready');

    const followed: LogLine[] = [];
    const enough = new AbortController();
    const following = followLogs({
      client: device.client,
      select: { actor: 'counter' },
      signal: enough.signal,
      onLine: (line) => followed.push(line),
    });
    await device.install('counter', device.keys.counter(2));
    const messages = () => followed.map(({ message }) => message);
    await until(() => messages().includes('counter 2 is ready'), 'the new line on the log topic');
    enough.abort();
    await following;
    expect(messages().filter((message) => message === 'counter 1 is ready')).toHaveLength(1);
    // Its own, and those of its update.
    expect(new Set(followed.map(({ actor, component }) => actor ?? component))).toEqual(new Set(['counter']));
  });

  it('1,000 messages a second go through a swap to v2: none lost, none twice', async () => {
    const running = await load();
    const outcome = await device.install('counter', device.keys.counter(2));
    expect(outcome.status?.installed).toMatchObject({ version: '2.0.0', sequence: outcome.sequence });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const result = await running.finish();
    const { sent } = result;
    expect(result).toMatchObject({ lost: 0, duplicated: 0, handled: sent });
    expect(result.rate).toBeGreaterThanOrEqual(1_000);
    expect(sent).toBeGreaterThan(1_000);
    // Had one been handled twice without an answer, the store would know.
    expect(await device.count()).toBe(sent);
    expect(await device.actor('counter')).toMatchObject({ version: '2.0.0', failed: 0, restarts: 0 });
  }, 40_000);

  it('a provider can be removed: a named error for the actor, 503, and the host lives', async () => {
    const first = await load(200);
    await until(() => first.sent >= 20, 'messages on their way');
    expect((await first.finish()).lost).toBe(0);
    const before = await device.count();
    await device.client.rpc('providers.remove', KEYVALUE);

    await expect(device.count()).rejects.toMatchObject({
      code: 'E_GUEST',
      message: expect.stringContaining(NOT_THERE),
    });
    expect(await device.readyz()).toBe(503);
    const status = await device.client.rpc('ps', {});
    expect(status).toMatchObject({ ready: false, actors: [{ state: 'running', restarts: 0 }] });
    expect(status.problems.join()).toContain(NOT_THERE);
    expect(text(await device.call('counter', 'Echo', utf8('still here')))).toBe('still here');

    expect(await device.client.rpc('providers.start', KEYVALUE)).toMatchObject({
      implementation: 'lmdb',
      state: 'running',
      bindings: 1,
    });
    expect(await device.count()).toBe(before);
    expect(await device.readyz()).toBe(200);
  });

  it.each([
    { as: 'running', remove: false },
    { as: 'removed', remove: true },
  ])(
    'another implementation takes the place of one that is $as, with bindings and values',
    async ({ remove }) => {
      const first = await load(200);
      await until(() => first.sent >= 20, 'messages on their way');
      await first.finish();
      const before = await device.count();
      if (remove) await device.client.rpc('providers.remove', KEYVALUE);
      for (const to of ['memory', 'lmdb']) {
        const status = await device.client.rpc('providers.swap', { ...KEYVALUE, to });
        expect(status).toMatchObject({ implementation: to, state: 'running', bindings: 1 });
        expect(await device.count()).toBe(before);
      }
      const again = await load(200);
      await until(() => again.sent >= 20, 'messages on their way');
      const { sent, lost, duplicated } = await again.finish();
      expect({ lost, duplicated }).toEqual({ lost: 0, duplicated: 0 });
      expect(await device.count()).toBe(before + sent);
      expect(await device.readyz()).toBe(200);
    },
  );
});
