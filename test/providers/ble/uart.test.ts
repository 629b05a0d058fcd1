import { afterAll, beforeAll, describe } from 'vitest';
import contract from '#runtime/providers/iot-ble/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../../helpers/providers.js';
import { airProblem, EmulatedAir } from './air/emulated-air.js';
import { testBleContract } from './ble.contract.js';
import { Peripheral } from './peripheral.js';

const missing = airProblem();
if (missing !== undefined) process.stderr.write(`skipped iot:ble over UART: ${missing}\n`);

describe.skipIf(missing !== undefined)('controllers on serial ports', () => {
  const air = new EmulatedAir();
  const [near, far] = [air.controller('near'), air.controller('far')];
  const bleno = { hciDriver: 'uart', bindParams: { uart: { port: far.path, baudRate: 115_200 } } };
  const peripheral = new Peripheral(bleno);

  beforeAll(() => air.start());
  afterAll(async () => {
    await peripheral.kill();
    await air.stop();
  });

  const appear = async () => {
    await far.plug();
    await peripheral.start();
  };

  testBleContract('@stoprocent/noble over UART', async (lines) => {
    await near.plug();
    await appear();
    const env = providerEnv({ logger: recordingLogger(lines) });
    const settings = { hci: { uart: { port: near.path, baudRate: 115_200 } } };
    return {
      provider: await createProvider(contract, 'stoprocent', env, settings),
      address: peripheral.address,
      notify: async (value) => void (await peripheral.ask('notify', value)),
      written: async () => (await peripheral.ask('written')) as string | undefined,
      asked: async () => void (await peripheral.ask('asked')),
      async vanish() {
        await peripheral.vanish();
        await far.unplug();
      },
      appear,
      async close() {
        await peripheral.kill();
        await far.unplug();
        await near.unplug();
      },
    };
  });
});
