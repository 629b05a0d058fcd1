import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import { startAedes } from '../../helpers/broker.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { authority, rangeOf, serveFile, startHttps } from '../../helpers/https-server.js';
import { bareLink, chunkCount, digestOf, failure, moduleOf } from '../fixture.js';
import { Rig, ScriptedSender } from './rig.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MODULE = moduleOf(20 * CHUNK_BYTES + 100);
const { ca } = authority();
let broker: string;

beforeEach(async () => {
  const started = await startAedes();
  cleanup.add(() => started.stop());
  broker = started.url;
});

const rig = (timing = {}) => Rig.start(cleanup, broker, { ca, timing });

describe('a module from an https address', () => {
  it('comes in one request', async () => {
    const server = await startHttps(cleanup, (request, response) => serveFile(request, response, MODULE));
    const device = await rig();
    expect(digestOf(await device.obtain(MODULE, { uri: `${server.url}/m.wasm?key=1` }))).toBe(
      digestOf(MODULE),
    );
    expect(server.asked).toEqual([{ path: '/m.wasm?key=1', range: `bytes=0-${MODULE.length - 1}` }]);
    expect(device.log.join()).not.toContain('key=1');
  });

  it('goes on by range where it was cut, however often', async () => {
    let sent = 0;
    const server = await startHttps(cleanup, (request, response) => {
      const { first, last } = rangeOf(request, MODULE.length);
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${MODULE.length}` });
      // Two chunks and a half, then the connection is gone.
      const piece = MODULE.subarray(first, Math.min(last + 1, first + 2.5 * CHUNK_BYTES));
      sent += piece.length;
      response.write(piece, () => (first + piece.length > last ? response.end() : response.destroy()));
    });
    const device = await rig();
    expect(digestOf(await device.obtain(MODULE, { uri: server.url }))).toBe(digestOf(MODULE));
    const starts = server.asked.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThan(16 * CHUNK_BYTES);
    // Only what was begun and not finished comes again: less than a chunk for each cut.
    expect(sent - MODULE.length).toBeLessThan(server.asked.length * CHUNK_BYTES);
  });

  it('asks for the gaps only', async () => {
    const server = await startHttps(cleanup, (request, response) => serveFile(request, response, MODULE));
    const device = await rig();
    const there = new Set([0, 1, 5, 6, 20]);
    const offsets: number[] = [];
    const request = { deployment: new Uint8Array(32), digest: digestOf(MODULE), size: MODULE.length };
    await device.source.fetch(
      { ...request, uri: server.url },
      (chunk) => there.has(chunk),
      async (offset) => void offsets.push(offset / CHUNK_BYTES),
      new AbortController().signal,
    );
    expect(server.asked.map(({ range }) => range)).toEqual([
      `bytes=${2 * CHUNK_BYTES}-${5 * CHUNK_BYTES - 1}`,
      `bytes=${7 * CHUNK_BYTES}-${20 * CHUNK_BYTES - 1}`,
    ]);
    expect(offsets).toHaveLength(chunkCount(MODULE.length) - there.size);
  });

  it('comes from a server that knows no ranges, over redirects', async () => {
    const server = await startHttps(cleanup, (request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
      else response.writeHead(200).end(MODULE);
    });
    const device = await rig();
    expect(await device.obtain(MODULE, { uri: `${server.url}/old` })).toEqual(MODULE);
    expect(server.asked.map(({ path }) => path)).toEqual(['/old', '/new']);
  });

  it('is read no further than its size, however much comes', async () => {
    const server = await startHttps(cleanup, (_, response) => {
      response.writeHead(200);
      response.write(MODULE);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const device = await rig();
    expect(digestOf(await device.obtain(MODULE, { uri: server.url }))).toBe(digestOf(MODULE));
    expect(server.asked).toHaveLength(1);
  });

  it('with one wrong chunk: that chunk alone comes from the sender, who is the second source', async () => {
    const wrong = Uint8Array.from(MODULE);
    wrong[7 * CHUNK_BYTES] = ~Number(MODULE[7 * CHUNK_BYTES]);
    const server = await startHttps(cleanup, (request, response) => serveFile(request, response, wrong));
    const sender = await new ScriptedSender(await bareLink(broker), MODULE).start();
    cleanup.add(() => sender.link.close());
    const device = await rig();
    expect(digestOf(await device.obtain(MODULE, { uri: server.url, signed: true }))).toBe(digestOf(MODULE));
    expect(server.asked).toHaveLength(1);
    expect(sender.asked).toEqual([{ offset: 7 * CHUNK_BYTES, length: CHUNK_BYTES }]);
    expect(device.log.join('\n')).toMatch(/chunk 7 of module \w+ from https:\/\/localhost:\d+\//);
  });

  it('with wrong bytes and no signed digests of chunks: the sender is the first source of the next try', async () => {
    const server = await startHttps(cleanup, (request, response) =>
      serveFile(request, response, moduleOf(MODULE.length, 9)),
    );
    const sender = await new ScriptedSender(await bareLink(broker), MODULE).start();
    cleanup.add(() => sender.link.close());
    expect(digestOf(await (await rig()).obtain(MODULE, { uri: server.url }))).toBe(digestOf(MODULE));
    expect(server.asked).toHaveLength(1);
    // A busy machine may ask for one twice.
    expect(new Set(sender.asked.map(({ offset }) => offset)).size).toBe(chunkCount(MODULE.length));
  });

  it.each([
    ['404', (_: unknown, response) => response.writeHead(404).end(), 'answers 404 Not Found'],
    ['500', (_: unknown, response) => response.writeHead(500).end(), 'answers 500'],
    [
      'a page without end of redirects',
      (_: unknown, response) => response.writeHead(302, { location: '/' }).end(),
      'more than 5 redirects',
    ],
    [
      'a redirect to plain http',
      (_: unknown, response) => response.writeHead(302, { location: 'http://localhost/' }).end(),
      'is not https',
    ],
    [
      'another range',
      (_: unknown, response) => response.writeHead(206, { 'content-range': 'bytes 1-9/10' }).end('x'),
      'another range',
    ],
    [
      'gzip',
      (_: unknown, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      'answers in gzip',
    ],
    ['too little', (_: unknown, response) => response.writeHead(200).end('x'), 'ends after 1 of'],
    ['nothing', () => {}, 'nothing came for 300 ms'],
  ] satisfies [string, Parameters<typeof startHttps>[1], string][])(
    'that answers with %s: says so, and is asked a few times only',
    async (_, answer, text) => {
      const server = await startHttps(cleanup, answer);
      const device = await rig({ giveUpMs: 1, httpsMs: 300, silenceMs: 50, retriesMs: [10, 20, 40] });
      const fetched = device.fetch(MODULE, server.url);
      const error = await failure(fetched);
      expect(error).toMatchObject({ code: 'E_FETCH', message: expect.stringContaining(text) });
      expect(error.message).toContain('localhost');
      expect(server.asked.length).toBeLessThanOrEqual(6);
    },
  );

  it('of a server whose authority is not known is not even asked for', async () => {
    const server = await startHttps(cleanup, (request, response) => serveFile(request, response, MODULE));
    const device = await Rig.start(cleanup, broker, { timing: { giveUpMs: 1 } });
    const fetched = device.fetch(MODULE, server.url);
    expect((await failure(fetched)).message).toMatch(/certificate/);
    expect(server.asked).toEqual([]);
  });

  it.each([
    ['https://user:secret@localhost/m', 'holds a password'],
    ['https://', 'no URL'],
  ])('%s is never asked for', async (uri, text) => {
    const device = await rig({ giveUpMs: 1, silenceMs: 50 });
    const fetched = device.fetch(MODULE, uri);
    const error = await failure(fetched);
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('secret');
  });

  it('that trickles is left for being too slow', async () => {
    const server = await startHttps(cleanup, (_, response) => {
      response.writeHead(200);
      let at = 0;
      const timer = setInterval(() => response.write(MODULE.subarray(at, ++at)), 10);
      response.on('close', () => clearInterval(timer));
    });
    const device = await rig({ rateMs: 200, minRate: 10_000 });
    const fetched = device.fetch(MODULE, server.url);
    expect((await failure(fetched)).message).toMatch(/^0 bytes in 0 s, less than 10000 a second/);
  });

  it('is left by its deadline in the middle, and stops reading', async () => {
    const server = await startHttps(cleanup, (_, response) => {
      response.writeHead(200);
      response.write(MODULE.subarray(0, 3 * CHUNK_BYTES));
    });
    const device = await rig();
    const deadline = new AbortController();
    const received: number[] = [];
    const fetched = device.obtain(MODULE, {
      uri: server.url,
      signal: deadline.signal,
      received: (bytes) => {
        received.push(bytes);
        if (bytes === 3 * CHUNK_BYTES) deadline.abort(new Error('the deadline'));
      },
    });
    await expect(fetched).rejects.toThrow('the deadline');
    expect(received.at(-1)).toBe(3 * CHUNK_BYTES);
  });
});
