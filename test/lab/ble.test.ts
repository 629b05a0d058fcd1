import { afterAll, beforeAll, describe } from 'vitest';
import contract from '#runtime/providers/iot-ble/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../helpers/providers.js';
import { type Bench, testBleContract } from '../providers/ble/ble.contract.js';
import { Peripheral } from '../providers/ble/peripheral.js';
import { VirtualRadio } from './virtual-radio.js';

const PATIENCE_MS = 30_000;

/** The peripheral is on hci1, the provider on hci0; `down`: adapters that somebody has for himself, past the kernel. */
function testPackage(
  name: string,
  use: string,
  settings: object,
  down: readonly string[],
  only?: RegExp,
): void {
  describe(`two adapters of the kernel, ${name}`, () => {
    const radio = new VirtualRadio();
    const peripheral = new Peripheral({ deviceId: 1 }, { HCI_CHANNEL_USER: '1' });

    beforeAll(async () => {
      if (process.env.IOT_LAB === undefined) throw new Error('this runs inside the lab: npm run test:lab');
      await radio.start();
      for (const adapter of down) radio.down(adapter);
    }, PATIENCE_MS);
    afterAll(async () => {
      await peripheral.kill();
      await radio.stop();
    }, PATIENCE_MS);

    const bench = async (lines: string[]): Promise<Bench> => {
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
    };
    testBleContract(name, bench, PATIENCE_MS, only);
  });
}

testPackage('@stoprocent/noble', 'stoprocent', { hci: 0, exclusive: true }, ['hci0', 'hci1']);
// Through the kernel, as this package cannot do otherwise. One connection only: the lab's kernel may die of the second
// one, which has the same handle and comes at once.
testPackage('@abandonware/noble', 'noble', { adapter: 0 }, ['hci1'], /^(hears|connects, discovers)/);
