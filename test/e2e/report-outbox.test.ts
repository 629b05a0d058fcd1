import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { topics } from '#runtime/control/protocol/topics.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { URI_MQTT } from '#runtime/trust/suit/labels.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { freePort } from '../helpers/port.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.skipIf(missing !== undefined)('a report', () => {
  it('of what ended while the broker was down comes after both were started anew', async () => {
    const port = await freePort();
    const broker = await startMosquitto({ port });
    cleanup.add(() => broker.kill());
    const device = await TestDevice.start(cleanup, {
      config: { broker: broker.url, updates: { dwellMs: 150, deadlineMs: 4_000 } },
    });
    const { keys } = device;
    const said = (state: string) => () =>
      device.log.some((line) => JSON.stringify(line).includes(`update of counter: ${state}`));

    // Of a module that nobody has: it is waited for until the deadline.
    const component = { id: ['actor', 'counter'], digest: new Uint8Array(32), size: 40_000, uri: URI_MQTT };
    const envelope = createEnvelope({
      ...{ sequence: 1, components: [component], deviceName: device.name, signers: [keys.release] },
    });
    const fleet = await connectAsync(broker.url);
    await fleet.publishAsync(topics.desired(device.name, 'counter'), Buffer.from(envelope), { retain: true });
    await fleet.endAsync();
    await expect.poll(said('verified'), { timeout: 10_000 }).toBe(true);
    await broker.kill();
    await expect.poll(said('failed'), { timeout: 15_000 }).toBe(true);
    await device.off();

    const anew = await startMosquitto({ port });
    cleanup.add(() => anew.kill());
    const listener = await connectAsync(anew.url);
    cleanup.add(() => listener.endAsync(true));
    const reports: Uint8Array[] = [];
    listener.on('message', (_topic, payload) => void reports.push(new Uint8Array(payload)));
    await listener.subscribeAsync(topics.report(device.name), { qos: 1 });
    await device.on();
    await expect.poll(() => reports.length, { timeout: 10_000 }).toBe(1);
    const key = publicFromSeed(new Uint8Array(await readFile(join(device.dataDir, 'device.key'))));
    expect(readReport(reports[0] as Uint8Array, key)).toMatchObject({
      ...{ device: device.name, state: 'failed', outcome: 'E_TIMEOUT', attempt: 1 },
    });
    await device.off();
    await device.on();
    expect(reports).toHaveLength(1);
  }, 60_000);
});
