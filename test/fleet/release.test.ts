import { afterEach, describe, expect, it } from 'vitest';
import { DeviceClient, deploy, moduleArtifact, push } from '#runtime/index.js';
import { readTrustDocument } from '#runtime/trust/document/signed.js';
import { until } from '../control/fixture.js';
import { BROKERS } from '../helpers/broker.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestKeys } from '../helpers/keys.js';
import { padded } from '../helpers/padded.js';
import { SimDevice } from '../helpers/sim-device.js';
import { wat } from '../helpers/wat.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function lab(start: (typeof BROKERS)[number]['start']) {
  const keys = new TestKeys();
  const broker = await start();
  cleanup.add(() => broker.stop());
  const trust = readTrustDocument(keys.trustDocument());
  const device = await SimDevice.start({ url: broker.url, name: 'pi-01', trust });
  cleanup.add(() => device.off());
  await until(() => device.agent.connected, 'connected');
  const client = await DeviceClient.connect({ url: broker.url, device: 'pi-01', signer: keys.control });
  cleanup.add(() => client.close());
  const asked: string[] = [];
  await client.link.subscribe('iot/pi-01/ota/get', () => asked.push('chunks'));
  /** A module for a slot; `name` says how it behaves. */
  const module = (slot: string, rev: number, name = 'good') =>
    keys.sign(padded(wat(`(module (memory (export "memory") ${rev}))`), 40_000 + slot.length * 20_000), {
      ...{ name: `${name}-${slot}`, rev, module: keys.moduleKey(slot) },
    });
  const suite = (rev: number, second = 'good') =>
    deploy({
      client,
      component: 'suite',
      artifacts: [
        moduleArtifact('fan', module('fan', rev)),
        moduleArtifact('valve', module('valve', rev, second)),
      ],
      signers: [keys.release],
      timeoutMs: 15_000,
    });
  const running = () =>
    Object.fromEntries([...device.target.running].map(([slot, { version }]) => [slot, version]).sort());
  return { keys, device, client, asked, module, suite, running };
}

for (const { name, start, missing } of BROKERS) {
  describe.skipIf(missing !== undefined)(
    `a release over ${name}${missing === undefined ? '' : `: ${missing}`}`,
    () => {
      it('of two modules comes through one sender and flips as a whole, or not at all', async () => {
        const { keys, client, device, suite, running, module } = await lab(start);
        const first = await suite(1);
        expect(first).toMatchObject({ component: 'suite', end: 'active' });
        expect(running()).toEqual({ fan: '1.0.0', valve: '1.0.0' });
        const bad = await suite(2, 'trap');
        expect(bad).toMatchObject({ end: 'rolled-back', error: { exitCode: 5 } });
        expect(running()).toEqual({ fan: '1.0.0', valve: '1.0.0' });
        expect(await suite(3)).toMatchObject({ end: 'active' });
        expect(running()).toEqual({ fan: '3.0.0', valve: '3.0.0' });
        // A slot of it can still be pushed alone, and is then ahead.
        const alone = await push({
          client,
          component: 'fan',
          module: module('fan', 4),
          signers: [keys.release],
        });
        expect(alone).toMatchObject({ component: 'fan', end: 'active' });
        expect(running()).toEqual({ fan: '4.0.0', valve: '3.0.0' });
        // All of it stays over a restart of the device, which hears both wishes again.
        const activations = device.activations();
        await device.off();
        await device.on();
        await until(() => device.agent.connected, 'connected');
        await device.updates.idle();
        expect(running()).toEqual({ fan: '4.0.0', valve: '3.0.0' });
        expect(device.activations()).toBe(activations);
      }, 60_000);

      it('goes back to modules that the device has, without a byte on the wire', async () => {
        const { keys, client, device, asked, module, running } = await lab(start);
        const signers = [keys.release];
        const versions = [module('fan', 1), module('fan', 2)];
        for (const version of versions) {
          const outcome = await push({ client, component: 'fan', module: version, signers });
          expect(outcome).toMatchObject({ end: 'active' });
        }
        asked.length = 0;
        const { digest, size } = moduleArtifact('fan', versions[0] ?? new Uint8Array());
        const back = await deploy({
          client,
          component: 'fan',
          artifacts: [{ slot: 'fan', digest, size }],
          signers,
        });
        expect(back).toMatchObject({ end: 'active' });
        expect(running()).toEqual({ fan: '1.0.0' });
        expect(asked).toEqual([]);
        expect(
          device.statuses
            .filter(({ deployment }) => deployment === back.deployment)
            .map(({ state }) => state),
        ).not.toContain('fetching');
      }, 60_000);
    },
  );
}
