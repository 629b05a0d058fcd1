import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isLoopback, isPublic } from '#runtime/providers/wascc-http-client/addresses.js';
import contract, { type Grant } from '#runtime/providers/wascc-http-client/contract.js';
import { hostAllowed } from '#runtime/providers/wascc-http-client/hosts.js';
import { implementation, NodeHttpClient } from '#runtime/providers/wascc-http-client/node.js';
import { call, failure, session } from '../helpers/providers.js';
import { testHttpClientContract } from './http-client.contract.js';

testHttpClientContract('node');

const allowed = (hosts: string[], url: string) =>
  hostAllowed((contract.parseGrant({ hosts }) as Grant).hosts, new URL(url));

describe('wascc:http_client hosts', () => {
  it.each([
    ['example.com', 'https://example.com/', true],
    ['example.com', 'http://example.com/', true],
    ['EXAMPLE.com', 'https://example.COM./', true],
    ['bücher.example', 'https://xn--bcher-kva.example/', true],
    ['example.com', 'https://example.com:8443/', false],
    ['example.com:8443', 'https://example.com:8443/', true],
    ['example.com:8443', 'https://example.com/', false],
    ['example.com:443', 'https://example.com/', true],
    ['example.com:443', 'http://example.com/', false],
    ['example.com', 'https://evil-example.com/', false],
    ['example.com', 'https://example.com.evil.test/', false],
    ['example.com', 'https://www.example.com/', false],
    ['*.example.com', 'https://www.example.com/', true],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://evilexample.com/', false],
    ['*.example.com:8443', 'https://a.example.com:8443/', true],
    ['192.168.1.5', 'http://192.168.1.5/', true],
    ['192.168.1.5', 'http://3232235781/', true],
    ['[fd00::5]:8080', 'http://[fd00:0::5]:8080/', true],
    ['[fd00::5]:8080', 'http://[fd00::6]:8080/', false],
  ])('%s lets through %s: %s', (host, url, expected) => {
    expect(allowed([host], url)).toBe(expected);
  });

  it('know which addresses are public', () => {
    const inside = [
      ...[
        '127.0.0.1',
        '127.9.9.9',
        '10.1.2.3',
        '172.16.0.1',
        '172.31.255.255',
        '192.168.0.1',
        '169.254.169.254',
      ],
      ...[
        '100.64.0.1',
        '0.0.0.0',
        '224.0.0.1',
        '255.255.255.255',
        '::1',
        '::',
        'fe80::1',
        'fd00::1',
        'ff02::1',
      ],
      ...['::ffff:127.0.0.1', '::ffff:192.168.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::127.0.0.1'],
    ];
    for (const address of inside) expect([address, isPublic(address)]).toEqual([address, false]);
    for (const address of [
      '93.184.215.14',
      '172.32.0.1',
      '192.169.0.1',
      '2606:2800:21f::1',
      '::ffff:8.8.8.8',
    ]) {
      expect([address, isPublic(address)]).toEqual([address, true]);
    }
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.0.0.1'].map(isLoopback)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('wascc:http_client node', () => {
  it('lets no name lead into the local network, unless the address itself is in the list', async () => {
    const server = createServer((_request, response) => response.end('inside'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const asked: string[] = [];
    const resolve: LookupFunction = (name, _options, callback) => {
      asked.push(name);
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const client = new NodeHttpClient(implementation.settings.parse({}) as never, resolve);
    await client.start();
    const get = (hosts: string[], name = 'rebound.example') =>
      call(contract, client, session(contract, 'a', { hosts }), 'PerformRequest', {
        ...{ method: 'GET', path: `http://${name}:${port}/`, queryString: '', header: {} },
      });
    expect(await failure(() => get([`rebound.example:${port}`]))).toBe(
      `E_NOT_GRANTED GET http://rebound.example:${port}/: rebound.example leads to 127.0.0.1, which is not public and not granted`,
    );
    // The address, but for another port; localhost, which is another name.
    for (const other of ['127.0.0.1', `localhost:${port}`, `*.0.1.example:${port}`]) {
      expect(await failure(() => get([`*.example:${port}`, other]))).toContain('E_NOT_GRANTED');
    }
    expect(await get([`*.example:${port}`, `127.0.0.1:${port}`])).toMatchObject({ statusCode: 200 });
    expect(await get([`localhost:${port}`], 'localhost')).toMatchObject({ statusCode: 200 });
    expect(asked).toHaveLength(6);
    await client.stop();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it('names an address that cannot be found', async () => {
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.example'), { code: 'ENOTFOUND' });
    const client = new NodeHttpClient(
      implementation.settings.parse({}) as never,
      (_name, _options, callback) => callback(missing, []),
    );
    await client.start();
    const as = session(contract, 'a', { hosts: ['nowhere.example'] });
    const path = 'https://nowhere.example/a?b';
    const message = await failure(() =>
      call(contract, client, as, 'PerformRequest', { method: 'GET', path }),
    );
    expect(message).toBe('E_PROVIDER GET https://nowhere.example/a: getaddrinfo ENOTFOUND nowhere.example');
  });
});
