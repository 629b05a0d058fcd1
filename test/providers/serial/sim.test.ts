import { SimulatedSerial } from '#runtime/providers/iot-serial/sim.js';
import { recordingLogger } from '../../helpers/providers.js';
import { testSerialContract } from './serial.contract.js';

testSerialContract('sim', async (lines) => {
  const provider = new SimulatedSerial(['meter', 'spare'], recordingLogger(lines));
  return {
    provider,
    send: async (port, bytes) => provider.send(port, bytes),
    received: async (port) => {
      await new Promise(setImmediate);
      return provider.received(port);
    },
    unplug: async (port) => provider.unplug(port),
    plug: async (port) => provider.plug(port),
    close: async () => {},
  };
});
