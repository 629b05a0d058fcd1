import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider } from '#runtime/base/contract.js';
import contract from '#runtime/providers/wascc-http-client/contract.js';
import { call, createProvider, failure, providerEnv, session, until } from '../helpers/providers.js';

interface Answer {
  statusCode: number;
  status: string;
  header: Record<string, string>;
  body: Uint8Array;
}

/** What every implementation of `wascc:http_client` does, against a real server on this machine. */
export function testHttpClientContract(implementation: string): void {
  describe(`wascc:http_client ${implementation}`, () => {
    let cleanup: (() => unknown)[];
    let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
    let answer: (request: IncomingMessage, response: ServerResponse) => void;
    let port: number;
    let here: string;

    const serve = async (): Promise<number> => {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
          const { method = '', url = '', headers } = request;
          seen.push({ method, url, headers, body: Buffer.concat(chunks).toString('hex') });
          answer(request, response);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanup.push(() => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      });
      return (server.address() as AddressInfo).port;
    };
    const provide = async (settings: object = {}): Promise<Provider> => {
      const provider = await createProvider(contract, implementation, providerEnv(), settings);
      cleanup.push(() => provider.stop());
      await provider.start(new AbortController().signal);
      return provider;
    };
    const fetcher = (grant: object = {}) =>
      session(contract, 'fetcher', { hosts: [`127.0.0.1:${port}`], ...grant });
    const request = (more: object = {}) => ({
      ...{ method: 'GET', path: `${here}/`, queryString: '', header: {}, body: Buffer.alloc(0) },
      ...more,
    });
    const perform = async (provider: Provider, more: object = {}, grant: object = {}) =>
      (await call(contract, provider, fetcher(grant), 'PerformRequest', request(more))) as Answer;
    const refused = (provider: Provider, more: object = {}, grant: object = {}) =>
      failure(() => perform(provider, more, grant));

    beforeEach(async () => {
      cleanup = [];
      seen = [];
      answer = (_request, response) => response.end('hello');
      port = await serve();
      here = `http://127.0.0.1:${port}`;
    });
    afterEach(async () => {
      for (const undo of cleanup.reverse()) await undo();
    });

    it('sends what the actor says and brings back the answer', async () => {
      const provider = await provide();
      answer = (_request, response) => {
        response.writeHead(404, 'Nothing Here', { 'X-Kind': 'a', 'set-cookie': ['a=1', 'b=2'] });
        response.end(Buffer.from([0, 255]));
      };
      const got = await perform(provider, {
        method: 'PUT',
        path: `${here}/a%20b?x=1`,
        queryString: 'y=2&z',
        header: { 'X-One': '1', Host: 'elsewhere.example', Connection: 'upgrade', 'Content-Length': '9' },
        body: Buffer.from([1, 2]),
      });
      expect(got).toEqual({
        statusCode: 404,
        status: 'Nothing Here',
        header: expect.objectContaining({ 'x-kind': 'a', 'set-cookie': 'a=1, b=2' }),
        body: Uint8Array.of(0, 255),
      });
      expect(seen[0]).toMatchObject({ method: 'PUT', url: '/a%20b?x=1&y=2&z', body: '0102' });
      expect(seen[0]?.headers).toMatchObject({
        'x-one': '1',
        host: `127.0.0.1:${port}`,
        'content-length': '2',
      });
      expect((await perform(provider)).status).toBe('Nothing Here');
      expect(seen[1]).toMatchObject({ method: 'GET', url: '/', body: '' });
    });

    it('takes requests of both generations, and a body that is missing', async () => {
      const provider = await provide();
      const bytes = async (value: unknown) => {
        const payload = Buffer.concat([encodePayload('msgpack', value), Buffer.from([0])]);
        return decodePayload(
          'msgpack',
          await contract.handle(provider, fetcher(), 'PerformRequest', payload),
        );
      };
      expect(await bytes(['POST', `${here}/early`, 'q', { a: 'b' }, [104, 105]])).toMatchObject({
        statusCode: 200,
      });
      expect(
        await bytes({ method: 'POST', path: `${here}/late`, queryString: '', header: {} }),
      ).toMatchObject({
        body: new Uint8Array(Buffer.from('hello')),
      });
      expect(seen.map(({ url, body, headers }) => [url, body, headers.a])).toEqual([
        ['/early?q', '6869', 'b'],
        ['/late', '', undefined],
      ]);
    });

    it('sends the body as it was at the time of the call', async () => {
      const provider = await provide();
      const memory = encodePayload('msgpack', request({ method: 'POST', body: Buffer.from('before') }));
      const answered = contract.handle(provider, fetcher(), 'PerformRequest', memory);
      memory.fill(0);
      await answered;
      expect(Buffer.from(seen[0]?.body ?? '', 'hex').toString()).toBe('before');
    });

    it('asks nobody who is not in the list', async () => {
      const provider = await provide();
      const grants: object[] = [
        { hosts: [] },
        { hosts: ['127.0.0.1'] },
        { hosts: [`127.0.0.2:${port}`] },
        { hosts: [`localhost:${port}`] },
        { hosts: [`*.0.0.example:${port}`] },
      ];
      for (const grant of grants) {
        expect(await refused(provider, {}, grant)).toBe(
          `E_NOT_GRANTED a request to http://127.0.0.1:${port} is not granted`,
        );
      }
      // However the address is written.
      for (const host of ['2130706433', '0x7f.1', '127.1', '127.0.0.1.', '[::ffff:127.0.0.1]', 'LOCALHOST']) {
        const path = `http://${host}:${port}/`;
        expect(await refused(provider, { path }, { hosts: [`example.com:${port}`] })).toContain(
          'E_NOT_GRANTED',
        );
      }
      expect(seen).toEqual([]);
    });

    it('reaches this machine by name only where localhost is in the list', async () => {
      const provider = await provide();
      const path = `http://localhost:${port}/`;
      expect((await perform(provider, { path }, { hosts: [`localhost:${port}`] })).statusCode).toBe(200);
      expect(seen).toHaveLength(1);
    });

    it('refuses what is no request', async () => {
      const provider = await provide();
      const bad = [
        { path: '/relative' },
        { path: 'example.com' },
        { path: 'file:///etc/passwd' },
        { path: 'ftp://example.com/' },
        { path: `http://me:secret@127.0.0.1:${port}/` },
        { method: 'CONNECT' },
        { method: 'TRACE' },
        { method: 'GET /\r\n' },
        { method: '' },
        { header: { 'a b': 'c' } },
        { header: { a: 'b\r\nc: d' } },
        { header: { a: 7 } },
        { body: 'text' },
        { path: 7 },
      ];
      for (const more of bad)
        expect([more, await refused(provider, more)]).toEqual([more, expect.stringMatching(/^E_PAYLOAD /)]);
      expect(await failure(() => call(contract, provider, fetcher(), 'PerformRequest'))).toContain(
        'E_PAYLOAD',
      );
      expect(seen).toEqual([]);
      const wrong = [
        'http://example.com',
        '*',
        '*.',
        '',
        'a b',
        'example.com:0',
        'example.com:99999',
        '*.127.0.0.1',
        'a/b',
        '*example.com',
        'a.*.b',
      ];
      for (const host of wrong) expect(() => contract.parseGrant({ hosts: [host] }), host).toThrow();
      expect(() => contract.parseGrant({ hosts: 'example.com' })).toThrow();
      expect(() => contract.parseGrant({ redirects: 11 })).toThrow();
    });

    it('bounds the response, told or untold, and the time', async () => {
      const provider = await provide({ maxResponseBytes: 1000, timeoutMs: 300 });
      const send = (bytes: number, told: boolean) => {
        answer = (_request, response) => {
          if (told) response.setHeader('content-length', bytes);
          else response.flushHeaders();
          response.end(Buffer.alloc(bytes));
        };
      };
      for (const told of [true, false]) {
        send(1000, told);
        expect((await perform(provider)).body.length).toBe(1000);
        send(1001, told);
        expect(await refused(provider)).toBe(
          `E_TOO_LARGE GET ${here}/: the response has more than 1000 bytes`,
        );
      }
      answer = (_request, response) => response.writeHead(200, { 'content-length': 5000 }).end();
      expect(await perform(provider, { method: 'HEAD' })).toMatchObject({
        header: { 'content-length': '5000' },
      });
      answer = () => {};
      expect(await refused(provider, { path: `${here}/slow?secret` })).toBe(
        `E_TIMEOUT GET ${here}/slow: no answer within 300 ms`,
      );
      answer = (_request, response) => void response.write('half');
      expect(await refused(provider)).toContain('E_TIMEOUT');
    });

    it('bounds the requests of one binding at a time, and ends them when it stops', async () => {
      const provider = await provide({ maxConcurrent: 2 });
      answer = () => {};
      const slow = [refused(provider), refused(provider)];
      await until(() => seen.length === 2, 'two requests');
      expect(await refused(provider)).toBe('E_QUEUE_FULL fetcher has 2 HTTP requests under way');
      await provider.stop();
      expect(await Promise.all(slow)).toEqual(
        Array(2).fill(`E_PROVIDER GET ${here}/: wascc:http_client was stopped`),
      );
      await provider.start(new AbortController().signal);
      answer = (_request, response) => response.end();
      expect((await perform(provider)).statusCode).toBe(200);
    });

    it('names what goes wrong on the way', async () => {
      const provider = await provide();
      const broken = createTcpServer((socket) => socket.resume().end('nonsense\r\n\r\n'));
      await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
      const other = (broken.address() as AddressInfo).port;
      const hosts = [`127.0.0.1:${other}`];
      const path = `http://127.0.0.1:${other}/`;
      expect(await refused(provider, { path }, { hosts })).toMatch(/^E_PROVIDER GET .*: Parse Error/);
      await new Promise((resolve) => broken.close(resolve));
      expect(await refused(provider, { path }, { hosts })).toMatch(/^E_PROVIDER GET .* ECONNREFUSED/);
    });

    it('brings redirects back as they are, unless the grant follows them', async () => {
      const provider = await provide();
      answer = ({ url }, response) => {
        if (url === '/a') response.writeHead(302, { location: '/b' }).end('moved');
        else response.end('there');
      };
      const path = `${here}/a`;
      expect(await perform(provider, { path })).toMatchObject({
        statusCode: 302,
        header: { location: '/b' },
      });
      const post = {
        path,
        method: 'POST',
        body: Buffer.from('x'),
        header: { 'content-type': 'a/b', cookie: 'c' },
      };
      const followed = await perform(provider, post, { redirects: 1 });
      expect([followed.statusCode, Buffer.from(followed.body).toString()]).toEqual([200, 'there']);
      expect(seen.at(-1)).toMatchObject({ method: 'GET', url: '/b', body: '', headers: { cookie: 'c' } });
      expect(seen.at(-1)?.headers).not.toHaveProperty('content-type');
    });

    it('follows redirects only to whom the list names, only so often, and with no secrets to another server', async () => {
      const provider = await provide();
      const second = await serve();
      const there = `http://127.0.0.1:${second}/b`;
      let location = there;
      let statusCode = 307;
      answer = ({ url }, response) => {
        if (url === '/a') response.writeHead(statusCode, { location }).end();
        else response.end('there');
      };
      const more = {
        path: `${here}/a`,
        method: 'POST',
        body: Buffer.from('x'),
        header: { Authorization: 's', a: '1' },
      };
      expect(await refused(provider, more, { redirects: 3 })).toBe(
        `E_NOT_GRANTED a redirect of ${here} to http://127.0.0.1:${second} is not granted`,
      );
      const hosts = [`127.0.0.1:${port}`, `127.0.0.1:${second}`];
      expect(await perform(provider, more, { redirects: 3, hosts })).toMatchObject({ statusCode: 200 });
      expect(seen.at(-1)).toMatchObject({ method: 'POST', url: '/b', body: '78', headers: { a: '1' } });
      expect(seen.at(-1)?.headers).not.toHaveProperty('authorization');
      location = '/a';
      expect(await refused(provider, more, { redirects: 3 })).toBe(
        `E_PROVIDER ${here}: more than 3 redirects`,
      );
      statusCode = 302;
      for (location of ['file:///etc/passwd', `http://me:pw@127.0.0.1:${port}/`, 'http://[']) {
        expect(await perform(provider, more, { redirects: 3 })).toMatchObject({ statusCode: 302 });
      }
    });
  });
}
