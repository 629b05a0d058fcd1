import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, CHUNK_WINDOW, MAX_FETCH_FACTOR, PORTION_BYTES } from '#runtime/base/limits.js';
import { publishBlobs } from '#runtime/control/client/blobs.js';
import { encodeChunk } from '#runtime/control/mqtt/chunks.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { BROKERS } from '../../helpers/broker.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { TcpProxy } from '../../helpers/tcp-proxy.js';
import { bareLink, chunkCount, digestOf, failure, moduleOf } from '../fixture.js';
import { DEPLOYMENT, type Piece, Rig, type RigOptions, ScriptedSender } from './rig.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MEGABYTE = moduleOf(1024 * 1024);
const SMALL = moduleOf(20 * CHUNK_BYTES + 100, 2);
const CHUNKS = chunkCount(SMALL.length);
/** Nothing is asked for again because this machine is busy. */
const PATIENT = { silenceMs: 10_000, retriesMs: [10_000] };
const OTHER = new Uint8Array(32).fill(2);

/** Numbers from 0 to 1, the same every time. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return x / 2 ** 32;
  };
}

for (const { name, start, missing } of BROKERS) {
  if (missing !== undefined) process.stderr.write(`skipped over ${name}: ${missing}\n`);
  describe.skipIf(missing !== undefined)(`over ${name}, a module arrives`, () => {
    let port: number;
    let url: string;

    beforeEach(async () => {
      const broker = await start();
      cleanup.add(() => broker.stop());
      ({ port, url } = broker);
    });

    const serve = async (module: Uint8Array, answer?: (piece: Piece, sender: ScriptedSender) => void) => {
      const link = await bareLink(url);
      cleanup.add(() => link.close());
      return new ScriptedSender(link, module, answer).start();
    };
    const rig = (options?: RigOptions) => Rig.start(cleanup, url, options);

    it('in one request for a first window and a few more, each chunk asked for once', async () => {
      const sender = await serve(MEGABYTE);
      const device = await rig({ timing: PATIENT });
      expect(digestOf(await device.obtain(MEGABYTE, { signed: true }))).toBe(digestOf(MEGABYTE));
      expect(sender.asked).toHaveLength(64);
      expect(sender.requests[0]).toMatchObject({ offset: 0, length: CHUNK_BYTES, count: CHUNK_WINDOW });
      expect(sender.requests.length).toBeLessThanOrEqual(16);
    });

    it('when every fifth chunk is lost', async () => {
      const luck = random(1);
      const sender = await serve(SMALL, (piece, self) => {
        if (luck() > 0.2) self.send(piece);
      });
      expect(digestOf(await (await rig()).obtain(SMALL))).toBe(digestOf(SMALL));
      expect(sender.askedBytes).toBeLessThan(3 * SMALL.length);
    });

    it('when each comes twice and in any order, asked for once', async () => {
      let held: Piece[] = [];
      const luck = random(2);
      const sender = await serve(SMALL, (piece, self) => {
        held.push(piece, piece);
        if (held.length < 10 && piece.offset + piece.length < SMALL.length) return;
        for (const one of held.sort(() => luck() - 0.5)) self.send(one);
        held = [];
      });
      expect(digestOf(await (await rig()).obtain(SMALL))).toBe(digestOf(SMALL));
      expect(sender.askedBytes).toBeLessThan(2 * SMALL.length);
    });

    it('when its connection breaks at every chunk in turn, with at most one window sent again', async () => {
      const sender = await serve(SMALL, (piece, self) => self.send(piece));
      const proxy = await TcpProxy.start(cleanup, port);
      const device = await Rig.start(cleanup, proxy.url, { timing: PATIENT });
      for (let cut = 0; cut < CHUNKS; cut++) {
        sender.asked.length = 0;
        let got = 0;
        let broken = false;
        const received = (bytes: number) => {
          got = bytes;
          if (broken || bytes < Math.min(cut * CHUNK_BYTES, SMALL.length)) return;
          broken = true;
          proxy.cut();
        };
        // Another module each time: the one before is on the disk.
        const module = Uint8Array.from(SMALL);
        module[0] = cut;
        Object.assign(sender, { module });
        expect(digestOf(await device.obtain(module, { received }))).toBe(digestOf(module));
        expect([cut, broken, got]).toEqual([cut, true, module.length]);
        expect(sender.askedBytes - module.length).toBeLessThanOrEqual(CHUNK_WINDOW * CHUNK_BYTES);
      }
    }, 60_000);

    it('with one chunk spoilt again and again by its sender: it alone comes from what lies with the broker', async () => {
      const wrong = moduleOf(CHUNK_BYTES, 77);
      const sender = await serve(SMALL, (piece, self) =>
        self.send(piece, piece.offset === 3 * CHUNK_BYTES ? wrong : undefined),
      );
      await publishBlobs(sender.link, digestOf(SMALL), SMALL);
      const device = await rig();
      expect(digestOf(await device.obtain(SMALL, { signed: true }))).toBe(digestOf(SMALL));
      const third = sender.asked.filter(({ offset }) => offset === 3 * CHUNK_BYTES);
      expect(third.length).toBeGreaterThanOrEqual(2);
      expect(third.length).toBeLessThanOrEqual(3);
      expect(sender.asked.length - third.length).toBe(CHUNKS - 1);
      const complaints = device.log.filter((line) => line.includes('chunk 3 of module'));
      expect(complaints).toEqual([expect.stringContaining(topics.data('pi-01'))]);
    });

    it('with what lies with the broker spoilt: what is wrong there comes from the sender who returns', async () => {
      const link = await bareLink(url);
      cleanup.add(() => link.close());
      await publishBlobs(link, digestOf(SMALL), SMALL);
      const topic = topics.blob(digestOf(SMALL), 5);
      await link.publish(topic, moduleOf(CHUNK_BYTES, 77), { retain: true });
      const device = await rig();
      let sender: Promise<ScriptedSender> | undefined;
      const received = (bytes: number) => {
        if (bytes > 10 * CHUNK_BYTES) sender ??= serve(SMALL);
      };
      expect(digestOf(await device.obtain(SMALL, { signed: true, received }))).toBe(digestOf(SMALL));
      expect(device.log.join('\n')).toContain(topic);
      expect((await sender)?.asked.some(({ offset }) => offset === 5 * CHUNK_BYTES)).toBe(true);
    });

    it('among chunks of another deployment, wrong lengths, lies about checksums and noise', async () => {
      const lies = moduleOf(SMALL.length, 99);
      let first = true;
      const sender = await serve(SMALL, (piece, self) => {
        const { offset, length } = piece;
        self.publish(Uint8Array.of(0xff));
        self.send(piece, lies.subarray(offset, offset + length), OTHER);
        self.send(piece, lies.subarray(offset, offset + 10));
        self.send({ offset: offset + 1, length }, lies.subarray(offset, offset + length));
        self.send({ offset: SMALL.length, length }, lies.subarray(0, length));
        const spoilt = encodeChunk(DEPLOYMENT, offset, SMALL.subarray(offset, offset + length));
        spoilt[60] = ~Number(spoilt[60]);
        if (first && offset === 0) self.publish(spoilt);
        else self.send(piece);
        if (offset === 0) first = false;
      });
      const device = await rig();
      expect(digestOf(await device.obtain(SMALL))).toBe(digestOf(SMALL));
      expect(sender.asked.length).toBeLessThanOrEqual(CHUNKS + 3);
      expect(device.log.join('\n')).toContain('its checksum is wrong');
    });

    it('not when its sender lies: without signed digests of chunks it is tried three times, at growing distances', async () => {
      const lies = moduleOf(SMALL.length, 99);
      const sender = await serve(SMALL, (piece, self) =>
        self.send(piece, lies.subarray(piece.offset, piece.offset + piece.length)),
      );
      const error = await failure((await rig()).obtain(SMALL));
      expect(error.code).toBe('E_DIGEST');
      expect(sender.asked).toHaveLength(3 * CHUNKS);
    });

    it('not beyond the ceiling, however much is sent in its name', async () => {
      const limit = MAX_FETCH_FACTOR * SMALL.length + CHUNK_WINDOW * CHUNK_BYTES;
      let sent = 0;
      const sender = await serve(SMALL, (piece, self) => {
        // For each that is asked for a dozen that nobody asked for.
        for (let n = 0; n < 12; n++) self.send(piece, moduleOf(CHUNK_BYTES - 1, n));
        sent += 12 * CHUNK_BYTES;
      });
      const error = await failure((await rig()).obtain(SMALL));
      expect(error).toMatchObject({ code: 'E_FETCH', message: expect.stringContaining('bytes came for') });
      expect(Number(/^\d+/.exec(error.message)?.[0])).toBeLessThan(limit + 2 * CHUNK_BYTES);
      expect(sent).toBeGreaterThan(limit);
      const asked = sender.asked.length;
      expect(asked).toBeLessThanOrEqual(CHUNKS * MAX_FETCH_FACTOR);
    });

    it('not at one byte a second: the deadline says so, and hardly anything was asked for', async () => {
      const sender = await serve(SMALL);
      const proxy = await TcpProxy.start(cleanup, port);
      const device = await Rig.start(cleanup, proxy.url);
      proxy.rate = 1;
      const deadline = new AbortController();
      const fetched = device.obtain(SMALL, { signal: deadline.signal });
      setTimeout(() => deadline.abort(new Error('the deadline')), 3_000);
      await expect(fetched).rejects.toThrow('the deadline');
      expect(sender.requests.length).toBeLessThanOrEqual(8);
      // After the first window it was asked in the smallest portions.
      expect(sender.asked.slice(CHUNK_WINDOW).every(({ length }) => length === PORTION_BYTES)).toBe(true);
      expect(sender.askedBytes).toBeLessThan(CHUNK_WINDOW * CHUNK_BYTES + 8 * PORTION_BYTES);
    });

    it('over a link that loses everything larger than 4 KiB, in portions', async () => {
      const module = SMALL.subarray(0, 3 * CHUNK_BYTES + 5_000);
      const sender = await serve(module, (piece, self) => {
        if (piece.length <= PORTION_BYTES) self.send(piece);
      });
      const device = await rig({ timing: { silenceMs: 100, pausesMs: [50] } });
      expect(digestOf(await device.obtain(module, { signed: true }))).toBe(digestOf(module));
      const portions = sender.asked.filter(({ length }) => length <= PORTION_BYTES);
      expect(new Set(portions.map(({ offset }) => offset)).size).toBe(
        Math.ceil(module.length / PORTION_BYTES),
      );
      expect(sender.askedBytes).toBeLessThan((MAX_FETCH_FACTOR + 4) * module.length);
    });
  });
}
