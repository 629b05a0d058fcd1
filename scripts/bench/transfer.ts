import { createHash, randomBytes } from 'node:crypto';
import { ChunkServer } from '../../runtime/control/client/chunk-server.js';
import { BrokerLink } from '../../runtime/control/mqtt/link.js';
import { Mosquitto } from './broker.js';
import type { Figure } from './figure.js';
import { connect } from './mqtt.js';
import { alternate } from './rounds.js';
import { Subject } from './subject.js';

const SIZE = 2 ** 20;
const DEVICE = 'bench';

/** A module's way to a device in chunks that it asks for, through a broker as it comes: no TCP_NODELAY at its side. */
export const transfer: Figure = {
  name: 'transfer',
  reference: 'one mqtt.js message of that size, QoS 1',
  async run() {
    const broker = await Mosquitto.start({ noDelay: false });
    const fetcher = await Subject.start('fetcher', { broker: broker.url, device: DEVICE });
    const link = new BrokerLink({ url: broker.url, clientId: 'bench-sender' });
    await link.open();
    const plain = await connect(broker.url);
    await plain.subscribeAsync('plain/got', { qos: 1 });
    try {
      const ours = async () => {
        const module = new Uint8Array(randomBytes(SIZE));
        const deployment = new Uint8Array(randomBytes(32));
        const server = new ChunkServer(link, DEVICE, deployment, [{ size: SIZE, bytes: module }], () => {});
        await server.start();
        const digest = createHash('sha256').update(module).digest('hex');
        const question = { ask: 'fetch', deployment: toHex(deployment), digest, size: SIZE };
        const began = performance.now();
        const { came } = await fetcher.ask(question);
        const took = performance.now() - began;
        await server.stop();
        if (came !== digest) throw new Error('other bytes came');
        return took;
      };
      const reference = async () => {
        const message = randomBytes(SIZE);
        const got = new Promise<void>((resolve) => plain.once('message', () => resolve()));
        const began = performance.now();
        await plain.publishAsync('plain/file', message, { qos: 1 });
        await got;
        return performance.now() - began;
      };
      await ours();
      await reference();
      return [{ what: '1 MiB', unit: 'ms', better: 'lower', ...(await alternate(ours, reference)) }];
    } finally {
      await link.close();
      await plain.endAsync(true);
      await fetcher.stop();
      await broker.stop();
    }
  },
};

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
