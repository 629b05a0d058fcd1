import { describe, expect, it } from 'vitest';
import contract from '#runtime/providers/iot-mqtt/contract.js';
import { startAedes } from '../helpers/broker.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { createProvider, providerEnv, session, until } from '../helpers/providers.js';
import { testMqttContract } from './mqtt.contract.js';

const config = ['set_tcp_nodelay true'];
const missing = mosquittoMissing();

testMqttContract('aedes', 'mqtt', startAedes);
if (missing === undefined) {
  testMqttContract('mosquitto', 'mqtt', (options) => startMosquitto({ ...options, config }));
} else {
  console.log(`iot:mqtt with mosquitto: not run, ${missing}`);
}

describe('iot:mqtt settings', () => {
  it('refuse what is no broker', async () => {
    const { settings } = await contract.loadImplementation('mqtt');
    for (const bad of [{ url: 'http://x' }, { url: 'x' }, { ca: 'file' }, { timeoutMs: 0 }, { user: 'x' }]) {
      expect(settings.safeParse(bad).success).toBe(false);
    }
    expect(settings.safeParse({ url: 'mqtts://broker.example:8883' }).success).toBe(true);
  });

  it('never shows the password of an address', async () => {
    const env = providerEnv({ brokerUrl: 'mqtt://me:hunter2@127.0.0.1:1' });
    const provider = await createProvider(contract, 'mqtt', env);
    await provider.start(new AbortController().signal);
    expect(provider.problem?.()).toMatch(/^broker mqtt:\/\/127\.0\.0\.1:1 cannot be reached/);
    await provider.stop();
  });

  it.skipIf(missing !== undefined)(
    `name a refused login, and get in once it is allowed ${missing ?? ''}`,
    async () => {
      const closed = await startMosquitto({
        config: ['per_listener_settings false', 'allow_anonymous false'],
      });
      const provider = await createProvider(contract, 'mqtt', providerEnv({ brokerUrl: closed.url }));
      await provider.start(new AbortController().signal);
      const blink = session(contract, 'blink', { subscribe: ['home/#'] });
      await provider.bind(blink, async () => undefined);
      await until(() => provider.problem?.()?.includes('Not authorized') ?? false, 'refusal');
      await closed.stop();
      const open = await startMosquitto({ port: closed.port, config });
      await until(() => provider.problem?.() === undefined, 'login');
      await provider.stop();
      await open.stop();
    },
  );
});
