import { get } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { startHealthServer } from '#runtime/control/agent/http.js';
import { certificates } from '../helpers/certificates.js';
import { Cleanup, failure } from './fixture.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const start = async (problems: () => readonly string[], port = 0) => {
  const server = await startHealthServer({ port, problems, health: () => ({ device: 'pi-01', actors: 2 }) });
  return cleanup.add(server, () => server.stop());
};

describe('health over http', () => {
  it('is live, and ready unless something is wrong', async () => {
    let problems: string[] = [];
    const { url } = await start(() => problems);
    expect(await (await fetch(`${url}/livez`)).json()).toEqual({ live: true });
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.text()).toBe('ready\n');
    problems = ['no provider for wascc:keyvalue is running', 'two\nlines'];
    const not = await fetch(`${url}/readyz?verbose`);
    expect(not.status).toBe(503);
    expect(not.headers.get('content-type')).toMatch('text/plain');
    expect(await not.text()).toBe(`not ready\n- ${problems[0]}\n- two lines\n`);
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ ready: false, problems, device: 'pi-01', actors: 2 });
    expect(health.headers.get('content-type')).toBe('application/json');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('says no to everything else, and survives a check that throws', async () => {
    const { url } = await start(() => {
      throw new Error('broken check');
    });
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/livez`, { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await fetch(`${url}/livez`, { method: 'HEAD' })).status).toBe(200);
    const broken = await fetch(`${url}/readyz`);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('broken check');
  });

  it('says which port is taken', async () => {
    const { port } = await start(() => []);
    const busy = await failure(start(() => [], port));
    expect(busy).toMatchObject({ code: 'E_BUSY' });
    expect(busy.message).toContain(String(port));
  });

  it('listens beyond loopback only with a token or TLS, and says what to add', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'pi-01.local']) {
      const open = await failure(startHealthServer({ host, port: 0, problems: () => [] }));
      expect(open).toMatchObject({ code: 'E_CONFIG', exitCode: 2 });
      expect(open.message).toContain(host);
      expect(open.hint).toContain('token: secret://');
      expect(open.hint).toContain('tls: {cert:');
    }
    // Closed they may: what fails here is only that the address is another machine's.
    const other = { host: '192.0.2.1', port: 0, problems: () => [] };
    expect((await failure(startHealthServer({ ...other, token: 't' }))).message).toContain('cannot listen');
  });

  it('with a token opens nothing but /livez to who does not bear it', async () => {
    const metrics = async () => 'calls 1\n';
    const server = await startHealthServer({ port: 0, token: 'sesame', problems: () => [], metrics });
    cleanup.add(server, () => server.stop());
    const ask = (path: string, authorization?: string) =>
      fetch(`${server.url}${path}`, authorization === undefined ? {} : { headers: { authorization } });
    expect((await ask('/livez')).status).toBe(200);
    const wrong = [undefined, '', 'Bearer', 'Bearer sesam', 'Bearer sesame2', 'Basic sesame', 'sesame'];
    for (const path of ['/readyz', '/healthz', '/metrics', '/', '/livez/']) {
      for (const authorization of wrong) {
        const refused = await ask(path, authorization);
        expect(refused.status).toBe(401);
        expect(refused.headers.get('www-authenticate')).toBe('Bearer');
        expect(await refused.text()).not.toContain('sesame');
      }
    }
    for (const path of ['/readyz', '/healthz', '/metrics']) {
      expect((await ask(path, 'Bearer sesame')).status).toBe(200);
      expect((await ask(path, 'bearer  sesame')).status).toBe(200);
    }
    expect((await ask('/', 'Bearer sesame')).status).toBe(404);
  });

  it('with a certificate speaks TLS', async () => {
    const { ca, cert, key } = certificates();
    const server = await startHealthServer({ port: 0, tls: { cert, key }, problems: () => [] });
    cleanup.add(server, () => server.stop());
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    const status = await new Promise((resolve, reject) => {
      get(`${server.url}/readyz`, { ca }, (response) => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      );
    });
    expect(status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${server.port}/livez`)).rejects.toThrow();
    const bad = await failure(startHealthServer({ port: 0, tls: { cert: ca, key }, problems: () => [] }));
    expect(bad).toMatchObject({ code: 'E_CONFIG' });
    expect(bad.message).not.toContain('BEGIN');
  });
});
