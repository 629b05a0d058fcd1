import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import contract from '#runtime/providers/iot-ble/contract.js';
import { createProvider, failure, providerEnv, recordingLogger } from '../helpers/providers.js';
import { type Bench, testBleContract } from '../providers/ble/ble.contract.js';
import { Peripheral } from '../providers/ble/peripheral.js';
import { VirtualRadio } from './virtual-radio.js';

const PATIENCE_MS = 30_000;

/** The peripheral is on hci1, which it has for itself, past the kernel; the provider is on hci0. */
class TwoAdapters {
  readonly radio = new VirtualRadio();
  readonly peripheral = new Peripheral({ deviceId: 1 }, { HCI_CHANNEL_USER: '1' });

  async start(): Promise<void> {
    if (process.env.IOT_LAB === undefined) throw new Error('this runs inside the lab: npm run test:lab');
    await this.radio.start();
    this.radio.down('hci1');
  }

  async stop(): Promise<void> {
    await this.peripheral.kill();
    await this.radio.stop();
  }

  async bench(use: string, settings: object, lines: string[]): Promise<Bench> {
    const { peripheral } = this;
    await peripheral.start();
    const env = providerEnv({ logger: recordingLogger(lines) });
    return {
      provider: await createProvider(contract, use, env, settings),
      address: peripheral.address,
      notify: async (value) => void (await peripheral.ask('notify', value)),
      written: async () => (await peripheral.ask('written')) as string | undefined,
      asked: async () => void (await peripheral.ask('asked')),
      vanish: () => peripheral.vanish(),
      appear: () => peripheral.start(),
      close: async () => {},
    };
  }
}

/** `only`: what can be tested through the kernel. */
function testPackage(name: string, use: string, settings: object, only?: RegExp): void {
  const exclusive = { ...settings, exclusive: true };

  describe(`${name}, an adapter for itself`, () => {
    const two = new TwoAdapters();
    beforeAll(() => two.start(), PATIENCE_MS);
    afterAll(() => two.stop(), PATIENCE_MS);

    it('says that the adapter is up, and has it when it is down', async () => {
      const lines: string[] = [];
      const { provider } = await two.bench(use, exclusive, lines);
      // One package throws, the other one knows a state for it.
      const refused = await failure(() => provider.start(new AbortController().signal));
      expect(`${refused} ${provider.problem?.()}`).toMatch(/is up/);
      await provider.stop();
      two.radio.down('hci0');
    });

    testBleContract(name, (lines) => two.bench(use, exclusive, lines), PATIENCE_MS);
  });

  describe(`${name}, through the kernel`, () => {
    const two = new TwoAdapters();
    beforeAll(() => two.start(), PATIENCE_MS);
    afterAll(() => two.stop(), PATIENCE_MS);
    testBleContract(name, (lines) => two.bench(use, settings, lines), PATIENCE_MS, only);
  });
}

testPackage('@stoprocent/noble', 'stoprocent', { hci: 0 });
process.stderr.write(
  'skipped through the kernel: most of iot:ble with @abandonware/noble: a connection that comes about just when its attempt is given up ' +
    'stays with the kernel, which hands it to the next attempts without an event; with the adapter for itself it runs all of it\n',
);
testPackage('@abandonware/noble', 'noble', { adapter: 0 }, /^(hears|connects, discovers)/);
