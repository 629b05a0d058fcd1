import { afterEach, describe, expect, it } from 'vitest';
import { ActorBench } from '../helpers/actor-bench.js';
import { Cleanup } from '../helpers/cleanup.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const start = () =>
  ActorBench.start(cleanup, 'ble-beacon', [
    { contract: 'iot:ble', scan: true },
    { contract: 'iot:timer' },
    { contract: 'wascc:keyvalue' },
    { contract: 'iot:mqtt', publish: ['home/ble/+'], subscribe: ['home/ble/settings'] },
  ]);
const hex = (text: string) => [...Buffer.from(text, 'hex')];
const heard = async (bench: ActorBench, count: number) => {
  await bench.until(() => bench.mqtt.published.length >= count, `message ${count}`);
  await bench.settle();
  expect(bench.mqtt.published).toHaveLength(count);
  const { topic, payload } = bench.mqtt.published.at(-1)!;
  return { topic, ...JSON.parse(payload) };
};

describe('ble-beacon', () => {
  it('publishes name, strength and data of what is heard, an iBeacon and an Eddystone decoded', async () => {
    const bench = await start();
    bench.ble.add({
      address: 'a4:c1:38:00:00:01',
      name: 'a "name"\\\n',
      rssi: -71,
      manufacturerData: [0x59, 0, 1],
    });
    expect(await heard(bench, 1)).toEqual({
      ...{ topic: 'home/ble/a4c138000001', address: 'a4:c1:38:00:00:01', rssi: -71 },
      ...{ name: 'a "name"\\\n', manufacturerData: '590001' },
    });
    const uuid = 'e2c56db5dffb48d2b060d0f5a71096e0';
    bench.ble.add({ address: 'a4:c1:38:00:00:02', manufacturerData: hex(`4c000215${uuid}0001fffec5`) });
    expect(await heard(bench, 2)).toMatchObject({ iBeacon: { uuid, major: 1, minor: 65_534, power: -59 } });
    const data = hex('00eb0102030405060708090a0b0c0d0e0f100000');
    const serviceData = [
      { uuid: 'feaa', data },
      { uuid: '180f', data: [100] },
    ];
    bench.ble.add({ address: 'a4:c1:38:00:00:03', serviceData });
    expect(await heard(bench, 3)).toMatchObject({
      eddystone: { namespace: '0102030405060708090a', instance: '0b0c0d0e0f10', power: -21 },
      serviceData: { feaa: Buffer.from(data).toString('hex'), '180f': '64' },
    });
  });

  it('says each device once in a while, and none that is too far', async () => {
    const bench = await start();
    expect(await bench.send('home/ble/settings', 'every=5000 rssi=-80')).toBe('handled');
    bench.ble.add({ address: 'a4:c1:38:00:00:01', rssi: -60 });
    await heard(bench, 1);
    for (const rssi of [-61, -62, -63]) bench.ble.advertise('a4:c1:38:00:00:01', { rssi });
    bench.ble.add({ address: 'a4:c1:38:00:00:02', rssi: -81 });
    await bench.pass(4_999);
    await heard(bench, 1);
    await bench.pass(1);
    bench.ble.advertise('a4:c1:38:00:00:01', { rssi: -64 });
    expect(await heard(bench, 2)).toMatchObject({ rssi: -64 });
    expect(await bench.send('home/ble/settings', 'every=often')).toContain('every= wants');
  });

  it('keeps no more than 64 devices in mind, the oldest makes room', async () => {
    const bench = await start();
    const address = (n: number) => `a4:c1:38:00:01:${n.toString(16).padStart(2, '0')}`;
    for (let n = 0; n < 65; n++) {
      bench.ble.add({ address: address(n) });
      await heard(bench, n + 1);
      await bench.pass(1);
    }
    bench.ble.advertise(address(64));
    bench.ble.advertise(address(0));
    expect(await heard(bench, 66)).toMatchObject({ address: address(0) });
  });
});
