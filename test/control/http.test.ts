import { afterEach, describe, expect, it } from 'vitest';
import { startHealthServer } from '#runtime/control/agent/http.js';
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
    expect(await ready.json()).toEqual({ ready: true, problems: [] });
    problems = ['no provider for wascc:keyvalue is running'];
    const not = await fetch(`${url}/readyz?verbose`);
    expect(not.status).toBe(503);
    expect(await not.json()).toEqual({ ready: false, problems });
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

  it('says which port is taken, and listens on loopback only', async () => {
    const { port } = await start(() => []);
    const busy = await failure(start(() => [], port));
    expect(busy).toMatchObject({ code: 'E_BUSY' });
    expect(busy.message).toContain(String(port));
    const open = await failure(startHealthServer({ host: '0.0.0.0', port: 0, problems: () => [] }));
    expect(open.code).toBe('E_CONFIG');
  });
});
