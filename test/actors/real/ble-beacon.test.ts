import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { mosquittoMissing } from '../../helpers/mosquitto.js';
import { RealActor } from './real-actor.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const SETTINGS = 'home/ble/settings';
const address = (n: number) =>
  `a4:c1:38:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
const topic = (n: number) => `home/ble/${address(n).replaceAll(':', '')}`;

async function start(settings?: string) {
  const beacon = await RealActor.start(cleanup, 'ble-beacon');
  if (settings === undefined) return beacon;
  await beacon.say(SETTINGS, settings);
  // The last word of the settings is refused when all before it has been taken: then they hold.
  await beacon.say(SETTINGS, 'every=never');
  await beacon.logs('every= wants');
  return beacon;
}

/** Everything that was said of devices. */
const told = (beacon: RealActor) => beacon.heard.filter(({ topic }) => topic !== SETTINGS);

describe.skipIf(missing !== undefined)('ble-beacon on a device, as its README has it', () => {
  it('says name, strength and data as JSON, whatever is in them', { timeout: 60_000 }, async () => {
    const beacon = await start();
    beacon.ble.add({
      address: address(1),
      name: 'tag "1"\\\u0000\u001b é \u{1f321}',
      rssi: -71,
      manufacturerData: [0x59, 0, 0xff, 0],
      serviceData: [{ uuid: '180f', data: [0x64, 0] }],
    });
    await beacon.says(topic(1), { rssi: -71 });
    expect(beacon.last(topic(1))).toEqual({
      ...{ address: address(1), rssi: -71, name: 'tag "1"\\\u0000\u001b é \u{1f321}' },
      ...{ manufacturerData: '5900ff00', serviceData: { '180f': '6400' } },
    });
    expect(await beacon.retained(topic(1))).toBeUndefined();
    // Half of a surrogate pair is no character: no decoder of UTF-8 would let it through.
    beacon.ble.add({ address: address(2), name: 'a\ud800b' });
    await beacon.says(topic(2), { address: address(2) });
    expect(beacon.last(topic(2))?.name).toMatch(/^a\ufffd+b$/);
  });

  it('tells of those who are near enough and wanted', { timeout: 60_000 }, async () => {
    const beacon = await start('every=0 rssi=-80 only=a4:c1:38:00:01 only=tag');
    beacon.ble.add({ address: address(0x0101), rssi: -80 });
    beacon.ble.add({ address: address(0x0102), rssi: -81 });
    beacon.ble.add({ address: address(0x0203), rssi: -60, name: 'other' });
    beacon.ble.add({ address: address(0x0204), rssi: -60, name: 'tag-7' });
    await beacon.says(topic(0x0204), { name: 'tag-7' });
    expect(told(beacon).map((one) => one.topic)).toEqual([topic(0x0101), topic(0x0204)]);
  });

  it('is not carried away by a flood', { timeout: 60_000 }, async () => {
    const beacon = await start('every=3600000 most=5');
    const began = performance.now();
    for (let n = 0; n < 400; n++) {
      // A stranger each time, and one that never stops.
      beacon.ble.add({ address: address(0x1000 + n) });
      if (n % 20 === 0) beacon.ble.add({ address: address(1) });
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await beacon.until(
      () => told(beacon).length >= 5,
      () => 'some are told of',
    );
    await beacon.device.call('ble-beacon', 'HealthRequest', Uint8Array.of(0x80));
    const seconds = (performance.now() - began) / 1_000;
    expect(told(beacon).length).toBeLessThanOrEqual(5 * (Math.ceil(seconds) + 1));
    expect(beacon.of(topic(1)).length).toBeLessThanOrEqual(1);
    expect(await beacon.device.actor('ble-beacon')).toMatchObject({ state: 'running', restarts: 0 });
  });
});
