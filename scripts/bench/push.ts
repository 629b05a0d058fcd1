import { connectAsync, type MqttClient } from 'mqtt';
import { DeviceClient, push as pushModule } from '../../runtime/index.js';
import { DemoKeys } from '../demo/keys.js';
import { Mosquitto } from './broker.js';
import { actorFile } from './engine.js';
import { enlarge } from './enlarge.js';
import type { Figure, Row } from './figure.js';
import { alternate } from './rounds.js';
import { Subject } from './subject.js';

const SIZES = [
  { what: '20 kB', bytes: 20_000 },
  { what: '1 MiB', bytes: 2 ** 20 },
] as const;

/** A signed push until the module is active: checked, stored, compiled, started, switched to. No probation. */
export const push: Figure = {
  name: 'push',
  reference: 'one mqtt.js message of that size, written and fsynced',
  async run() {
    const broker = await Mosquitto.start();
    const keys = new DemoKeys();
    const trust = Buffer.from(keys.trustDocument()).toString('hex');
    const device = await Subject.start('device', { broker: broker.url, actors: [], trust });
    const receiver = await Subject.start('receiver', { broker: broker.url });
    const client = await DeviceClient.connect({ url: broker.url, device: 'bench', signer: keys.control });
    const plain = await connectAsync(broker.url);
    await plain.subscribeAsync('plain/kept', { qos: 1 });
    try {
      const rows: Row[] = [];
      let rev = 0;
      for (const { what, bytes } of SIZES) {
        const ours = async () => {
          rev++;
          const larger = enlarge(await actorFile('echo-c'), bytes, rev);
          const module = keys.signBytes(larger, 'echo', rev, []);
          const began = performance.now();
          const outcome = await pushModule({ client, module, component: 'echo', signers: [keys.release] });
          if (outcome.end !== 'active') throw outcome.error ?? new Error(`the push ended ${outcome.end}`);
          return performance.now() - began;
        };
        const reference = () => transfer(plain, Buffer.alloc(bytes, rev));
        await ours();
        await reference();
        rows.push({ what, unit: 'ms', better: 'lower', ...(await alternate(ours, reference)) });
      }
      return rows;
    } finally {
      await client.close();
      await plain.endAsync(true);
      await device.stop();
      await receiver.stop();
      await broker.stop();
    }
  },
};

async function transfer(client: MqttClient, file: Buffer): Promise<number> {
  const began = performance.now();
  const kept = new Promise<void>((resolve) => client.once('message', () => resolve()));
  await client.publishAsync('plain/file', file, { qos: 1 });
  await kept;
  return performance.now() - began;
}
