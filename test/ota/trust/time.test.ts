import { describe, expect, it } from 'vitest';
import { createLogger } from '#runtime/base/pino-logger.js';
import { BUILT } from '#runtime/base/version.js';
import { MAX_LEAP_SECONDS } from '#runtime/ota/time.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { Bench, deviceSeed, GivenTrust, moduleBytes } from '../bench.js';
import { documentOf, ISSUED, releases } from './documents.js';

const IN_1970 = 86_400_000;
const IN_2038 = 2_147_483_000_000;
const DAY = 86_400;
const clockAt = (ms: number, isTrusted = true) => Object.assign(new ManualClock(ms), { isTrusted });

describe('what time it is', () => {
  it.each([
    ['1970', clockAt(IN_1970), { seconds: BUILT, trusted: false }],
    ['1970, not trusted', clockAt(IN_1970, false), { seconds: BUILT, trusted: false }],
    ['a time after the build', clockAt(BUILT * 1000 + 5000), { seconds: BUILT + 5, trusted: true }],
    ['the same, not trusted', clockAt(BUILT * 1000 + 5000, false), { seconds: BUILT, trusted: false }],
    ['2038', clockAt(IN_2038), { seconds: IN_2038 / 1000, trusted: true }],
  ])('on a new device whose clock shows %s', async (_what, clock, now) => {
    expect((await Bench.start({ clock })).updates.now()).toEqual({
      ...now,
      seconds: Math.floor(now.seconds),
    });
  });

  it('is not before the newest trust document was signed', async () => {
    const bench = await Bench.start({ clock: clockAt(IN_1970), given: new GivenTrust(documentOf(1)) });
    expect(bench.updates.now()).toEqual({ seconds: ISSUED + 1, trusted: false });
    const again = await bench.restart({ given: new GivenTrust() });
    expect(again.updates.now().seconds).toBe(ISSUED + 1);
  });

  it('does not go back with a clock that jumps back, nor over a restart', async () => {
    const shown = BUILT + 10 * DAY;
    const clock = clockAt(shown * 1000);
    const bench = await Bench.start({ clock });
    await bench.push(1, moduleBytes('good-1'));
    const again = await bench.restart({ clock: clockAt(BUILT * 1000) });
    expect(again.updates.now()).toEqual({ seconds: shown, trusted: false });
  });

  it('is not raised by a clock that nobody has set, nor by a sequence number', async () => {
    const bench = await Bench.start({ clock: clockAt(IN_2038, false) });
    await bench.push(2 ** 53 - 1, moduleBytes('good-1'));
    const again = await bench.restart({ clock: clockAt(IN_1970) });
    expect(again.updates.now()).toEqual({ seconds: BUILT, trusted: false });
  });

  it('a clock once wrongly in 2038 costs a limited time, not all that follows', async () => {
    const bench = await Bench.start({ clock: clockAt(IN_2038) });
    for (let n = 1; n <= 5; n++) await bench.push(n, moduleBytes(`good-${n}`));
    const right = BUILT + 3 * DAY;
    const again = await bench.restart({ clock: clockAt(right * 1000) });
    expect(again.updates.now()).toEqual({ seconds: BUILT + MAX_LEAP_SECONDS, trusted: false });
    const signed = { useBefore: right + DAY };
    await again.push(9, moduleBytes('good-9'), { useBefore: right + 2 * MAX_LEAP_SECONDS });
    expect(again.running).toBe('good-9');
    await again.push(10, moduleBytes('good-10'), signed);
    expect(again.sink.last?.reason?.code).toBe('E_EXPIRED');
    const later = await again.restart({ clock: clockAt((BUILT + MAX_LEAP_SECONDS + DAY) * 1000) });
    expect(later.updates.now().trusted).toBe(true);
  });
});

describe('an update with a date', () => {
  const given = { useBefore: IN_2038 / 1000 };

  it('that no trusted clock can compare is marked so in its report', async () => {
    const bench = await Bench.start({ clock: clockAt(IN_1970) });
    await bench.push(1, moduleBytes('good-1'), given);
    await bench.push(2, moduleBytes('good-2'));
    const marks = bench.sink.reports.map(
      (bytes) => readReport(bytes, publicFromSeed(deviceSeed)).timeUnverified,
    );
    expect(marks).toEqual([true, undefined]);
  });

  it('is refused then by a device that was told to be strict', async () => {
    const bench = await Bench.start({ clock: clockAt(IN_1970), strictTime: true });
    await bench.push(1, moduleBytes('good-1'), given);
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_TIME_UNVERIFIED']);
    await bench.push(2, moduleBytes('good-2'));
    expect(bench.running).toBe('good-2');
    const claims = moduleBytes('good-3', { timeUnverified: true });
    await bench.push(3, claims);
    expect(bench.sink.last?.reason?.code).toBe('E_TIME_UNVERIFIED');
  });

  it('is judged at one moment, however long its bytes take', async () => {
    const clock = clockAt(BUILT * 1000);
    const expires = BUILT + 60;
    const bench = await Bench.start({
      clock,
      given: new GivenTrust(documentOf(1, { issued: BUILT, expires })),
    });
    const bytes = moduleBytes('good-1');
    const fetching = bench.sink.next('fetching');
    const done = bench.push(1, bytes, { signers: [releases[0]], useBefore: expires });
    await fetching;
    clock.set((expires + 10) * 1000);
    await done;
    expect(bench.running).toBe('good-1');
    await bench.push(2, moduleBytes('good-2'), { signers: [releases[0]] });
    expect(bench.sink.last?.reason?.code).toBe('E_EXPIRED');
    // What runs is not asked for its date.
    expect(bench.running).toBe('good-1');
    expect((await bench.restart({ given: new GivenTrust() })).running).toBe('good-1');
  });

  it('is remarked upon in the log', async () => {
    const lines: string[] = [];
    const log = createLogger('warn', { write: (line) => lines.push(line) });
    const bench = await Bench.start({ clock: clockAt(IN_1970), log });
    await bench.push(1, moduleBytes('good-1'), given);
    expect(lines.filter((line) => line.includes('time-unverified'))).toHaveLength(1);
  });
});
