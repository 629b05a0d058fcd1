import { Agent, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { guestModule } from '../helpers/guest.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { freePort } from '../helpers/port.js';

const CONTRACT = 'wascc:http_server';
const web = (version: string, statusCode = 200) =>
  guestModule({
    version,
    capabilities: [CONTRACT],
    reply: encodePayload('msgpack', { statusCode, status: '', header: {}, body: Buffer.from(version) }),
  });

let running: TestHost | undefined;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function serve(providers: object[] = []) {
  const PORT = await freePort();
  const actors = [{ name: 'web', bindings: [{ contract: CONTRACT, PORT }], limits: { deadlineMs: 2000 } }];
  running = await startHost({ providers, actors }, { web: web('1') });
  return { host: running.host, url: `http://127.0.0.1:${PORT}/`, PORT };
}

function get(url: string, options: object = { agent }): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('HTTP requests to an actor', () => {
  it('are answered by the module that is there: a swap under load refuses, loses and mixes up none', async () => {
    const { host, url } = await serve();
    expect(await get(url)).toBe('200 1');
    const answers: Promise<string>[] = [];
    // Half of them over kept connections, half over new ones.
    const feed = setInterval(() => {
      answers.push(get(url), get(url, { agent: false }));
    }, 2);
    for (const version of ['2', '3', '4']) {
      await (await (await host.prepare('web', web(version))).activate()).commit();
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    clearInterval(feed);
    const all = await Promise.all(answers);
    expect(all.filter((text) => !/^200 [1-4]$/.test(text))).toEqual([]);
    expect(all).toContain('200 4');
    expect(all.length).toBeGreaterThan(20);
    expect(await get(url)).toBe('200 4');
    expect(host.actors()[0]).toMatchObject({ failed: 0, restarts: 0 });
  });

  it('get 503 while the actor is stopped, and the port stays', async () => {
    const { host, url } = await serve();
    await host.actor('web').stop();
    expect(await get(url)).toBe('503 Service Unavailable\n');
  });

  it('come in at the same port after the provider was taken away and came back', async () => {
    const { host, url } = await serve();
    const provider = host.providers.get(CONTRACT);
    expect(await get(url)).toBe('200 1');
    await provider.remove();
    await expect(get(url, { agent: false })).rejects.toThrow('ECONNREFUSED');
    await provider.start();
    expect(await get(url, { agent: false })).toBe('200 1');
    await provider.swap('node', { maxConcurrent: 8 });
    expect(await get(url, { agent: false })).toBe('200 1');
  });

  it('of a port that is taken keep the host from being ready, not from starting; the other actor works', async () => {
    const { url, PORT } = await serve();
    const bindings = [{ contract: CONTRACT, PORT }];
    const second = await startHost({ actors: [{ name: 'late', bindings }] }, { late: web('2') });
    try {
      expect(second.host.problems().join()).toContain(`port ${PORT}: it is in use`);
      expect(await get(url)).toBe('200 1');
    } finally {
      await second.stop();
    }
  });
});
