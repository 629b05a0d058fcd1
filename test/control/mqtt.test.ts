import { createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceClient } from '#runtime/control/client/device-client.js';
import { embeddedAddress, isEmbedded, parseBroker } from '#runtime/control/mqtt/address.js';
import { reconnectDelay } from '#runtime/control/mqtt/backoff.js';
import {
  decodeChunk,
  decodeChunkRequest,
  encodeChunk,
  encodeChunkRequest,
} from '#runtime/control/mqtt/chunks.js';
import { matches } from '#runtime/control/mqtt/filter.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { freePort } from '../helpers/port.js';
import { bareLink, failure, until } from './fixture.js';

const SEED = { seed: 20261123, numRuns: 200 };

describe('address of a broker', () => {
  it.each([
    ['mqtt://localhost', 'mqtt://localhost'],
    ['mqtts://broker.example:8883', 'mqtts://broker.example:8883'],
    ['embedded', 'mqtt://127.0.0.1:1883'],
    ['embedded://127.0.0.1:2000', 'mqtt://127.0.0.1:2000'],
    ['embedded://[::1]:2000', 'mqtt://[::1]:2000'],
    ['embedded://localhost', 'mqtt://localhost:1883'],
    ['embedded://localhost:80', 'mqtt://localhost:80'],
  ])('%s is %s', (text, url) => {
    expect(parseBroker(text).url).toBe(url);
  });

  it('takes user and password out of the URL', () => {
    expect(parseBroker('mqtt://ann:s%40cret@h:1')).toEqual({
      url: 'mqtt://h:1',
      username: 'ann',
      password: 's@cret',
    });
  });

  it.each(['', 'nonsense', 'http://h', 'mqtt://', 'embedded://x:y'])('refuses %j', async (text) => {
    expect((await failure((async () => parseBroker(text))())).code).toBe('E_CONFIG');
  });

  it('never repeats a password', async () => {
    const error = await failure((async () => parseBroker('http://ann:secret@host'))());
    expect(error.message).not.toContain('secret');
  });

  it('knows the embedded broker and its default port', () => {
    expect(isEmbedded('embedded')).toBe(true);
    expect(isEmbedded('embeddedx')).toBe(false);
    expect(embeddedAddress('embedded://127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
    expect(parseBroker('embedded://0.0.0.0:8883').url).toBe('mqtt://127.0.0.1:8883');
    expect(parseBroker('embedded://[::]:8883').url).toBe('mqtt://[::1]:8883');
    expect(parseBroker('embedded://192.168.1.2').url).toBe('mqtt://192.168.1.2:1883');
  });
});

describe('topic filters', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/+', 'a', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['+/b', '/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['a', 'a/', false],
  ])('%s covers %s: %s', (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected);
  });
});

describe('chunk messages', () => {
  const deployment = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('come back as they went', () => {
    fc.assert(
      fc.property(deployment, fc.nat(2 ** 30), fc.uint8Array({ maxLength: 2_000 }), (id, offset, bytes) => {
        expect(decodeChunk(encodeChunk(id, offset, bytes))).toEqual({
          deployment: id,
          offset,
          bytes,
          intact: true,
        });
      }),
      SEED,
    );
    fc.assert(
      fc.property(
        deployment,
        fc.nat(2 ** 30),
        fc.integer({ min: 1, max: 16_384 }),
        fc.integer({ min: 1, max: 16 }),
        (id, offset, length, count) => {
          const request = { deployment: id, offset, length, count };
          expect(decodeChunkRequest(encodeChunkRequest(request))).toEqual(request);
        },
      ),
      SEED,
    );
  });

  it('one changed bit is never taken for the chunk that was sent', () => {
    const bytes = new Uint8Array(500).fill(7);
    const message = encodeChunk(new Uint8Array(32), 16_384, bytes);
    fc.assert(
      fc.property(fc.nat(message.length * 8 - 1), (bit) => {
        const broken = Uint8Array.from(message);
        broken[bit >> 3]! ^= 1 << (bit & 7);
        const read = decodeChunk(broken);
        const same =
          read?.intact === true && read.offset === 16_384 && read.deployment.every((byte) => byte === 0);
        expect(same).toBe(false);
      }),
      SEED,
    );
  });

  it('whatever else comes is nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeChunk(bytes)).toBeUndefined();
        expect(decodeChunkRequest(bytes)).toBeUndefined();
      }),
      SEED,
    );
  });

  it.each([
    [new Uint8Array(31), 0, 1, 1],
    [new Uint8Array(32), 0, 0, 1],
    [new Uint8Array(32), 0, 16_385, 1],
    [new Uint8Array(32), 0, 16_384, 17],
    [new Uint8Array(32), 0, 1, 0],
    [new Uint8Array(32), 2 ** 53 - 1, 16_384, 16],
  ])('a request beyond the window is refused (%#)', (id, offset, length, count) => {
    expect(decodeChunkRequest(writeCbor([id, offset, length, count]))).toBeUndefined();
  });

  it('a chunk larger than agreed is refused', () => {
    expect(decodeChunk(encodeChunk(new Uint8Array(32), 0, new Uint8Array(16_385)))).toBeUndefined();
  });
});

describe('a broker that is not there', () => {
  it('is a clear error at once', async () => {
    const port = await freePort();
    const error = await failure(
      DeviceClient.connect({ url: `mqtt://ann:secret@127.0.0.1:${port}`, device: 'pi-01' }),
    );
    expect(error.code).toBe('E_BROKER_UNREACHABLE');
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain(`mqtt://127.0.0.1:${port}`);
    expect(error.message).not.toContain('secret');
    expect(error.hint).toContain('iot-host up');
  });

  it('is one that accepts and says nothing, too', async () => {
    const sockets: { destroy(): void }[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const error = await failure(
      DeviceClient.connect({ url: `mqtt://127.0.0.1:${port}`, device: 'pi-01', timeoutMs: 200 }),
    );
    expect(error.code).toBe('E_BROKER_UNREACHABLE');
    expect(error.message).toContain('200 ms');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('can be waited for no longer', async () => {
    const server = createServer((socket) => socket.resume().on('error', () => {}));
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const connecting = DeviceClient.connect(
      { url: `mqtt://127.0.0.1:${port}`, device: 'pi-01' },
      AbortSignal.timeout(50),
    );
    expect((await failure(connecting)).code).toBe('E_CANCELLED');
    await new Promise((resolve) => server.close(resolve));
  });

  it('is let go even when it no longer answers', async () => {
    const connack = Uint8Array.of(0x20, 2, 0, 0);
    let open = 0;
    const server = createServer((socket) => {
      open++;
      socket.on('error', () => {}).on('close', () => open--);
      // Accepts the connection, then takes everything and acknowledges nothing.
      socket.once('data', () => socket.write(connack));
      socket.resume();
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const link = await bareLink(`mqtt://127.0.0.1:${port}`);
    const publishing = failure(link.publish('iot/x', 'y'));
    await link.close();
    expect((await publishing).code).toBe('E_CANCELLED');
    expect((await failure(link.publish('iot/x', 'y'))).code).toBe('E_BROKER_UNREACHABLE');
    await until(() => open === 0, 'closed');
    await new Promise((resolve) => server.close(resolve));
  });

  it.each(['', 'a/b', '+', '#', 'Ümlaut', 'a'.repeat(64)])(
    'and %j is no name of a device',
    async (device) => {
      expect((await failure(DeviceClient.connect({ url: 'mqtt://127.0.0.1:1', device }))).code).toBe(
        'E_USAGE',
      );
    },
  );

  it('is tried again ever more slowly, never all at once', () => {
    expect(reconnectDelay(0, () => 0.5)).toBe(250);
    expect(reconnectDelay(99, () => 0.5)).toBe(20_000);
    expect(reconnectDelay(99, () => 0)).toBe(16_000);
    expect(reconnectDelay(99, () => 1)).toBe(24_000);
    expect(reconnectDelay(0, () => 0)).toBe(0);
    expect(reconnectDelay(0, () => 1)).toBe(500);
  });

  it('spreads a fleet that loses its broker in one instant, from the first attempt on', () => {
    const size = 1_000;
    for (const attempts of [1, 2, 4]) {
      const back = Array.from({ length: size }, () => {
        let at = 0;
        for (let attempt = 0; attempt < attempts; attempt++) at += reconnectDelay(attempt);
        return at;
      });
      const tenths = new Map<number, number>();
      for (const at of back) tenths.set(Math.floor(at / 100), (tenths.get(Math.floor(at / 100)) ?? 0) + 1);
      // Half of a second at least, and no tenth of a second with much more than its part.
      expect(tenths.size).toBeGreaterThanOrEqual(5);
      expect(Math.max(...tenths.values())).toBeLessThan(0.3 * size);
    }
  });
});
