import { afterEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, CHUNK_WINDOW } from '#runtime/base/limits.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { sha256 } from '#runtime/trust/cose/authentication.js';
import { chunkDigests } from '#runtime/trust/suit/chunk-digests.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { readEnvelope } from '#runtime/trust/suit/envelope.js';
import { URI_MQTT } from '#runtime/trust/suit/labels.js';
import { ScriptedSender } from '../control/delivery/rig.js';
import { bareLink, moduleOf } from '../control/fixture.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { guestModule } from '../helpers/guest.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { padded } from '../helpers/padded.js';
import { up } from '../helpers/up.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.skipIf(missing !== undefined)('a host that is killed in the middle of a fetch', () => {
  it.each([
    ['with signed digests of chunks', true],
    ['without', false],
  ])('%s: it goes on where it was, at most one window is sent again', async (_, signed) => {
    const broker = await startMosquitto();
    cleanup.add(() => broker.stop());
    const device = await TestDevice.make(cleanup, {
      config: { broker: broker.url, providers: [], actors: [{ name: 'guest' }] },
    });
    const small = guestModule({ version: '1' }).bytes;
    const guest = padded(small, 1024 * 1024 - 8_192);
    // Behind the head of the padding: zeros on a blank disk would be there before they came.
    guest.set(moduleOf(guest.length - small.length - 16), small.length + 16);
    const module = device.keys.sign(guest, { name: 'guest', rev: 1 });
    const chunks = Math.ceil(module.length / CHUNK_BYTES);
    const envelope = createEnvelope({
      sequence: 1,
      deviceName: 'pi-01',
      signers: [device.keys.release],
      components: [
        {
          id: ['actor', 'guest'],
          digest: sha256(module),
          size: module.length,
          uri: URI_MQTT,
          ...(signed ? { chunkDigests: chunkDigests(module) } : {}),
        },
      ],
    });
    const deployment = readEnvelope(envelope).authentication.digest;

    let host = await up(cleanup, { cwd: device.folder });
    const link = await bareLink(broker.url);
    cleanup.add(() => link.close());
    // It stops to answer in the middle, so that the kill meets the host there for certain.
    let sent = 0;
    let stopAt = 40;
    const sender = new ScriptedSender(link, module, (piece, self) => {
      if (sent >= stopAt) return;
      sent++;
      self.send(piece, undefined, deployment);
    });
    await sender.start();
    await link.publish(topics.desired('pi-01', 'guest'), envelope, { retain: true });
    await expect.poll(() => sent, { timeout: 15_000 }).toBe(stopAt);
    // One more window is asked for once what came is on the disk.
    await expect.poll(() => sender.asked.length, { timeout: 15_000 }).toBeGreaterThan(stopAt);
    await host.end('SIGKILL');

    stopAt = Number.POSITIVE_INFINITY;
    const before = sender.asked.length;
    host = await up(cleanup, { cwd: device.folder });
    const client = await device.sender(broker.url);
    cleanup.add(() => client.close());
    await expect
      .poll(() => client.status('guest'), { timeout: 20_000, interval: 100 })
      .toMatchObject({ state: 'active' });
    const again = sender.asked.slice(before);
    expect(sent).toBeLessThanOrEqual(chunks + CHUNK_WINDOW);
    expect(again.length).toBeGreaterThanOrEqual(chunks - 40);
    expect(again.length).toBeLessThanOrEqual(chunks - 40 + CHUNK_WINDOW);
    expect(await host.end('SIGTERM')).toBe(0);
  });
});
