import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { CellProviders } from '#runtime/host/cell/cell-providers.js';
import mqtt from '#runtime/providers/iot-mqtt/contract.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';

const GRANT = { publish: ['home/+/state'], subscribe: [] };
const session = { actor: 'relay', binding: 'default', grant: GRANT };
const publish = (topic: string, qos: number) => encodePayload('cbor', { topic, payload: 'x', qos });

describe('a request whose answer says nothing', () => {
  it('is a QoS 0 Publish that is granted, and nothing else of iot:mqtt', () => {
    expect(mqtt.hasOneWay).toBe(true);
    expect(mqtt.isOneWay(session, 'Publish', publish('home/a/state', 0))).toBe(true);
    expect(mqtt.isOneWay(session, 'Publish', publish('home/a/state', 1))).toBe(false);
    expect(mqtt.isOneWay(session, 'Subscribe', encodePayload('cbor', { filter: 'a' }))).toBe(false);
    expect(mqtt.isOneWay(session, 'Nonsense', new Uint8Array(0))).toBe(false);
    expect(() => mqtt.isOneWay(session, 'Publish', publish('other', 0))).toThrow(
      'publish other is not granted',
    );
    expect(() => mqtt.isOneWay(session, 'Publish', new Uint8Array([0xff]))).toThrow();
  });

  it('is awaited all the same when it would be refused, and while no provider runs', async () => {
    const providers = new CellProviders(() => {});
    const binding = { contract: 'iot:mqtt', name: 'default', grant: GRANT, provider: 'iot:mqtt/default' };
    const isOneWay = (topic: string) => providers.isOneWay('relay', binding, 'Publish', publish(topic, 0));
    expect(isOneWay('home/a/state')).toBe(false);
    const contractUrl = new URL('../../dist/runtime/providers/iot-mqtt/contract.js', import.meta.url).href;
    await providers.set(binding.provider, { id: binding.provider, contractUrl, settings: {}, dataDir: '/' });
    expect(isOneWay('home/a/state')).toBe(true);
    expect(isOneWay('other')).toBe(false);
    expect(providers.perform('relay', binding, 'Publish', publish('home/a/state', 0))).toBe(undefined);
    await providers.set(binding.provider, null);
    expect(isOneWay('home/a/state')).toBe(false);
  });
});

describe('a device whose actor publishes with QoS 0', () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  it('passes on every message, in order', async () => {
    const bindings = [{ contract: 'iot:mqtt', publish: ['home/+/state'], subscribe: ['home/cmd/relay'] }];
    const device = await TestDevice.start(cleanup, { config: { actors: [{ name: 'relay', bindings }] } });
    await device.install('relay', device.keys.sign('relay', { name: 'relay', caps: ['iot:mqtt'] }));
    const client = await connectAsync(device.broker);
    cleanup.add(() => client.endAsync(true));
    const got: string[] = [];
    client.on('message', (_topic, payload) => void got.push(payload.toString()));
    await client.subscribeAsync('home/relay/state');
    const sent = Array.from({ length: 300 }, (_, index) => `${index}`);
    for (const text of sent) client.publish('home/cmd/relay', text, { qos: 0 });
    await expect.poll(() => got.length, { timeout: 5_000 }).toBe(sent.length);
    expect(got).toEqual(sent);
  });
});
