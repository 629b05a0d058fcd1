import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LoopLag } from '#runtime/compose/loop-lag.js';
import { ServiceManager } from '#runtime/compose/service/sd-notify.js';
import { StateProbe } from '#runtime/compose/service/state-probe.js';
import { Watchdog } from '#runtime/compose/service/watchdog.js';
import { Cleanup } from '../helpers/cleanup.js';
import { notifySocket } from '../helpers/notify-socket.js';
import { recordingLogger } from '../helpers/providers.js';
import { up } from '../helpers/up.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const PATH = process.env.PATH ?? '';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-service-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
});

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('words to the service manager', () => {
  it.each([
    ['a path', () => join(folder, 'notify')],
    ['an abstract name', () => `@iot-host-test-${process.pid}`],
  ])('arrive at %s', async (_, address) => {
    const NOTIFY_SOCKET = address();
    const received = await notifySocket(cleanup, NOTIFY_SOCKET);
    const lines: string[] = [];
    const manager = new ServiceManager({ NOTIFY_SOCKET, PATH }, recordingLogger(lines));
    await manager.notify('READY=1', 'STATUS=two\nlines');
    await manager.notify('STOPPING=1');
    await until(() => received.join('\n').includes('STOPPING=1'));
    const words = received.flatMap((datagram) => datagram.trim().split('\n'));
    expect(words).toEqual(expect.arrayContaining(['READY=1', 'STATUS=two lines', 'STOPPING=1']));
    expect(words).not.toContain('lines');
    expect(lines).toEqual([]);
  });

  it('are not said where nobody listens', async () => {
    const lines: string[] = [];
    // A program of that name would be found here, and would fail.
    await writeFile(join(folder, 'systemd-notify'), '#!/bin/sh\nexit 1\n');
    await chmod(join(folder, 'systemd-notify'), 0o755);
    for (const NOTIFY_SOCKET of [undefined, '']) {
      const manager = new ServiceManager({ NOTIFY_SOCKET, PATH: folder }, recordingLogger(lines));
      expect(manager.present).toBe(false);
      await manager.notify('READY=1');
    }
    expect(lines).toEqual([]);
  });

  it('that cannot be said are remarked on once, and are no failure', async () => {
    const lines: string[] = [];
    const environment = { NOTIFY_SOCKET: join(folder, 'notify'), PATH: folder };
    const manager = new ServiceManager(environment, recordingLogger(lines));
    await manager.notify('READY=1');
    await manager.notify('STOPPING=1');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('systemd-notify failed: it is not installed');
  });

  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: '-5' }, undefined],
    [{ WATCHDOG_USEC: '1e6' }, undefined],
    [{ WATCHDOG_USEC: '' }, undefined],
    [{}, undefined],
    [{ WATCHDOG_USEC: '30000000', NOTIFY_SOCKET: undefined }, undefined],
  ])('are wanted in time as the environment says: %j', (environment, expected) => {
    const manager = new ServiceManager({ NOTIFY_SOCKET: '/x', ...environment }, recordingLogger([]));
    expect(manager.watchdogMs).toBe(expected);
  });
});

describe('watchdog', () => {
  /** Signs of life and looks are counted; the time granted is short, so that nothing here takes long. */
  function start(lag: () => number, check: () => Promise<void>) {
    const seen = { signs: 0, looks: 0, lines: [] as string[] };
    const watchdog = new Watchdog({
      withinMs: 40,
      lag,
      check: () => {
        seen.looks += 1;
        return check();
      },
      alive: async () => {
        seen.signs += 1;
      },
      logger: recordingLogger(seen.lines),
    });
    cleanup.add(() => watchdog.stop());
    watchdog.start();
    return { seen, watchdog };
  }

  it('gives signs of life again and again until it is stopped', async () => {
    const { seen, watchdog } = start(
      () => 0,
      async () => {},
    );
    await until(() => seen.signs >= 5);
    watchdog.stop();
    const { signs } = seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen.signs).toBe(signs);
  });

  it('is silent while the main thread is late, and goes on when it is not', async () => {
    let late = 11;
    const { seen } = start(
      () => late,
      async () => {},
    );
    await until(() => seen.lines.length >= 3);
    expect(seen.signs).toBe(0);
    expect(seen.lines[0]).toContain('the main thread was 11 ms late');
    late = 10;
    await until(() => seen.signs >= 2);
  });

  it('is silent while the state folder fails, and goes on when it does not', async () => {
    let broken = true;
    const { seen } = start(
      () => 0,
      async () => {
        if (broken) throw new Error('EIO: no');
      },
    );
    await until(() => seen.looks >= 3);
    expect(seen.signs).toBe(0);
    expect(seen.lines[0]).toContain('EIO: no');
    broken = false;
    await until(() => seen.signs >= 2);
  });

  it('is silent when the disk does not answer at all', async () => {
    const { seen } = start(
      () => 0,
      () => new Promise(() => undefined),
    );
    await until(() => seen.looks === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toMatchObject({ signs: 0, looks: 1 });
  });
});

describe('probe of the state folder', () => {
  it('is content with a folder that works', async () => {
    const probe = new StateProbe(folder);
    await probe.check();
    await probe.check();
    expect(probe.problem).toBeUndefined();
  });

  it('fails when the folder is gone or gives other bytes than it took', async () => {
    const probe = new StateProbe(folder);
    await probe.check();
    await writeFile(join(folder, 'watchdog'), 'other');
    await expect(probe.check()).rejects.toThrow('has changed');
    await rm(folder, { recursive: true });
    await expect(probe.check()).rejects.toThrow('ENOENT');
    await expect(new StateProbe(folder).check()).rejects.toThrow('ENOENT');
  });

  it('takes a full disk for a problem that a restart does not cure', async () => {
    await symlink('/dev/full', join(folder, 'watchdog'));
    const probe = new StateProbe(folder);
    await probe.check();
    expect(probe.problem).toMatch(/^state folder cannot be written: ENOSPC/);
    await rm(join(folder, 'watchdog'));
    await probe.check();
    expect(probe.problem).toBeUndefined();
  });
});

it('a main thread that was held up is seen to be late', async () => {
  const lag = new LoopLag();
  cleanup.add(() => lag.stop());
  lag.start();
  expect(lag.worst()).toBe(0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
  await until(() => lag.worst() > 200);
  expect(lag.worst()).toBeLessThan(60_000);
});

it('a host tells its service manager when it is ready, that it lives, and when it stops', async () => {
  const NOTIFY_SOCKET = join(folder, 'notify');
  const received = await notifySocket(cleanup, NOTIFY_SOCKET);
  const config = { device: 'pi-01', dataDir: './data', broker: 'embedded://127.0.0.1:0' };
  await writeFile(join(folder, 'iot-host.yaml'), JSON.stringify(config));
  const host = await up(cleanup, { cwd: folder, env: { NOTIFY_SOCKET, WATCHDOG_USEC: '2000000' } });
  await until(() => received.filter((datagram) => datagram.includes('WATCHDOG=1')).length >= 2);
  expect(await host.end('SIGTERM')).toBe(0);
  await until(() => received.some((datagram) => datagram.includes('STOPPING=1')));
  const words = received.flatMap((datagram) => datagram.trim().split('\n'));
  const first = (word: string) => words.indexOf(word);
  expect(first('READY=1')).toBeGreaterThanOrEqual(0);
  expect(first('READY=1')).toBeLessThan(first('WATCHDOG=1'));
  expect(words.lastIndexOf('WATCHDOG=1')).toBeLessThan(first('STOPPING=1'));
  expect(words).toContain('STATUS=pi-01 is up');
});
