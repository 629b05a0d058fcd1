import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { serve } from '../subject.js';

interface Options {
  readonly broker: string;
}

/** The least that a transfer could be: takes a message as a file, writes it through to the disk and says so. */
await serve(async ({ broker }: Options) => {
  const folder = await mkdtemp(join(tmpdir(), 'iot-host-bench-receiver-'));
  const client = await connectAsync(broker);
  let files = 0;
  client.on('message', (_topic, payload) => {
    void keep(join(folder, String(files++)), payload).then(() =>
      client.publish('plain/kept', '', { qos: 1 }),
    );
  });
  await client.subscribeAsync('plain/file', { qos: 1 });
  return {
    hello: {},
    stop: async () => {
      await client.endAsync(true);
      await rm(folder, { recursive: true, force: true });
    },
  };
});

async function keep(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
}
