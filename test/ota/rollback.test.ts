import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { Bench, envelopeFor, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');

async function settled(options: Parameters<typeof Bench.start>[0] = {}): Promise<Bench> {
  const first = await Bench.start();
  await first.push(1, v1);
  const bench = await first.restart(options);
  bench.target.bound.add('iot:gpio');
  bench.sink.clear();
  bench.target.log.length = 0;
  return bench;
}

const staged = ['received', 'verified', 'fetching 0', 'fetching 40', 'fetching 81', 'fetching 100', 'staged'];

describe('a module that turns out bad is taken back', () => {
  const cases: [string, string, string[]][] = [
    ['start', 'E_PROBATION_START', ['prepare start-2']],
    ['activate', 'E_PROBATION_START', ['prepare activate-2']],
    ['trap', 'E_PROBATION_TRAP', ['prepare trap-2', 'activate trap-2', 'revert trap-2']],
    ['hang', 'E_PROBATION_HANG', ['prepare hang-2', 'activate hang-2', 'revert hang-2']],
    [
      'unhealthy',
      'E_PROBATION_HEALTH',
      ['prepare unhealthy-2', 'activate unhealthy-2', 'revert unhealthy-2'],
    ],
  ];

  it.each(cases)('%s: %s', async (behaviour, code, log) => {
    const bench = await settled();
    const bad = moduleBytes(`${behaviour}-2`);
    const envelope = await bench.push(2, bad);
    expect(bench.sink.lines()).toEqual([...staged, 'probation', `rolled-back ${code}`]);
    expect(bench.target.log).toEqual(['slot blink', ...log]);
    expect(bench.running).toBe('good-1');
    expect(bench.sink.last).toMatchObject({ floor: 1, installed: { sequence: 1 } });

    // The retained message comes again, before and after a restart: the same answer, nothing runs.
    bench.sink.clear();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([`rolled-back ${code}`]);
    const again = await bench.restart();
    expect(again.running).toBe('good-1');
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual([`rolled-back ${code}`]);
    expect(again.target.log).toEqual([]);

    // Neither does the module come back under a new number; another one does, also with a lower floor.
    again.sink.clear();
    await again.push(3, bad);
    expect(again.sink.lines()).toEqual(['received', 'rejected E_BLOCKED']);
    await again.push(2, moduleBytes('good-3'));
    expect(again.running).toBe('good-3');
  });

  it('but may come again when it lacked bindings as it did not start, and they are named', async () => {
    const bench = await settled();
    bench.target.bound.clear();
    const bytes = moduleBytes('activate-2');
    const envelope = await bench.push(2, bytes);
    const unbound = ['iot-host bind blink iot:gpio'];
    expect(bench.sink.last).toMatchObject({ state: 'rolled-back', unbound, installed: { sequence: 1 } });
    const again = await bench.restart();
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.target.log).toEqual([]);
    await again.push(3, bytes);
    expect(again.target.log).toEqual(['slot blink', 'prepare activate-2']);
    again.target.bound.add('iot:gpio');
    await again.push(4, bytes);
    expect(again.sink.last).not.toHaveProperty('unbound');
    again.sink.clear();
    await again.push(5, bytes);
    expect(again.sink.lines()).toEqual(['received', 'rejected E_BLOCKED']);
  });

  it('in the first module of a slot, too', async () => {
    const bench = await Bench.start();
    await bench.push(1, moduleBytes('trap-1'));
    expect(bench.sink.lines()).toEqual([...staged, 'probation', 'rolled-back E_PROBATION_TRAP']);
    expect(bench.running).toBeUndefined();
    expect(bench.sink.last?.installed).toBeUndefined();
  });
});

it('is not blamed on the module when the host had no room for it', async () => {
  const bench = await settled();
  const bytes = moduleBytes('full-2');
  await bench.push(2, bytes);
  expect(bench.sink.lines()).toEqual([...staged, 'probation', 'failed E_UNAVAILABLE']);
  expect(bench.running).toBe('good-1');
  bench.sink.clear();
  await bench.push(3, bytes);
  expect(bench.sink.lines()).toContain('probation');
});

it('a module that never finishes its start ends with the deadline, and is not blocked', async () => {
  const bench = await settled();
  const bytes = moduleBytes('stuck-2');
  bench.source.offer(bytes);
  const probation = bench.sink.next('probation');
  bench.updates.desired('blink', envelopeFor(2, bytes));
  await probation;
  await bench.clock.elapse(600_000);
  await bench.updates.idle();
  expect(bench.sink.lines()).toEqual([...staged, 'probation', 'failed E_TIMEOUT']);
  expect(bench.running).toBe('good-1');
});

it('a health check that never answers is a hang', async () => {
  const bench = await settled({ dwellMs: 5_000 });
  bench.target.prepare = async () => ({
    activate: async () => ({
      fault: new Promise(() => {}),
      handled: () => 0,
      checkHealth: () => new Promise(() => {}),
      commit: async () => {},
      revert: async () => {
        bench.target.log.push('revert');
      },
    }),
    discard: async () => {},
  });
  const bytes = moduleBytes('good-2');
  bench.source.offer(bytes);
  bench.updates.desired('blink', envelopeFor(2, bytes));
  await bench.clock.elapse(35_000);
  await bench.updates.idle();
  expect(bench.sink.lines()).toEqual([...staged, 'probation', 'rolled-back E_PROBATION_HANG']);
  expect(bench.target.log).toEqual(['slot blink', 'revert']);
});

describe('a module that takes the broker away', () => {
  async function tried(connected: () => boolean): Promise<Bench> {
    const bench = await settled({ dwellMs: 5_000, connected });
    const bytes = moduleBytes('good-2');
    bench.source.offer(bytes);
    bench.updates.desired('blink', envelopeFor(2, bytes));
    return bench;
  }

  it('is taken back when it does not come back, and may be pushed again', async () => {
    let connected = true;
    const bench = await tried(() => connected);
    await bench.sink.next('probation');
    connected = false;
    await bench.clock.elapse(5_000);
    for (let second = 1; second <= 30; second++) await bench.clock.elapse(1_000);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([...staged, 'probation', 'rolled-back E_PROBATION_DISCONNECTED']);
    expect(bench.running).toBe('good-1');
    // Perhaps it was the broker that went.
    connected = true;
    bench.updates.desired('blink', envelopeFor(3, moduleBytes('good-2')));
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.running).toBe('good-2');
  });

  it('is kept when the broker is there again in time', async () => {
    let connected = true;
    const bench = await tried(() => connected);
    await bench.sink.next('probation');
    connected = false;
    await bench.clock.elapse(5_000);
    for (let second = 1; second <= 29; second++) await bench.clock.elapse(1_000);
    await new Promise(setImmediate);
    connected = true;
    await bench.clock.elapse(1_000);
    await bench.updates.idle();
    expect(bench.sink.lines().at(-1)).toBe('active');
  });

  it('is not to blame for a broker that was away before', async () => {
    const bench = await tried(() => false);
    await bench.clock.elapse(5_000);
    await bench.updates.idle();
    expect(bench.sink.lines().at(-1)).toBe('active');
  });

  it('is watched for traps while the broker is awaited', async () => {
    let connected = true;
    const bench = await settled({ connected: () => connected });
    const { prepare } = bench.target;
    let trap: (error: IotError) => void = () => {};
    bench.target.prepare = async (slot, module) => {
      const candidate = await prepare.call(bench.target, slot, module);
      return {
        ...candidate,
        activate: async () => {
          const trial = await candidate.activate();
          connected = false;
          return { ...trial, fault: new Promise((resolve) => (trap = resolve)) };
        },
      };
    };
    const bytes = moduleBytes('good-2');
    bench.source.offer(bytes);
    bench.updates.desired('blink', envelopeFor(2, bytes));
    await bench.clock.elapse(1_000);
    trap(new IotError('E_TRAP', 'unreachable'));
    await bench.updates.idle();
    expect(bench.sink.lines().at(-1)).toBe('rolled-back E_PROBATION_TRAP');
  });
});
