import { afterEach, describe, expect, it } from 'vitest';
import { decodePayload } from '#runtime/base/codec.js';
import { createLogger } from '#runtime/index.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice } from '../helpers/device.js';
import { ManualClock } from '../helpers/manual-clock.js';
import { freePort } from '../helpers/port.js';
import { ShiftedClock } from '../helpers/shifted-clock.js';
import { up } from '../helpers/up.js';
import { Bench, moduleBytes } from '../ota/bench.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A day after the epoch: what a Raspberry Pi without a battery shows before it has heard of the time. */
const IN_1970 = 86_400_000;
/** How often blink 1 ticks, in milliseconds. */
const EVERY_MS = 500;
const CAPS = ['iot:gpio', 'iot:timer', 'iot:mqtt'];

describe('a clock that shows 1970', () => {
  it('is not believed; timers go on when it is set, and when it is set back', async () => {
    const device = await TestDevice.make(cleanup, {
      config: {
        broker: `embedded://127.0.0.1:${await freePort()}`,
        providers: [],
        actors: [
          {
            name: 'blink',
            bindings: [
              { contract: 'iot:gpio', lines: { LED: { direction: 'out', safe: 0 } } },
              { contract: 'iot:timer' },
              { contract: 'iot:mqtt', publish: ['home/+/state'] },
            ],
          },
        ],
      },
    });
    const { keys } = device;
    const clock = await ShiftedClock.make(device.folder);
    await clock.set(IN_1970);
    const start = () => up(cleanup, { cwd: device.folder, env: clock.env });
    let host = await start();
    const broker = host.ready.urls.broker ?? '';
    let client = await device.sender(broker);
    const count = async () => {
      const { reply } = await client.rpc('call', {
        actor: 'blink',
        operation: 'Status',
        payload: new Uint8Array(0),
      });
      return (decodePayload('cbor', reply) as { count: number }).count;
    };
    /** Ticks do not come in a burst, as if the time that was skipped had passed, and they do not stop. */
    const goesOn = async () => {
      const from = performance.now();
      const before = await count();
      await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + 2);
      const ticks = (await count()) - before;
      expect(ticks).toBeLessThanOrEqual((performance.now() - from) / EVERY_MS + 2);
    };

    // Valid today, whatever the device thinks of today.
    const now = Math.floor(Date.now() / 1000);
    const year = 365 * 86_400;
    const valid = { name: 'blink', caps: CAPS, notBefore: now - year, expires: now + year };
    await device.install('blink', keys.sign('blink-v1', valid), { client });
    // That it has expired by the time of the trust document can be told without a clock.
    const expired = keys.sign('blink-v2', { name: 'blink', rev: 2, caps: CAPS, expires: now - year });
    expect(await device.push('blink', expired, { client })).toMatchObject({
      end: 'rejected',
      error: { code: 'E_EXPIRED' },
    });
    await goesOn();

    for (const moment of [Date.now(), IN_1970, Date.now()]) {
      await clock.set(moment);
      await goesOn();
    }
    const later = keys.sign('blink-v2', { name: 'blink', rev: 2, caps: CAPS, notBefore: now + year });
    expect(await device.push('blink', later, { client })).toMatchObject({
      end: 'rejected',
      error: { code: 'E_NOT_YET_VALID' },
    });

    // Back in 1970, over a restart: it comes up with what it had, and the sequence numbers only rise.
    await clock.set(IN_1970);
    await client.close();
    expect(await host.end('SIGTERM')).toBe(0);
    host = await start();
    client = await device.sender(broker);
    cleanup.add(() => client.close());
    const { actors } = await client.rpc('ps', {});
    expect(actors).toMatchObject([{ name: 'blink', state: 'running', version: '1.0.0' }]);
    const { floor = 0 } = (await client.status('blink')) ?? {};
    const older = await device.push('blink', keys.sign('blink-v2', { ...valid, rev: 2 }), {
      client,
      sequence: floor - 1,
    });
    expect(older).toMatchObject({ end: 'rejected', error: { code: 'E_OLDER' } });
    await device.install('blink', keys.sign('blink-v2', { ...valid, rev: 2 }), { client });
    const before = await count();
    await expect.poll(count, { timeout: 10_000 }).toBeGreaterThan(before);
  }, 60_000);
});

describe('an update that expires', () => {
  const IN_2030 = 1_900_000_000;

  it.each([
    { shows: '1970', clock: new ManualClock(IN_1970), unverified: true },
    { shows: 'what may be right', clock: new ManualClock(), unverified: false },
  ])('is marked as time-unverified only when the clock cannot be right: it shows $shows', async (given) => {
    const lines: string[] = [];
    const log = createLogger('warn', { write: (line) => lines.push(line) });
    const bench = await Bench.start({ clock: given.clock, log });
    await bench.push(1, moduleBytes('good-1'), { useBefore: IN_2030 });
    expect(bench.running).toBe('good-1');
    expect(lines.filter((line) => line.includes('time-unverified'))).toHaveLength(given.unverified ? 1 : 0);
    // It ended before the device's trust document was even signed.
    await bench.push(2, moduleBytes('good-2'), { useBefore: 1_000_000_000 });
    expect(bench.sink.lines().at(-1)).toBe('rejected E_EXPIRED');
    expect(bench.running).toBe('good-1');
  });
});
