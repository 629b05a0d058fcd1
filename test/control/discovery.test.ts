import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { announce, reachableBroker } from '#runtime/control/agent/announcement.js';
import { readAnnouncement, scan } from '#runtime/control/client/scan.js';

const LOOPBACK = '127.0.0.1';
const local = 'mqtt://127.0.0.1:4711';

describe('a broker as others reach it', () => {
  it.each<[setting: string, expected: string | undefined]>([
    ['embedded', undefined],
    ['embedded://127.0.0.1:0', undefined],
    ['embedded://[::1]:1883', undefined],
    ['mqtt://localhost:1883', undefined],
    ['mqtt://127.8.0.1', undefined],
    ['ws://[::1]:9001', undefined],
    ['mqtts://me:secret@broker.example:8883', 'mqtts://broker.example:8883'],
    ['mqtt://192.0.2.1', 'mqtt://192.0.2.1'],
    ['embedded://192.0.2.1:0', 'mqtts://192.0.2.1:4711'],
    ['embedded://0.0.0.0:0', `mqtts://${hostname()}.local:4711`],
  ])('%s: %s', (setting, expected) => {
    expect(reachableBroker(setting, local)).toBe(expected);
  });
});

describe('an announcement', () => {
  const read = (txt: unknown) => readAnnouncement({ txt } as never);
  it.each([
    undefined,
    {},
    { device: 'A/b' },
    { device: '../x', broker: 'mqtt://a' },
    { device: 7 },
    'device=pi-01',
  ])('%j is none', (txt) => {
    expect(read(txt)).toBeUndefined();
  });

  it.each([
    'http://a',
    'mqtt://me:pw@a',
    'mqtt://me@a',
    'mqtt://localhost:1883',
    'mqtt://127.0.0.1',
    'mqtt://[::1]',
    'mqtt://[::ffff:127.0.0.1]',
    'mqtt://0',
    'mqtt://0x7f.1',
    'mqtt://LOCALHOST',
    'mqtt://',
    'file:///etc/passwd',
    '\u001b[2J',
    7,
  ])('may not send anybody to %j', (broker) => {
    expect(read({ device: 'pi-01', broker, version: '1.0\u001b[2J' })).toEqual({ device: 'pi-01' });
  });

  it('names device, broker and version', () => {
    const txt = { device: 'pi-01', broker: 'mqtts://lan:8883', version: '0.1.0' };
    expect(read({ ...txt, more: 'x' })).toEqual(txt);
  });
});

describe('multicast on loopback', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  /** Undefined, with the reason printed, where the machine has no multicast. */
  const begin = async (device: string, broker: string | undefined) => {
    const options = { device, broker, version: '0.1.0', interface: LOOPBACK, logger: silentLogger };
    const stop = await announce(options).catch((thrown: Error) => {
      console.log(`skipped: ${thrown.message}`);
      return undefined;
    });
    if (stop !== undefined) stops.push(stop);
    return stop;
  };

  it('finds what is announced, one early, and no longer what has left', async (test) => {
    const first = await begin('find-1', 'mqtt://192.0.2.1:1883');
    if (first === undefined) return test.skip('no multicast');
    await begin('find-2', undefined);
    const all = await scan({ interface: LOOPBACK, timeoutMs: 600 });
    expect(all).toContainEqual({
      device: 'find-1',
      broker: 'mqtt://192.0.2.1:1883',
      version: '0.1.0',
      address: LOOPBACK,
    });
    expect(all).toContainEqual({ device: 'find-2', version: '0.1.0', address: LOOPBACK });
    // Would never end if it waited for the rest of the time.
    const one = await scan({ interface: LOOPBACK, timeoutMs: 2 ** 30, device: 'find-2' });
    expect(one.map(({ device }) => device)).toContain('find-2');
    await stops.shift()?.();
    const left = await scan({ interface: LOOPBACK, timeoutMs: 600 });
    expect(left.map(({ device }) => device)).not.toContain('find-1');
  });

  it('is unavailable by name where there is no such interface', async () => {
    const only = { interface: '192.0.2.99' };
    await expect(scan(only)).rejects.toMatchObject({ code: 'E_UNAVAILABLE' });
    const options = { device: 'a', version: '1', broker: undefined, logger: silentLogger };
    await expect(announce({ ...options, ...only })).rejects.toMatchObject({ code: 'E_UNAVAILABLE' });
  });
});
