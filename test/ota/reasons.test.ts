import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { REASONS, type ReasonCode } from '#runtime/base/reasons.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { URI_MQTT } from '#runtime/trust/suit/labels.js';
import { type Report, readReport } from '#runtime/trust/suit/report.js';
import {
  Bench,
  type BenchOptions,
  deviceSeed,
  digestOf,
  envelopeFor,
  type ModuleOptions,
  moduleBytes,
  trust,
} from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');

/** A device that runs `v1` at sequence 10. */
async function settled(options: BenchOptions = {}): Promise<Bench> {
  const bench = await Bench.start(options);
  await bench.push(10, v1);
  bench.sink.clear();
  return bench;
}

const reports = (bench: Bench): Report[] =>
  bench.sink.reports.map((bytes) => readReport(bytes, publicFromSeed(deviceSeed)));

async function pushed(
  name: string,
  options: Parameters<typeof envelopeFor>[2] & { sequence?: number; module?: ModuleOptions } = {},
): Promise<Bench> {
  const { sequence = 11, module, ...more } = options;
  const bench = await settled();
  await bench.push(sequence, moduleBytes(name, module), more);
  return bench;
}

async function otherBytes(): Promise<Bench> {
  const bench = await settled();
  bench.source.offer(v1, digestOf(v2));
  bench.updates.desired('blink', envelopeFor(11, v2));
  for (const ms of [1_000, 2_000]) await bench.clock.elapse(ms);
  await bench.updates.idle();
  return bench;
}

/** The digest of bytes that are there, and a size that is not theirs. */
async function otherSize(): Promise<Bench> {
  const bench = await settled();
  const digest = Uint8Array.from(Buffer.from(digestOf(v1), 'hex'));
  const component = { id: ['actor', 'blink'], digest, size: v1.length + 1, uri: URI_MQTT };
  await bench.push(11, v1, { components: [component] });
  return bench;
}

async function noClock(): Promise<Bench> {
  const bench = await settled({ strictTime: true });
  bench.clock.isTrusted = false;
  await bench.push(11, v2, { useBefore: 1_800_000_001 });
  return bench;
}

async function grown(): Promise<Bench> {
  const { roles } = trust;
  const strict = {
    ...trust,
    roles: new Map([...roles].map(([name, role]) => [name, { ...role, mayGrow: false }])),
  };
  const bench = await settled({ trust: strict });
  await bench.push(11, moduleBytes('good-2', { capabilities: ['iot:gpio', 'iot:mqtt'] }));
  return bench;
}

async function noSpace(): Promise<Bench> {
  const bench = await settled();
  bench.memory.free = 1;
  await bench.push(11, v2);
  return bench;
}

async function disconnected(): Promise<Bench> {
  let connected = true;
  const bench = await settled({ connected: () => connected });
  bench.source.offer(v2);
  bench.updates.desired('blink', envelopeFor(11, v2));
  await bench.sink.next('probation');
  connected = false;
  for (let second = 1; second <= 30; second++) await bench.clock.elapse(1_000);
  await bench.updates.idle();
  return bench;
}

async function loop(): Promise<Bench> {
  const bench = await settled();
  for (let attempt = 0; attempt < 40; attempt++) await bench.push(11, moduleBytes('full-2'));
  return bench;
}

/** What a device tells its fleet: name in the design, code, reason of the SUIT report, and how it comes to it. */
const FINER: readonly [string, ReasonCode, number, () => Promise<Bench>][] = [
  ['rollback', 'E_OLDER', 10, () => pushed('good-2', { sequence: 9 })],
  ['equivocation', 'E_EQUIVOCATION', 10, () => pushed('good-2', { sequence: 10 })],
  ['wrong-device', 'E_WRONG_DEVICE', 10, () => pushed('good-2', { deviceName: 'pi-02' })],
  ['expired', 'E_EXPIRED', 10, () => pushed('good-2', { useBefore: 1_799_999_999 })],
  ['time-unverified', 'E_TIME_UNVERIFIED', 10, noClock],
  ['no-space', 'E_NO_SPACE', 11, noSpace],
  ['digest-mismatch', 'E_DIGEST', 10, otherBytes],
  ['size-mismatch', 'E_SIZE', 10, otherSize],
  ['module-invalid', 'E_MODULE', 10, () => pushed('good-2', { module: { refused: 'E_MODULE' } })],
  ['import-denied', 'E_IMPORT', 10, () => pushed('good-2', { module: { refused: true } })],
  ['claims-denied', 'E_CLAIMS', 7, grown],
  ['probation-trap', 'E_PROBATION_TRAP', 11, () => pushed('trap-2')],
  ['probation-hang', 'E_PROBATION_HANG', 11, () => pushed('hang-2')],
  ['probation-health', 'E_PROBATION_HEALTH', 11, () => pushed('unhealthy-2')],
  ['probation-disconnected', 'E_PROBATION_DISCONNECTED', 11, disconnected],
  ['loop', 'E_LOOP', 11, loop],
];

describe('a signed report says why', () => {
  it.each(FINER)('%s: %s', async (_, code, suit, run) => {
    const bench = await run();
    const last = reports(bench).at(-1);
    expect(last).toMatchObject({ outcome: code, state: bench.sink.last?.state, componentIndex: 0 });
    expect(REASONS[code].suit).toBe(suit);
    expect(bench.running).toBe('good-1');
  });
});

describe('a signed report says what of a release it was', () => {
  const a1 = moduleBytes('good-1', { key: 'M-A' });
  const b1 = moduleBytes('good-1', { key: 'M-B' });

  it.each([
    ['not admitted', moduleBytes('good-2', { key: 'M-B', refused: true }), 'E_IMPORT'],
    ['bad on trial', moduleBytes('trap-2', { key: 'M-B' }), 'E_PROBATION_TRAP'],
  ])('that was %s', async (_, b2, outcome) => {
    const bench = await Bench.start();
    await bench.release(1, { a: a1, b: b1 });
    await bench.release(2, { a: moduleBytes('good-2', { key: 'M-A' }), b: b2 });
    expect(reports(bench).at(-1)).toMatchObject({ outcome, componentIndex: 1 });
  });

  it('that crashed after it was kept', async () => {
    const bench = await Bench.start();
    await bench.release(1, { a: a1, b: b1 });
    const b2 = moduleBytes('good-2', { key: 'M-B' });
    await bench.release(2, { a: moduleBytes('good-2', { key: 'M-A' }), b: b2 });
    const again = await bench.restart();
    expect(await again.updates.crashed('b', digestOf(b2), new IotError('E_TRAP', 'unreachable'))).toBe(true);
    await again.updates.idle();
    expect(reports(again)).toMatchObject([{ outcome: 'E_CRASHED', componentIndex: 1 }]);
  });
});

it('a signed report says what a module may use that the one before could not, in bounds', async () => {
  const bench = await settled();
  await bench.push(11, moduleBytes('good-2', { capabilities: ['iot:gpio', 'iot:mqtt'] }));
  expect(reports(bench)).toMatchObject([{ state: 'active', outcome: 'done', grown: ['blink iot:mqtt'] }]);
  await bench.push(12, v1);
  expect(reports(bench)[1]).not.toHaveProperty('grown', expect.anything());
  const many = Array.from({ length: 20 }, (_, n) => `iot:${'x'.repeat(200)}${n}`);
  const capabilities = ['iot:gpio', ...many];
  const roles = [...trust.roles].map(([name, role]) => [name, { ...role, capabilities }] as const);
  const wide = await settled({ trust: { ...trust, roles: new Map(roles) } });
  await wide.push(11, moduleBytes('good-3', { capabilities }));
  const { grown = [] } = reports(wide).at(-1) ?? {};
  expect(grown).toHaveLength(8);
  expect(grown.every((one) => one.length === 100)).toBe(true);
});
