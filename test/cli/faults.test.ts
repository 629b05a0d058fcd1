import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { onFaults } from '#runtime/cli/faults.js';
import { Cleanup } from '../helpers/cleanup.js';
import { notifySocket } from '../helpers/notify-socket.js';
import { recordingLogger } from '../helpers/providers.js';
import { up } from '../helpers/up.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A host in whose process something fails at SIGUSR2, as in a library. */
async function faulty(work: string) {
  const cwd = await mkdtemp(join(tmpdir(), 'iot-faults-'));
  cleanup.add(() => rm(cwd, { recursive: true, force: true }));
  await writeFile(
    join(cwd, 'iot-host.yaml'),
    'device: pi-01\nboard: sim\nbroker: embedded://127.0.0.1:0\ndataDir: ./data\nactors: [{name: a, bindings: [{contract: "iot:gpio", lines: {LED: {direction: out}}}]}]\n',
  );
  const bad = join(cwd, 'bad.mjs');
  await writeFile(bad, `process.on('SIGUSR2', () => { ${work} });`);
  const socket = join(cwd, 'notify');
  const told = await notifySocket(cleanup, socket);
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(bad).href}`, NOTIFY_SOCKET: socket };
  const host = await up(cleanup, { cwd, env });
  const fail = () => process.kill(host.pid, 'SIGUSR2');
  const alive = () => {
    try {
      return process.kill(host.pid, 0);
    } catch {
      return false;
    }
  };
  return { host, fail, alive, told: () => told.join('\n') };
}
const WHY = 'new Error("it broke", {cause: new Error("the port is gone")})';
const POLL = { timeout: 20_000 };

it('a promise that failed with nobody waiting is logged with its cause, and the host goes on', {
  timeout: 60_000,
}, async () => {
  const { host, fail, told } = await faulty(`Promise.reject(${WHY})`);
  fail();
  const said = /"message":"a promise failed and nobody had waited for it: it broke, since the port is gone"/g;
  await expect.poll(() => host.logged().match(said), POLL).toHaveLength(1);
  expect(host.logged()).toMatch(/"code":"E_INTERNAL".*"stack":".*bad\.mjs:1:\d+/);
  expect(told()).not.toContain('STOPPING=1');
  expect(await host.end('SIGTERM')).toBe(0);
});

it('an exception that nobody caught ends the host in good order, with a code for which it is started anew', {
  timeout: 60_000,
}, async () => {
  const { host, fail, alive, told } = await faulty(`throw ${WHY}`);
  fail();
  await expect.poll(alive, POLL).toBe(false);
  expect(await host.end('SIGTERM')).toBe(1);
  expect(host.logged()).toContain(
    'an exception that nobody caught ends the host: it broke, since the port is gone',
  );
  await expect.poll(told, POLL).toContain('STOPPING=1');
});

it('the same again is counted, other things are told, and nobody listens afterwards', () => {
  const lines: string[] = [];
  const before = process.listenerCount('unhandledRejection');
  {
    using _faults = onFaults(recordingLogger(lines));
    const [reject] = process.listeners('unhandledRejection').slice(-1);
    const nobody = Promise.resolve();
    for (let n = 0; n < 1_000; n++) reject?.(new Error('again'), nobody);
    reject?.('other', nobody);
    expect(lines.map((line) => / for it: (\w+) /.exec(line)?.[1])).toEqual(['again', 'other']);
  }
  expect(process.listenerCount('unhandledRejection')).toBe(before);
});
