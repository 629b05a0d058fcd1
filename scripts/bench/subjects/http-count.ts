import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { serve } from '../subject.js';

interface Options {
  readonly store: 'memory' | 'lmdb';
}

/** A number for each path: takes it, adds one and keeps it. */
interface Counter {
  add(path: string): number;
  close(): Promise<void>;
}

function inMemory(): Counter {
  const counts = new Map<string, number>();
  return {
    add(path) {
      const count = (counts.get(path) ?? 0) + 1;
      counts.set(path, count);
      return count;
    },
    close: async () => {},
  };
}

/** As the provider opens it: every change is a transaction that is on the disk before it is answered. */
async function onDisk(): Promise<Counter> {
  const path = await mkdtemp(join(tmpdir(), 'iot-host-bench-lmdb-'));
  const store = open<number, string>({ path, noSubdir: false, overlappingSync: false });
  return {
    add: (key) =>
      store.transactionSync(() => {
        const count = (store.get(key) ?? 0) + 1;
        store.putSync(key, count);
        return count;
      }),
    close: async () => {
      await store.close();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** The counting web server as one writes it with Node alone. */
await serve(async ({ store }: Options) => {
  const counter = store === 'lmdb' ? await onDisk() : inMemory();
  const server = createServer((request, response) => {
    const body = String(counter.add(request.url ?? '/'));
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    hello: { port: typeof address === 'object' ? address?.port : undefined },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await counter.close();
    },
  };
});
