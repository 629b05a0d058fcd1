import { mkdtemp, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import contract from '#runtime/providers/iot-serial/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../../helpers/providers.js';
import { FarEnd } from './far-end.js';
import { type Bench, testSerialContract } from './serial.contract.js';

/** The contract test over two ports that a null-modem cable joins: the provider's, and the one in the test's hand. */
export function testSerialOverCable(near: string, far: string): void {
  process.stderr.write(
    `skipped over the cable from ${near} to ${far}: what unplugs a port that is open, as no program can\n`,
  );
  testSerialContract('serialport over a cable', (lines) => onCable(near, far, lines), {
    canUnplug: false,
  });
}

/** `meter` is the near port. `spare` is a name that comes and goes as udev’s do, for a port that is there all the time. */
async function onCable(near: string, far: string, lines: string[]): Promise<Bench> {
  const hand = await FarEnd.open(far);
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  const spare = join(folder, 'spare');
  await symlink(far, spare);
  const meterOnly = (port: string) => {
    if (port !== 'meter') throw new Error(`${port} is not on the cable`);
  };
  const spareOnly = (port: string) => {
    if (port !== 'spare') throw new Error(`no program can unplug ${port}`);
  };
  const env = providerEnv({ logger: recordingLogger(lines) });
  const ports = { meter: { path: near }, spare: { path: spare } };
  return {
    provider: await createProvider(contract, 'serialport', env, { ports }),
    async send(port, bytes) {
      meterOnly(port);
      await hand.send(bytes);
    },
    async received(port) {
      meterOnly(port);
      await sleep(5);
      return hand.received();
    },
    async unplug(port) {
      spareOnly(port);
      await unlink(spare);
    },
    async plug(port) {
      spareOnly(port);
      await hand.close();
      await symlink(far, spare);
    },
    async close() {
      await hand.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
