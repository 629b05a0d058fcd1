import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import { DeviceModuleSource } from '#runtime/control/agent/source/module-source.js';
import type { FetchTiming } from '#runtime/control/agent/source/timing.js';
import { publishBlobs } from '#runtime/control/client/blobs.js';
import { ChunkServer } from '#runtime/control/client/chunk-server.js';
import { type ChunkRequest, decodeChunkRequest, encodeChunk } from '#runtime/control/mqtt/chunks.js';
import type { BrokerLink } from '#runtime/control/mqtt/link.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { BROKERS } from '../helpers/broker.js';
import type { RunningBroker } from '../helpers/mosquitto.js';
import { bareLink, Cleanup, chunkCount, digestOf, FAST, failure, moduleOf, until } from './fixture.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MEGABYTE = moduleOf(1024 * 1024);
const SMALL = moduleOf(5 * CHUNK_BYTES + 100, 2);
const DEPLOYMENT = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);

for (const { name, start, missing } of BROKERS) {
  describe.skipIf(missing !== undefined)(
    `module transfer over ${name}${missing === undefined ? '' : `: ${missing}`}`,
    () => {
      let broker: RunningBroker;
      let device: BrokerLink;
      let sender: BrokerLink;

      beforeEach(async () => {
        broker = await start();
        cleanup.add(broker, () => broker.stop());
        device = await bareLink(broker.url);
        cleanup.add(device, () => device.close());
        sender = await bareLink(broker.url);
        cleanup.add(sender, () => sender.close());
      });

      const receiver = async (timing: Partial<FetchTiming> = {}) => {
        const source = new DeviceModuleSource(device, 'pi-01', { timing: { ...FAST, ...timing } });
        await source.start();
        cleanup.add(source, () => source.stop());
        return source;
      };

      /** Fetches like the update machine does, and says what came and how often. */
      const fetching = (
        source: DeviceModuleSource,
        module: Uint8Array,
        signal = new AbortController().signal,
      ) => {
        const target = new Uint8Array(module.length);
        const offsets: number[] = [];
        const request = {
          deployment: DEPLOYMENT,
          digest: digestOf(module),
          size: module.length,
          uri: 'mqtt:',
        };
        const done = source.fetch(
          request,
          () => false,
          async (offset, bytes) => {
            offsets.push(offset);
            target.set(bytes, offset);
          },
          signal,
        );
        return { done, target, offsets };
      };

      const serve = async (module: Uint8Array, link = sender) => {
        const server = new ChunkServer(
          link,
          'pi-01',
          DEPLOYMENT,
          [{ size: module.length, bytes: module }],
          () => {},
        );
        await server.start();
        return cleanup.add(server, () => server.stop());
      };

      const answering = async (answer: (request: ChunkRequest) => void) => {
        await sender.subscribe(topics.get('pi-01'), ({ payload }) => {
          const request = decodeChunkRequest(payload);
          if (request !== undefined) answer(request);
        });
      };
      const chunksOf = ({ offset, length, count }: ChunkRequest, module: Uint8Array) =>
        Array.from({ length: count }, (_, n) => offset + n * length).filter((at) => at < module.length);
      const send = (at: number, module: Uint8Array, deployment = DEPLOYMENT) =>
        sender.publish(
          topics.data('pi-01'),
          encodeChunk(deployment, at, module.subarray(at, at + CHUNK_BYTES)),
        );

      it('brings a megabyte, every chunk once', async () => {
        await serve(MEGABYTE);
        const { done, target, offsets } = fetching(await receiver(), MEGABYTE);
        await done;
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
        expect(new Set(offsets).size).toBe(chunkCount(MEGABYTE.length));
        expect(offsets).toHaveLength(chunkCount(MEGABYTE.length));
      });

      it('brings only what is missing, and nothing of an empty module', async () => {
        const server = await serve(SMALL);
        const source = await receiver();
        const offsets: number[] = [];
        const request = { deployment: DEPLOYMENT, digest: digestOf(SMALL), size: SMALL.length, uri: 'mqtt:' };
        const sink = async (offset: number): Promise<void> => {
          offsets.push(offset);
        };
        await source.fetch(
          request,
          (chunk) => chunk !== 1 && chunk !== 5,
          sink,
          new AbortController().signal,
        );
        expect(offsets.sort((a, b) => a - b)).toEqual([CHUNK_BYTES, 5 * CHUNK_BYTES]);
        expect(server.sentBytes).toBe(SMALL.length);
        await source.fetch({ ...request, size: 0 }, () => false, sink, new AbortController().signal);
        expect(offsets).toHaveLength(2);
      });

      it('takes what a sender has left when none is there', async () => {
        await publishBlobs(sender, digestOf(MEGABYTE), MEGABYTE);
        const { done, target } = fetching(await receiver(), MEGABYTE);
        await done;
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
      });

      it('goes on with what was left when the sender dies in the middle', async () => {
        await publishBlobs(sender, digestOf(MEGABYTE), MEGABYTE);
        const dying = await bareLink(broker.url);
        const server = await serve(MEGABYTE, dying);
        const { done, target, offsets } = fetching(await receiver(), MEGABYTE);
        // By what was sent: on a busy machine the device sees it much later.
        await until(() => server.sentBytes > 20 * CHUNK_BYTES, 'some chunks');
        await dying.close();
        await done;
        expect(server.sentBytes).toBeLessThan(MEGABYTE.length);
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
        expect(offsets).toHaveLength(chunkCount(MEGABYTE.length));
      });

      it('goes on with a sender where what was left has gaps', async () => {
        await publishBlobs(sender, digestOf(SMALL), SMALL);
        await sender.publish(topics.blob(digestOf(SMALL), 2), '', { retain: true });
        await sender.publish(topics.blob(digestOf(SMALL), 3), 'short', { retain: true });
        const { done, target, offsets } = fetching(await receiver(), SMALL);
        await until(() => offsets.length === 4, 'what was left');
        await serve(SMALL);
        await done;
        expect(digestOf(target)).toBe(digestOf(SMALL));
      });

      it('passes over chunks of others, wrong checksums, wrong sizes, duplicates and noise, in any order', async () => {
        const lies = moduleOf(SMALL.length, 99);
        let asked = 0;
        await answering((request) => {
          asked++;
          const order = chunksOf(request, SMALL).reverse();
          for (const at of order) {
            const honest = encodeChunk(DEPLOYMENT, at, SMALL.subarray(at, at + CHUNK_BYTES));
            const spoilt = Uint8Array.from(honest);
            spoilt[60]! ^= 0x40;
            const short = encodeChunk(DEPLOYMENT, at, SMALL.subarray(at, at + 10));
            const beside = encodeChunk(DEPLOYMENT, at + 1, SMALL.subarray(at, at + CHUNK_BYTES));
            const foreign = encodeChunk(OTHER, at, lies.subarray(at, at + CHUNK_BYTES));
            const bad = asked === 1 ? [spoilt] : [];
            const messages = [
              Uint8Array.of(0xff),
              foreign,
              short,
              beside,
              ...bad,
              ...(asked === 1 ? [] : [honest, honest]),
            ];
            for (const message of messages) sender.publish(topics.data('pi-01'), message).catch(() => {});
          }
        });
        const { done, target, offsets } = fetching(await receiver(), SMALL);
        await done;
        expect(asked).toBeGreaterThan(1);
        expect(digestOf(target)).toBe(digestOf(SMALL));
        expect(offsets).toHaveLength(chunkCount(SMALL.length));
      });

      it('asks again for single chunks that were lost', async () => {
        const lost = new Set([2 * CHUNK_BYTES, 7 * CHUNK_BYTES, 63 * CHUNK_BYTES]);
        await answering((request) => {
          for (const at of chunksOf(request, MEGABYTE))
            if (!lost.delete(at)) send(at, MEGABYTE).catch(() => {});
        });
        const { done, target } = fetching(await receiver(), MEGABYTE);
        await done;
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
      });

      it('survives a broker that dies and comes back in the middle', async () => {
        let first = true;
        let stalled = (): void => {};
        const stall = new Promise<void>((resolve) => {
          stalled = resolve;
        });
        await answering((request) => {
          for (const at of chunksOf(request, MEGABYTE)) {
            if (first && at >= 20 * CHUNK_BYTES) stalled();
            else send(at, MEGABYTE).catch(() => {});
          }
        });
        const { done, target, offsets } = fetching(await receiver(), MEGABYTE);
        await stall;
        await broker.kill();
        first = false;
        await until(() => !device.connected && !sender.connected, 'disconnect');
        broker = await start({ port: broker.port });
        await done;
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
        expect(offsets).toHaveLength(chunkCount(MEGABYTE.length));
      });

      it('fails when nothing comes, says so, and stops at once when told to', async () => {
        const source = await receiver({ silenceMs: 40, giveUpMs: 100, pausesMs: [10] });
        const error = await failure(fetching(source, SMALL).done);
        expect(error.code).toBe('E_FETCH');
        expect(error.message).toContain(digestOf(SMALL).slice(0, 12));
        expect(error.message).toContain('6 chunks');
        const abort = new AbortController();
        const patient = await receiver();
        const waiting = failure(fetching(patient, SMALL, abort.signal).done);
        abort.abort();
        expect((await waiting).code).toBe('E_CANCELLED');
      });

      it('hands on what the disk says, and never asks for nonsense', async () => {
        await serve(SMALL);
        const source = await receiver();
        const request = { deployment: DEPLOYMENT, digest: digestOf(SMALL), size: SMALL.length, uri: 'mqtt:' };
        const full = new Error('disk is full');
        const failing = source.fetch(
          request,
          () => false,
          async () => {
            throw full;
          },
          new AbortController().signal,
        );
        await expect(failing).rejects.toBe(full);
        for (const wrong of [{ digest: '../../x' }, { size: -1 }, { size: 0.5 }, { digest: '#' }]) {
          const fetched = source.fetch(
            { ...request, ...wrong },
            () => false,
            async () => {},
            new AbortController().signal,
          );
          expect((await failure(fetched)).code).toBe('E_FETCH');
        }
      });

      it('never runs ahead of a slow disk', async () => {
        await serve(MEGABYTE);
        const source = await receiver();
        const request = {
          deployment: DEPLOYMENT,
          digest: digestOf(MEGABYTE),
          size: MEGABYTE.length,
          uri: 'mqtt:',
        };
        let writing = 0;
        let most = 0;
        const target = new Uint8Array(MEGABYTE.length);
        await source.fetch(
          request,
          () => false,
          async (offset, bytes) => {
            most = Math.max(most, ++writing);
            await new Promise((resolve) => setTimeout(resolve, 2));
            target.set(bytes, offset);
            writing--;
          },
          new AbortController().signal,
        );
        expect(most).toBe(1);
        expect(digestOf(target)).toBe(digestOf(MEGABYTE));
      });

      it('a sender answers for its deployment only, and no more than is asked for in turn', async () => {
        const server = await serve(SMALL);
        const got: Uint8Array[] = [];
        await device.subscribe(topics.data('pi-01'), ({ payload }) => got.push(payload));
        const { encodeChunkRequest } = await import('#runtime/control/mqtt/chunks.js');
        const ask = (deployment: Uint8Array, offset: number, count: number) =>
          device.publish(
            topics.get('pi-01'),
            encodeChunkRequest({ deployment, offset, length: CHUNK_BYTES, count }),
          );
        await ask(OTHER, 0, 16);
        await ask(DEPLOYMENT, SMALL.length, 1);
        await device.publish(topics.get('pi-01'), 'noise');
        await ask(DEPLOYMENT, 4 * CHUNK_BYTES, 16);
        await until(() => got.length === 2, 'two chunks');
        expect(server.sentBytes).toBe(SMALL.length);
        expect(got).toHaveLength(2);
      });
    },
  );
}
