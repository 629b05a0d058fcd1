import { mkdtemp, rm } from 'node:fs/promises';
import contract from '#runtime/providers/iot-serial/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../../helpers/providers.js';
import { PtyCable } from './pty.js';
import { testSerialContract } from './serial.contract.js';

// Under /dev: that is where ports are.
testSerialContract('serialport over ptys', async (lines) => {
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  const cables = { meter: new PtyCable(folder, 'meter'), spare: new PtyCable(folder, 'spare') };
  for (const cable of Object.values(cables)) await cable.plug();
  const cable = (port: string) => cables[port as keyof typeof cables];
  const ports = { meter: { path: cables.meter.near }, spare: { path: cables.spare.near } };
  const env = providerEnv({ logger: recordingLogger(lines) });
  return {
    provider: await createProvider(contract, 'serialport', env, { ports }),
    send: (port, bytes) => cable(port).send(bytes),
    received: (port) => cable(port).received(),
    unplug: (port) => cable(port).unplug(),
    plug: (port) => cable(port).plug(),
    async close() {
      for (const one of Object.values(cables)) await one.unplug();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
