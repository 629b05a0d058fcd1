import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { decodePayload } from '#runtime/base/codec.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice } from '../helpers/device.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { up } from '../helpers/up.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);
const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(missing !== undefined)('SIGTERM with messages in flight', () => {
  it('ends with 0 and loses none: what was not handled comes again, what was handled does not', async () => {
    // As delivered, Mosquitto throws away what a subscriber is more than 1,000 messages behind with.
    const broker = await startMosquitto({ config: ['max_queued_messages 0'] });
    cleanup.add(() => broker.stop());
    const device = await TestDevice.make(cleanup, { config: { broker: broker.url, actors: [COUNTER_SLOT] } });
    let host = await up(cleanup, { cwd: device.folder });
    const client = await device.sender(broker.url);
    cleanup.add(() => client.close());
    await device.install('counter', device.keys.counter(1), { client });

    const sender = await connectAsync(broker.url);
    cleanup.add(() => sender.endAsync());
    const sent: Promise<unknown>[] = [];
    const feed = setInterval(() => {
      for (let n = 0; n < 5; n++) {
        sent.push(sender.publishAsync('home/cmd/count', String(sent.length), { qos: 1 }));
      }
    }, 10);
    cleanup.add(() => clearInterval(feed));
    for (let n = 0; n < 3; n++) {
      await pause(300);
      expect(await host.end('SIGTERM')).toBe(0);
      host = await up(cleanup, { cwd: device.folder });
    }
    clearInterval(feed);
    await Promise.all(sent);
    expect(sent.length).toBeGreaterThan(200);

    const last = await device.sender(broker.url);
    cleanup.add(() => last.close());
    const count = async () => {
      const { reply } = await last.rpc('call', {
        actor: 'counter',
        operation: 'Count',
        payload: new Uint8Array(0),
      });
      return (decodePayload('cbor', reply) as { count: number }).count;
    };
    // The store counts what was handled: fewer would be lost, more would be done twice.
    await expect.poll(count, { timeout: 20_000 }).toBeGreaterThanOrEqual(sent.length);
    await pause(300);
    expect(await count()).toBe(sent.length);
    expect(await host.end('SIGTERM')).toBe(0);
  }, 60_000);
});
