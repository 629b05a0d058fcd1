import { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import { recordingLogger } from '../../helpers/providers.js';
import { CHARACTERISTICS, SERVICE, testBleContract } from './ble.contract.js';
import { addThermo, THERMO } from './sim-peripherals.js';

const at = (characteristic: keyof typeof CHARACTERISTICS) => ({
  ...{ service: SERVICE, characteristic: CHARACTERISTICS[characteristic] },
});

testBleContract('sim', async (lines) => {
  const provider = new SimulatedBle(recordingLogger(lines));
  addThermo(provider);
  return {
    provider,
    address: THERMO,
    notify: async (value) => provider.notify(THERMO, at('reading'), Buffer.from(value)),
    written: async () => Buffer.from(provider.value(THERMO, at('target'))).toString(),
    asked: () => new Promise((resolve) => setImmediate(resolve)),
    vanish: async () => provider.vanish(THERMO),
    appear: async () => provider.appear(THERMO),
    close: async () => {},
  };
});
