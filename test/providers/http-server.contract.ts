import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Deliver, Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import type { ReasonCode } from '#runtime/base/reasons.js';
import contract, { type HttpServer } from '#runtime/providers/wascc-http-server/contract.js';
import { freePort } from '../helpers/port.js';
import { createProvider, failure, providerEnv, session, until } from '../helpers/providers.js';

interface Seen {
  method: string;
  path: string;
  queryString: string;
  header: Record<string, string>;
  body: Uint8Array;
}

interface Answer {
  statusCode: number | undefined;
  phrase: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What every implementation of `wascc:http_server` does. */
export function testHttpServerContract(implementation: string): void {
  describe(`wascc:http_server ${implementation}`, () => {
    let lines: string[];
    let seen: Seen[];
    let cleanup: (() => unknown)[];
    /** The actor: bytes in, bytes out, as they travel. */
    let actor: (request: Seen) => Promise<Uint8Array> | Uint8Array;
    const web = (grant: object = {}, binding?: string): Session =>
      session(contract, 'web', { PORT: 0, ...grant }, binding);

    const deliver: Deliver = async (operation, message) => {
      expect(operation).toBe('HandleRequest');
      const request = decodePayload('msgpack', encodePayload('msgpack', message)) as Seen;
      seen.push(request);
      return decodePayload('msgpack', await actor(request));
    };
    const answer = (value: unknown) => encodePayload('msgpack', value);
    const failing = (code: ReasonCode) => () => Promise.reject(new IotError(code, 'the secret reason'));

    const provide = async (settings: object = {}): Promise<Provider & Pick<HttpServer, 'address'>> => {
      const provider = await createProvider(contract, implementation, providerEnv({}, lines), settings);
      cleanup.push(() => provider.stop());
      await provider.start(new AbortController().signal);
      return provider as Provider & Pick<HttpServer, 'address'>;
    };
    const serve = async (settings: object = {}, grant: object = {}) => {
      const provider = await provide(settings);
      await provider.bind(web(grant), deliver);
      return { provider, url: provider.address(web()) ?? '' };
    };
    const ask = (
      url: string,
      options: { method?: string; headers?: object; body?: string | Buffer; agent?: Agent } = {},
    ): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const { body, ...rest } = options;
        const sent = httpRequest(url, { ...rest, headers: { ...rest.headers } }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => {
            const { statusCode, statusMessage: phrase, headers } = response;
            resolve({ statusCode, phrase, headers, body: Buffer.concat(chunks).toString() });
          });
        });
        sent.on('error', reject);
        sent.end(body);
      });
    /** What comes back for bytes that no client library would send. */
    const raw = (url: string, text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
        let got = '';
        socket.on('data', (chunk) => {
          got += chunk;
        });
        socket.on('close', () => resolve(got)).on('error', reject);
      });

    beforeEach(() => {
      lines = [];
      seen = [];
      cleanup = [];
      actor = () => answer({ statusCode: 200, status: 'OK', header: {}, body: Buffer.from('hello') });
    });
    afterEach(async () => {
      for (const undo of cleanup.reverse()) await undo();
    });

    it('hands requests to the actor and its answers to the client', async () => {
      const { url } = await serve();
      actor = () =>
        answer({
          statusCode: 201,
          status: 'Made',
          header: { 'X-Kind': 'a', 'content-type': 'text/x' },
          body: Buffer.from('yes'),
        });
      const headers = { 'X-One': '1', 'x-Two': ['2', '3'] };
      const got = await ask(`${url}/a%20b?c=d&e=%20`, {
        method: 'POST',
        headers,
        body: Buffer.from([1, 2, 255]),
      });
      expect(got).toMatchObject({ statusCode: 201, phrase: 'Made', body: 'yes' });
      expect(got.headers).toMatchObject({ 'x-kind': 'a', 'content-type': 'text/x', 'content-length': '3' });
      expect(seen).toEqual([
        {
          method: 'POST',
          path: '/a%20b',
          queryString: 'c=d&e=%20',
          header: expect.objectContaining({ 'x-one': '1', 'x-two': '2, 3' }),
          body: Uint8Array.of(1, 2, 255),
        },
      ]);
    });

    it('takes the answers of both generations: maps and arrays, binary and numbers, nothing, bytes behind', async () => {
      const { url } = await serve();
      const forms: [string, number, string][] = [
        // [200, "OK", {}, [104, 105]]
        ['94ccc8a24f4b80926869', 200, 'hi'],
        // {statusCode: 404 as 32 bits, status: "Not Found", header: {}, body: "hi" as bin}, and one byte more
        [
          '84aa737461747573436f6465ce00000194a6737461747573a94e6f7420466f756e64a668656164657280a4626f6479c402686900',
          404,
          'hi',
        ],
        // {statusCode: 204}
        ['81aa737461747573436f6465cccc', 204, ''],
        ['c0', 200, ''],
        ['', 200, ''],
      ];
      for (const [hex, statusCode, body] of forms) {
        actor = () => Buffer.from(hex, 'hex');
        expect([hex, await ask(url)]).toMatchObject([hex, { statusCode, body }]);
      }
    });

    it('gives the empty queryString, joined headers, and the path of a whole URL', async () => {
      const { url } = await serve();
      const text =
        'GET http://other.example/p?q HTTP/1.1\r\nHost: x\r\nAccept: a\r\nAccept: b\r\nConnection: close\r\n\r\n';
      expect(await raw(url, text)).toContain('200 OK');
      expect(seen[0]).toMatchObject({ path: '/p', queryString: 'q', header: { accept: 'a, b', host: 'x' } });
      await ask(`${url}/?`);
      expect(seen[1]).toMatchObject({ path: '/', queryString: '' });
    });

    it('keeps connections alive', async () => {
      const { url } = await serve();
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      cleanup.push(() => agent.destroy());
      const sockets = new Set<unknown>();
      agent.on('free', (socket) => sockets.add(socket));
      for (let i = 0; i < 5; i += 1) expect((await ask(url, { agent })).statusCode).toBe(200);
      expect(sockets.size).toBe(1);
    });

    it('answers HEAD, 204 and 304 without a body', async () => {
      const { url } = await serve();
      const head = await ask(url, { method: 'HEAD' });
      expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([200, '', '5']);
      for (const statusCode of [204, 304]) {
        actor = () => answer({ statusCode, status: '', header: {}, body: Buffer.from('x') });
        expect(await ask(url)).toMatchObject({ statusCode, body: '' });
      }
    });

    it.each([
      ['an error', 'E_GUEST', 502],
      ['a trap', 'E_TRAP', 502],
      ['spent fuel', 'E_FUEL', 502],
      ['claims that do not ask for it', 'E_NOT_CLAIMED', 502],
      ['a missed deadline', 'E_DEADLINE', 504],
      ['a full queue', 'E_QUEUE_FULL', 503],
      ['not running', 'E_NOT_RUNNING', 503],
    ] as const)('tells the client nothing of the inside: %s', async (_what, code, statusCode) => {
      const { url } = await serve();
      actor = failing(code);
      const got = await ask(url);
      expect(got.statusCode).toBe(statusCode);
      expect(JSON.stringify(got)).not.toContain('secret');
      expect(JSON.stringify(got)).not.toContain('E_');
      expect(lines.join()).toContain('the secret reason');
    });

    it('answers 502 for what is no response', async () => {
      const { url } = await serve();
      const no = { status: '', header: {}, body: Buffer.from('') };
      for (const statusCode of [0, 99, 100, 199, 600, 2 ** 31]) {
        actor = () => answer({ ...no, statusCode });
        expect([statusCode, (await ask(url)).statusCode]).toEqual([statusCode, 502]);
      }
      const wrong = [
        7,
        'text',
        {},
        { ...no, statusCode: '200' },
        { ...no, statusCode: 200, header: { 'a b': 'c' } },
        { ...no, statusCode: 200, header: { a: 'b\r\nset-cookie: c' } },
        { ...no, statusCode: 200, header: { a: 7 } },
        { ...no, statusCode: 200, body: 'text' },
        { ...no, statusCode: 200, body: [256] },
      ];
      for (const value of wrong) {
        actor = () => answer(value);
        expect([value, (await ask(url)).statusCode]).toEqual([value, 502]);
      }
      actor = () => Buffer.from('c1', 'hex');
      expect((await ask(url)).statusCode).toBe(502);
      // Neither may an actor end the connection's framing.
      actor = () =>
        answer({
          ...no,
          statusCode: 200,
          status: 'a\r\nb: c',
          header: { 'Content-Length': '99', Connection: 'upgrade', 'Transfer-Encoding': 'x' },
          body: Buffer.from('ok'),
        });
      const got = await ask(url);
      expect(got).toMatchObject({
        statusCode: 200,
        phrase: 'OK',
        body: 'ok',
        headers: { 'content-length': '2' },
      });
      expect(got.headers).not.toHaveProperty('transfer-encoding');
    });

    it('bounds headers, bodies, time and the number of requests', async () => {
      const settings = { maxHeaderBytes: 2048, maxBodyBytes: 1000, maxConcurrent: 2, timeoutMs: 300 };
      const { url } = await serve(settings);
      const post = (body: Buffer, headers: object = {}) => ask(url, { method: 'POST', body, headers });
      expect((await post(Buffer.alloc(1000))).statusCode).toBe(200);
      expect((await post(Buffer.alloc(1001))).statusCode).toBe(413);
      expect((await post(Buffer.alloc(1001), { 'transfer-encoding': 'chunked' })).statusCode).toBe(413);
      expect((await post(Buffer.alloc(5_000_000))).statusCode).toBe(413);
      expect((await ask(url, { headers: { big: 'x'.repeat(3000) } })).statusCode).toBe(431);
      expect(seen).toHaveLength(1);
      const expecting = `POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n`;
      const refused = await raw(url, expecting);
      expect(refused).toMatch(/^HTTP\/1.1 413 /);
      actor = () => new Promise(() => {});
      const slow = [ask(url), ask(url)];
      await until(() => seen.length === 3, 'two requests');
      const third = await ask(url);
      expect([third.statusCode, third.headers['retry-after']]).toEqual([503, '1']);
      expect((await Promise.all(slow)).map(({ statusCode }) => statusCode)).toEqual([504, 504]);
      actor = () => answer({ statusCode: 200, status: '', header: {}, body: Buffer.from('back') });
      expect((await ask(url)).body).toBe('back');
    });

    it('says continue to a client that asks first', async () => {
      const { url } = await serve();
      const got = await raw(
        url,
        'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
      );
      expect(got).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
      expect(Buffer.from(seen[0]?.body ?? []).toString()).toBe('ok');
    });

    it('survives clients that send nonsense or go away', async () => {
      const { url } = await serve({ receiveTimeoutMs: 200 });
      expect(await raw(url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
      expect(await raw(url, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('');
      expect(await raw(url, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab')).toMatch(
        /^HTTP\/1.1 408 /,
      );
      let finish: (bytes: Uint8Array) => void = () => {};
      actor = () => new Promise((resolve) => (finish = resolve));
      const { port } = new URL(url);
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      await until(() => seen.length === 1, 'the request');
      socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
      finish(answer({ statusCode: 200 }));
      actor = () => answer({ statusCode: 200 });
      expect((await ask(url)).statusCode).toBe(200);
    });

    it('says where it listens; port 0 is a free one; the port may be text', async () => {
      const { provider, url } = await serve();
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
      expect(lines.join('\n')).toContain(`info web: requests come in at ${url}`);
      expect(provider.problem?.()).toBeUndefined();
      const { port } = new URL(url);
      await provider.unbind(web());
      expect(provider.address(web())).toBeUndefined();
      await provider.bind(web({ PORT: port }), deliver);
      expect(provider.address(web())).toBe(url);
      for (const bad of [
        {},
        { PORT: -1 },
        { PORT: 65_536 },
        { PORT: '80a' },
        { PORT: '' },
        { PORT: 1.5 },
        { PORT: 0, TLS: true },
      ]) {
        expect(() => contract.parseGrant(bad)).toThrow();
      }
    });

    it('refuses a port that is taken, by another process or by another binding', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      cleanup.push(() => new Promise((resolve) => other.close(resolve)));
      const busy = (other.address() as AddressInfo).port;
      const { provider, url } = await serve();
      expect(await failure(() => provider.bind(web({ PORT: busy }, 'second'), deliver))).toBe(
        `E_BUSY web (binding second): wascc:http_server cannot listen on 127.0.0.1 port ${busy}: it is in use`,
      );
      const PORT = Number(new URL(url).port);
      for (const HOST of ['127.0.0.1', '0.0.0.0']) {
        expect(await failure(() => provider.bind(session(contract, 'b', { PORT, HOST }), deliver))).toBe(
          `E_CONFIG b and web cannot both listen on port ${PORT}`,
        );
      }
      expect(await failure(() => provider.bind(web({ HOST: '203.0.113.1' }, 'far'), deliver))).toContain(
        'E_UNAVAILABLE',
      );
      // A new grant that cannot be had leaves the old port open.
      expect(await failure(() => provider.bind(web({ PORT: busy }), deliver))).toContain('E_BUSY');
      expect((await ask(url)).statusCode).toBe(200);
    });

    it('moves to another port, and keeps one that stays, without refusing anybody', async () => {
      const { provider, url } = await serve();
      let finish: (bytes: Uint8Array) => void = () => {};
      actor = () => new Promise((resolve) => (finish = resolve));
      const before = ask(url);
      await until(() => seen.length === 1, 'the request');
      // Bound again, as after a change of the actor's way: the port is the same, the request goes on.
      await provider.bind(web(), async () => decodePayload('msgpack', answer({ statusCode: 202 })));
      expect((await ask(url)).statusCode).toBe(202);
      const PORT = await freePort();
      const moved = provider.bind(web({ PORT }), deliver);
      await until(() => lines.join().includes(`at http://127.0.0.1:${PORT}`), 'the new port');
      await expect(ask(url)).rejects.toThrow('ECONNREFUSED');
      finish(answer({ statusCode: 200 }));
      expect((await before).statusCode).toBe(200);
      await moved;
      actor = () => answer({ statusCode: 203 });
      expect((await ask(provider.address(web()) ?? '')).statusCode).toBe(203);
      expect(provider.address(web())).toBe(`http://127.0.0.1:${PORT}`);
    });

    it('answers what it has before it closes, on unbind and on stop', async () => {
      for (const end of ['unbind', 'stop'] as const) {
        seen = [];
        const { provider, url } = await serve();
        const agent = new Agent({ keepAlive: true });
        cleanup.push(() => agent.destroy());
        let finish: (bytes: Uint8Array) => void = () => {};
        actor = () => new Promise((resolve) => (finish = resolve));
        const running = ask(url, { agent });
        await until(() => seen.length === 1, 'the request');
        const ended = end === 'unbind' ? provider.unbind(web()) : provider.stop();
        await expect(ask(url)).rejects.toThrow('ECONNREFUSED');
        finish(answer({ statusCode: 200, status: '', header: {}, body: Buffer.from('last') }));
        expect(await running).toMatchObject({
          statusCode: 200,
          body: 'last',
          headers: { connection: 'close' },
        });
        await ended;
      }
    });

    it('finds its free port again when the implementation is exchanged', async () => {
      const { provider, url } = await serve();
      const state = structuredClone(await provider.exportState?.());
      await provider.stop();
      const next = await provide();
      await next.importState?.(state);
      await next.bind(web(), deliver);
      expect(next.address(web())).toBe(url);
      expect((await ask(url)).statusCode).toBe(200);
      for (const damaged of [undefined, {}, { ports: [{ actor: 'web', binding: 'default', port: 0 }] }]) {
        expect(await failure(() => next.importState?.(damaged))).toBe(
          'E_PROVIDER wascc:http_server state is damaged',
        );
      }
    });

    it('has nothing that an actor could call', async () => {
      const { provider } = await serve();
      const called = await failure(() =>
        contract.handle(provider, web(), 'HandleRequest', new Uint8Array(0)),
      );
      expect(called).toContain('E_OPERATION');
    });
  });
}
