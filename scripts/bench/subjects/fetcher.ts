import { createHash } from 'node:crypto';
import { connectAsync } from 'mqtt';
import { DeviceModuleSource } from '../../../runtime/control/agent/source/module-source.js';
import { BrokerLink } from '../../../runtime/control/mqtt/link.js';
import { URI_MQTT } from '../../../runtime/trust/suit/labels.js';
import { type Answer, serve } from '../subject.js';

interface Options {
  readonly broker: string;
  /** As whom it asks. */
  readonly device: string;
}

/** The two ways of a module to a device, and nothing else of a device: pulled in chunks, and in one message. */
await serve(async ({ broker, device }: Options) => {
  const link = new BrokerLink({ url: broker, clientId: 'bench-fetcher' });
  await link.open();
  const source = new DeviceModuleSource(link, device);
  await source.start();
  const plain = await connectAsync(broker);
  plain.on('message', () => plain.publish('plain/got', '', { qos: 1 }));
  await plain.subscribeAsync('plain/file', { qos: 1 });

  /** Resolves with the digest of what came. */
  const fetch = async ({ deployment, digest, size }: Answer): Promise<Answer> => {
    const module = new Uint8Array(Number(size));
    await source.fetch(
      {
        deployment: new Uint8Array(Buffer.from(String(deployment), 'hex')),
        ...{ digest: String(digest), size: module.length, uri: URI_MQTT },
      },
      () => false,
      async (offset, bytes) => module.set(bytes, offset),
      new AbortController().signal,
    );
    return { came: createHash('sha256').update(module).digest('hex') };
  };
  return {
    hello: {},
    answer: fetch,
    stop: async () => {
      await source.stop();
      await link.close();
      await plain.endAsync(true);
    },
  };
});
