import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../control/fixture.js';
import { Cleanup } from '../helpers/cleanup.js';
import { mosquittoMissing } from '../helpers/mosquitto.js';
import { CHUNKS, Fleet, SIZE } from './fleet.js';

const missing = mosquittoMissing();
const cleanup = new Cleanup();
let fleet: Fleet;
const figures: string[] = [];

describe.skipIf(missing !== undefined)(
  `a fleet of ${SIZE}${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    beforeAll(async () => {
      const before = process.memoryUsage().rss;
      fleet = await Fleet.start(cleanup);
      const grown = process.memoryUsage().rss - before;
      figures.push(`${SIZE} devices: ${Math.round(grown / 1024 / SIZE)} KiB each`);
    }, 120_000);

    afterAll(async () => {
      await cleanup.run();
      console.log(figures.join('\n'));
    }, 60_000);

    it('gets a module in waves, every device once', async () => {
      const digest = await fleet.module('v1.wasm', 'good', 1);
      const before = fleet.messages;
      const { code, devices, waves, stopped, seconds } = await fleet.push(
        'v1.wasm',
        '--all',
        '--waves',
        '1,10%,100%',
      );
      figures.push(`rollout to ${SIZE}: ${seconds.toFixed(1)} s, ${fleet.messages - before} messages`);
      expect({ code, stopped }).toEqual({ code: 0, stopped: undefined });
      expect(waves.map(({ size, ok }) => [size, ok])).toEqual([
        [1, 1],
        [19, 19],
        [180, 180],
      ]);
      expect(devices).toHaveLength(SIZE);
      expect(fleet.running()).toEqual({ [digest]: SIZE });
      for (const device of fleet.devices)
        expect([device.name, device.activations()]).toEqual([device.name, 1]);
    }, 120_000);

    it('is spared a bad module: the rollout stops by itself, and the others have never seen it', async () => {
      const [good] = Object.keys(fleet.running());
      await fleet.module('v2.wasm', 'trap', 2);
      const { code, devices, waves, stopped } = await fleet.push('v2.wasm', '--all', '--waves', '5,20%,100%');
      expect({ code, stopped }).toEqual({ code: 7, stopped: 'failed' });
      expect(waves).toHaveLength(1);
      const begun = devices.filter(({ outcome }) => outcome !== 'not-begun').map(({ device }) => device);
      expect(begun.length).toBeLessThanOrEqual(5);
      for (const device of fleet.devices) {
        const spoken = device.statuses.filter(({ state }) => state === 'rolled-back').length;
        expect([device.name, spoken, device.activations()]).toEqual(
          begun.includes(device.name) ? [device.name, 1, 2] : [device.name, 0, 1],
        );
      }
      expect(fleet.running()).toEqual({ [good ?? '']: SIZE });
    }, 120_000);

    it('goes on while no more than the share fail, and stops when more do', async () => {
      const digest = await fleet.module('v3.wasm', 'good', 3);
      // On the roof it does not work: that is one in ten.
      const roof = fleet.devices.filter(({ options }) => options.labels?.site === 'roof');
      for (const { target } of roof) {
        target.behaviour = ({ digest: own }) => (own === digest ? 'trap' : 'good');
      }
      const only = await fleet.push(
        'v3.wasm',
        '--label',
        'site=roof',
        '--waves',
        '50%,100%',
        '--max-failed',
        '10%',
      );
      expect(only).toMatchObject({ code: 7, stopped: 'failed' });
      // They know it by now; the others are not all alike with them.
      const all = await fleet.push('v3.wasm', '--all', '--waves', '10%,50%,100%', '--max-failed', '10%');
      expect(all).toMatchObject({ code: 7 });
      expect(all.stopped).toBeUndefined();
      expect(all.waves.map(({ ok, failed }) => [ok, failed])).toEqual([
        [18, 2],
        [72, 8],
        [90, 10],
      ]);
      expect(fleet.running()[digest]).toBe(SIZE - roof.length);
      for (const { target } of roof) target.behaviour = () => 'good';
    }, 120_000);

    it('survives a restart of the broker in the middle of a rollout', async () => {
      const digest = await fleet.module('v4.wasm', 'good', 4);
      const before = new Map(fleet.devices.map((device) => [device.name, device.activations()]));
      const pushing = fleet.push('v4.wasm', '--all', '--waves', '10%,100%');
      await until(() => (fleet.running()[digest] ?? 0) >= SIZE / 4, 'a quarter has it', 60_000);
      const back = await fleet.restartBroker(300);
      const { code, devices, stopped, seconds } = await pushing;
      expect(devices.filter(({ outcome }) => outcome !== 'active')).toEqual([]);
      expect({ code, stopped }).toEqual({ code: 0, stopped: undefined });
      expect(fleet.running()).toEqual({ [digest]: SIZE });
      for (const device of fleet.devices) {
        expect([device.name, device.activations() - (before.get(device.name) ?? 0)]).toEqual([
          device.name,
          1,
        ]);
      }
      const spread = back.at(-1) ?? 0;
      figures.push(
        `the same with a restart of the broker: ${seconds.toFixed(1)} s; the last was back ${Math.round(spread)} ms after the first`,
      );
      // What the broker says of them is true.
      const presences = await fleet.presences();
      expect(presences).toHaveLength(SIZE);
      for (const { device, state, session, actors } of presences) {
        expect({ device, state, session, actors }).toMatchObject({
          state: 'online',
          session: 1,
          actors: [{ name: 'blink', digest }],
        });
      }
    }, 120_000);

    it('is left once for all that are off, waits for them, and is taken away when the last one has it', async () => {
      const digest = await fleet.module('v5.wasm', 'good', 5);
      const off = fleet.devices.slice(-30);
      await Promise.all(off.map((device) => device.off()));
      const before = fleet.left;
      const { code, devices, waves, stopped } = await fleet.push(
        ...['v5.wasm', '--all', '--waves', '10%,100%', '--timeout', '6s', '--max-parallel', '60'],
      );
      expect({ code, stopped }).toEqual({ code: 7, stopped: undefined });
      expect(waves.at(-1)).toMatchObject({ failed: 0, unreached: off.length });
      const unreached = devices.filter(({ outcome }) => outcome !== 'active').map(({ device }) => device);
      expect(unreached.sort()).toEqual(off.map(({ name }) => name));
      expect(fleet.lying.size).toBe(CHUNKS);
      // Those that began at the same time may all have left it.
      expect(fleet.left - before).toBeLessThanOrEqual(off.length * CHUNKS);
      await Promise.all(off.map((device) => device.on()));
      await until(() => fleet.running()[digest] === SIZE, 'everybody has it', 60_000);
      const next = await fleet.module('v6.wasm', 'good', 6);
      const began = fleet.left;
      const detached = await fleet.push('v6.wasm', '--all', '--detach', '--max-parallel', '40');
      expect(detached.code).toBe(0);
      await until(() => fleet.running()[next] === SIZE, 'everybody has the next one', 60_000);
      figures.push(`left for ${SIZE}: ${fleet.left - began} chunks sent, for ${CHUNKS} that there are`);
      // The first forty at once, and nobody after them.
      expect(fleet.left - began).toBeLessThanOrEqual(40 * CHUNKS);
      const last = await fleet.module('v7.wasm', 'good', 7);
      expect((await fleet.push('v7.wasm', '--all')).code).toBe(0);
      expect(fleet.running()).toEqual({ [last]: SIZE });
      expect(fleet.lying.size).toBe(0);
    }, 180_000);
  },
);
