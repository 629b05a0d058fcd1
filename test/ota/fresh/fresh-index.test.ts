import { describe, expect, it } from 'vitest';
import type { Logger } from '#runtime/base/logger.js';
import { createLogger } from '#runtime/base/pino-logger.js';
import { MAX_STORED_BYTES } from '#runtime/ota/fresh/fresh-index.js';
import { MAX_LEAP_SECONDS } from '#runtime/ota/time.js';
import type { Signer } from '#runtime/trust/cose/signer.js';
import { type FreshUntil, signFreshUntil } from '#runtime/trust/fresh/fresh-until.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { Bench, GivenTrust, moduleBytes } from '../bench.js';
import { documentOf, fleets, ISSUED, releases } from '../trust/documents.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const FOR_EVER = 2 ** 52;
const signers = [releases[0]];

interface Started {
  readonly bench: Bench;
  readonly given: GivenTrust;
  readonly lines: string[];
}

async function started(document = documentOf(1, { fresh: 0 })): Promise<Started> {
  const lines: string[] = [];
  const log: Logger = createLogger('warn', { write: (line) => void lines.push(JSON.parse(line).message) });
  const given = new GivenTrust(document);
  const bench = await Bench.start({ given, log });
  return { bench, given, lines };
}

function index(newest: Record<string, number> = {}, more: Partial<FreshUntil> = {}, by: Signer = fleets[0]) {
  const { issued = NOW, until = NOW + 30 * DAY, device = 'pi-01' } = more;
  return signFreshUntil(by, { device, issued, until, newest: new Map(Object.entries(newest)) });
}

describe('the freshness of a device', () => {
  it('is not spoken of before an index was heard', async () => {
    const { bench } = await started();
    expect(bench.updates.freshness()).toBeUndefined();
  });

  it('goes from fresh to stale when the time has passed, with one warning and nothing else', async () => {
    const { bench, lines } = await started();
    await bench.push(1, moduleBytes('good-1'), { signers });
    await bench.updates.freshUntil(index({ blink: 1 }, { until: NOW + DAY }));
    const until = NOW + DAY;
    expect(bench.updates.freshness()).toEqual({ state: 'fresh', at: until, until, missing: [] });
    bench.clock.set((NOW + 2 * DAY) * 1000);
    expect(bench.updates.freshness()).toEqual({ state: 'stale', at: until, until, missing: [] });
    await bench.clock.elapse(10_000);
    await bench.clock.elapse(60_000);
    expect(lines).toEqual(['this device is stale since 2027-01-16T08:00Z: nothing was heard of the fleet']);
    expect(bench.running).toBe('good-1');
    expect(bench.updates.trust.problem()).toBeUndefined();
    await bench.updates.stop();
    expect(bench.clock.next()).toBe(false);
  });

  it('is behind until the deployment of the index came through, whatever became of it', async () => {
    const { bench, lines } = await started();
    await bench.updates.freshUntil(index({ blink: 2, lamp: 1 }));
    expect(bench.updates.freshness()).toMatchObject({ state: 'behind', missing: ['lamp', 'blink'] });
    bench.clock.next();
    expect(lines).toEqual(['this device is behind with lamp, blink']);
    await bench.push(1, moduleBytes('good-1'), { signers });
    expect(bench.updates.freshness()).toMatchObject({ missing: ['lamp', 'blink'] });
    await bench.push(2, moduleBytes('bad-2', { refused: true }), { signers });
    expect(bench.updates.freshness()).toMatchObject({ missing: ['lamp'] });
    await bench.push(1, moduleBytes('good-1'), { slot: 'lamp', signers });
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh', missing: [] });
  });

  it('counts what is under way, and not what another device was meant to have', async () => {
    const { bench } = await started();
    await bench.updates.freshUntil(index({ blink: 5 }));
    await bench.push(5, moduleBytes('good-5'), { signers, deviceName: 'pi-02' });
    expect(bench.updates.freshness()).toMatchObject({ state: 'behind' });
    const pushed = bench.push(5, moduleBytes('good-5'), { signers });
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh' });
    await pushed;
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh' });
  });

  it('ignores an older index, an empty one and, with one warning, one that is not believed', async () => {
    const { bench, lines } = await started();
    await bench.updates.freshUntil(index({}, { issued: NOW }));
    await bench.updates.freshUntil(index({ blink: 9 }, { issued: NOW - 1 }));
    await bench.updates.freshUntil(index({ blink: 9 }, { issued: NOW }));
    await bench.updates.freshUntil(new Uint8Array(0));
    expect(lines).toEqual([]);
    const forged = index({ blink: 9 }, { issued: NOW + 1 }, fleets[1]);
    await bench.updates.freshUntil(forged);
    await bench.updates.freshUntil(forged);
    await bench.updates.freshUntil(index({ blink: 9 }, { issued: NOW + 1, device: 'pi-02' }));
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh' });
    expect(lines).toEqual([
      expect.stringMatching(/^a freshness index is ignored: key [0-9a-f]{64} does not have the role fresh$/),
      expect.stringContaining('device pi-02, this is pi-01'),
    ]);
  });

  it('is remembered over a restart without a broker, unless the index is too large for the record', async () => {
    const { bench } = await started();
    await bench.updates.freshUntil(index({ blink: 3 }, { until: NOW + DAY }));
    const clock = new ManualClock((NOW + 3 * DAY) * 1000);
    const again = await bench.restart({ given: new GivenTrust(), clock });
    expect(again.updates.freshness()).toMatchObject({ state: 'stale', at: NOW + DAY, missing: ['blink'] });
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`component-${n}`, n + 1]));
    const large = index(many, { issued: NOW + 1 });
    expect(large.length).toBeGreaterThan(MAX_STORED_BYTES);
    await again.updates.freshUntil(large);
    expect(again.updates.freshness()?.missing).toHaveLength(200);
    const third = await again.restart({ given: new GivenTrust() });
    expect(third.updates.freshness()).toBeUndefined();
  });

  it('rests on the trust document in force: an index of a revoked key is forgotten', async () => {
    const { bench, given, lines } = await started();
    await bench.updates.freshUntil(index({}, { issued: NOW + 50 * DAY, until: FOR_EVER }));
    expect(bench.updates.freshness()).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining('signed at a time that is yet to come')]);
    await bench.updates.freshUntil(index({}, { issued: NOW + 3600, until: FOR_EVER }));
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh', until: FOR_EVER });
    given.put(documentOf(2, { fresh: 1 }));
    expect(bench.updates.freshness()).toBeUndefined();
    await bench.updates.trust.settled();
    // The thief's date stands in nobody's way.
    await bench.updates.freshUntil(index({}, { issued: NOW }, fleets[1]));
    expect(bench.updates.freshness()).toMatchObject({ state: 'fresh', until: NOW + 30 * DAY });
    const again = await bench.restart({ given: new GivenTrust() });
    expect(again.updates.freshness()).toMatchObject({ state: 'fresh', until: NOW + 30 * DAY });
  });

  it('raises the time floor of a device without a clock, but a stolen key no further than a clock could', async () => {
    const clock = () => Object.assign(new ManualClock(86_400_000), { isTrusted: false });
    const bench = await Bench.start({ given: new GivenTrust(documentOf(1, { fresh: 0 })), clock: clock() });
    const before = bench.updates.now().seconds;
    expect(before).toBe(ISSUED + 1);
    await bench.updates.freshUntil(index({}, { issued: before + 5 }));
    const again = await bench.restart({ given: new GivenTrust(), clock: clock() });
    expect(again.updates.now()).toEqual({ seconds: before + 5, trusted: false });
    await again.updates.freshUntil(index({}, { issued: 2 ** 52, until: 2 ** 52 + 1 }));
    expect(again.updates.now().seconds).toBe(before + 5 + MAX_LEAP_SECONDS);
  });
});
