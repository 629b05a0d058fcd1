import { afterEach, describe, expect, it } from 'vitest';
import type { Contract } from '#runtime/base/contract.js';
import type { Logger } from '#runtime/base/logger.js';
import type { Host } from '#runtime/host/host.js';
import { Intensity, QUARANTINE_MS } from '#runtime/host/intensity.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { guestModule } from '../helpers/guest.js';
import { HandClock } from '../helpers/hand-clock.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';
import { until } from '../helpers/providers.js';

const nothing = new Uint8Array(0);
const KEYVALUE = { contract: 'wascc:keyvalue' };
const MINUTE = 60_000;

let running: TestHost | undefined;
let clock: HandClock;
let lines: string[];
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function logger(): Logger {
  const write = (message: string | (() => string)) => {
    lines.push(typeof message === 'string' ? message : message());
  };
  const made: Logger = {
    error: write,
    warn: write,
    info: write,
    debug: write,
    trace: write,
    child: () => made,
  };
  return made;
}
async function start(
  modules: Record<string, CheckedModule>,
  config: Record<string, unknown> = {},
  fakes: readonly Contract[] = [],
): Promise<Host> {
  clock = new HandClock();
  lines = [];
  const actors = Object.keys(modules).map((name) => ({ name, bindings: [KEYVALUE] }));
  running = await startHost({ actors, ...config }, modules, logger(), fakes, clock);
  return running.host;
}
const actor = (host: Host, name = 'a') => host.actors().find((one) => one.name === name);
const isIn = (host: Host, state: string, name = 'a') =>
  until(() => actor(host, name)?.state === state, `${name} ${state}`);
async function trap(host: Host, name = 'a'): Promise<void> {
  await expect(host.call(name, 'Trap', nothing)).rejects.toMatchObject({ code: 'E_TRAP' });
}
/** Traps until it is in quarantine; each restart in between is waited for. */
async function quarantine(host: Host, name = 'a'): Promise<void> {
  await trap(host, name);
  for (let n = 0; n < 2; n++) {
    await clock.next();
    await isIn(host, 'running', name);
    await trap(host, name);
  }
  await isIn(host, 'quarantined', name);
}

describe('the intensity of faults', () => {
  const counter = () => {
    let now = 0;
    const intensity = new Intensity(() => now);
    const at = (ms: number) => {
      now = ms;
      return intensity.count();
    };
    return { intensity, at };
  };

  it('is too high at the third fault within 10 s, not when it takes longer', () => {
    const { at } = counter();
    expect([at(0), at(5_000), at(10_001), at(15_002)]).toEqual([undefined, undefined, undefined, undefined]);
    expect(at(20_001)).toBe(15 * MINUTE);
  });

  it('is too high at the tenth fault within 10 minutes, not when it takes longer', () => {
    const within = counter();
    const faults = (step: number, at: (ms: number) => number | undefined) =>
      Array.from({ length: 10 }, (_, n) => at(n * step));
    expect(faults(MINUTE, within.at)).toEqual([...new Array(9).fill(undefined), 15 * MINUTE]);
    expect(faults(MINUTE * 1.2, counter().at)).toEqual(new Array(10).fill(undefined));
  });

  it('keeps it down for 15, 30, then 60 minutes, as long as it fails soon after it was let out', () => {
    const { at, intensity } = counter();
    at(0);
    at(1);
    const waits = [at(2)];
    let now = 2;
    for (let n = 0; n < 4; n++) {
      now += (waits.at(-1) ?? 0) + 59_000;
      waits.push(at(now));
    }
    expect(waits.map((ms) => (ms ?? 0) / MINUTE)).toEqual([15, 30, 60, 60, 60]);
    expect(QUARANTINE_MS).toEqual([15, 30, 60].map((minutes) => minutes * MINUTE));
    intensity.reset();
    expect(at(now + 1)).toBeUndefined();
  });

  it('is forgotten once it was let out and ran for a minute', () => {
    const { at } = counter();
    at(0);
    at(1);
    expect(at(2)).toBe(15 * MINUTE);
    expect(at(16 * MINUTE + 3)).toBeUndefined();
  });
});

describe('an actor with too many faults', () => {
  it('is kept down: what is sent to it is refused with the way out, others go on, the host is not ready', async () => {
    const host = await start({ a: guestModule(), b: guestModule() });
    await quarantine(host);
    const hint = 'iot-host restart a';
    await expect(host.call('a', 'Echo', nothing)).rejects.toMatchObject({ code: 'E_NOT_RUNNING', hint });
    expect(host.problems()).toEqual([expect.stringMatching(/^actor a is quarantined: .*trap/)]);
    expect(lines).toContainEqual(expect.stringMatching(/^quarantined for 15 minutes/));
    expect(actor(host)).not.toHaveProperty('memoryPages');
    expect(text(await host.call('b', 'Echo', bytes('b')))).toBe('b');
    expect(clock.waits()).toEqual([15 * MINUTE]);
  });

  it('refuses what had been waiting for it, too', async () => {
    const host = await start({ a: guestModule() });
    await trap(host);
    await clock.next();
    await isIn(host, 'running');
    await trap(host);
    await clock.next();
    await isIn(host, 'running');
    const trapping = host.call('a', 'Trap', nothing).catch(({ code }) => code);
    const behind = host.call('a', 'Echo', nothing).catch(({ hint }) => hint);
    expect([await trapping, await behind]).toEqual(['E_TRAP', 'iot-host restart a']);
  });

  it('is tried again after 15, 30 and 60 minutes', async () => {
    const host = await start({ a: guestModule() });
    await quarantine(host);
    for (const minutes of [15, 30, 60, 60]) {
      expect(clock.waits()).toEqual([minutes * MINUTE]);
      clock.pass(minutes * MINUTE);
      await isIn(host, 'running');
      expect(host.problems()).toEqual([]);
      await trap(host);
      await isIn(host, 'quarantined');
    }
  });

  it('that does not even start ends there as well', async () => {
    const host = await start({ a: guestModule({ startTraps: true }) });
    await clock.next();
    await until(() => actor(host)?.restarts === 1 && actor(host)?.state === 'backoff', 'the second fault');
    await clock.next();
    await isIn(host, 'quarantined');
    expect(clock.waits()).toEqual([15 * MINUTE]);
  });

  it.each(['restartActor', 'startActor'] as const)(
    'comes back by hand (%s), with a clean sheet',
    async (how) => {
      const host = await start({ a: guestModule() });
      await quarantine(host);
      await host[how]('a');
      expect(text(await host.call('a', 'Echo', bytes('on')))).toBe('on');
      expect(clock.waits()).toEqual([]);
      await trap(host);
      await isIn(host, 'backoff');
      await clock.next();
      await isIn(host, 'running');
    },
  );

  it('can be stopped: then nothing starts it again', async () => {
    const host = await start({ a: guestModule() });
    await quarantine(host);
    await host.stopActor('a');
    expect(actor(host)?.state).toBe('stopped');
    expect(clock.waits()).toEqual([]);
  });

  it('is not an update gone wrong: the module that was kept stays', async () => {
    const host = await start({ a: guestModule() });
    await (await (await host.prepare('a', guestModule({ version: '2' }))).activate()).commit();
    await quarantine(host);
    expect(actor(host)).toMatchObject({ state: 'quarantined', version: '2' });
    clock.pass(15 * MINUTE);
    await isIn(host, 'running');
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
  });

  it('runs again with a module that is pushed and kept', async () => {
    const host = await start({ a: guestModule() });
    await quarantine(host);
    const trial = await (await host.prepare('a', guestModule({ version: '2' }))).activate();
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
    await trial.commit();
    expect(clock.waits()).toEqual([]);
    await trap(host);
    await isIn(host, 'backoff');
  });

  it('goes back there when the pushed module is not kept', async () => {
    const host = await start({ a: guestModule() });
    await quarantine(host);
    const bad = await host.prepare('a', guestModule({ version: '2', startTraps: true }));
    await expect(bad.activate()).rejects.toMatchObject({ code: 'E_TRAP' });
    expect(actor(host)).toMatchObject({ state: 'quarantined', version: '1' });
    await (await (await host.prepare('a', guestModule({ version: '3' }))).activate()).revert();
    expect(actor(host)).toMatchObject({ state: 'quarantined', version: '1' });
    expect(clock.waits()).toEqual([15 * MINUTE]);
  });

  it('is told to whoever knows the module before, which then runs with a clean sheet', async () => {
    const host = await start({ a: guestModule({ version: '2' }) });
    const told: string[] = [];
    host.onQuarantine((slot, module, error) => told.push(`${slot} ${module.version} ${error.code}`));
    await quarantine(host);
    expect(told).toEqual(['a 2 E_TRAP']);
    await host.fallBack('a', guestModule({ version: '1' }));
    expect(actor(host)).toMatchObject({ state: 'running', version: '1' });
    expect(text(await host.call('a', 'Version', nothing))).toBe('1');
    expect(clock.waits()).toEqual([]);
    await trap(host);
    await isIn(host, 'backoff');
  });

  it('a fallback leaves a stopped actor stopped, and an update alone', async () => {
    const host = await start({ a: guestModule({ version: '2' }) });
    const trial = await (await host.prepare('a', guestModule({ version: '3' }))).activate();
    await expect(host.fallBack('a', guestModule({ version: '1' }))).rejects.toMatchObject({ code: 'E_BUSY' });
    await trial.revert();
    await host.stopActor('a');
    await host.fallBack('a', guestModule({ version: '1' }));
    expect(actor(host)).toMatchObject({ state: 'stopped', version: '1' });
  });
});

describe('a provider', () => {
  it('whose operations fail restarts nobody', async () => {
    const fake = fakeStore();
    const host = await start({ a: guestModule() }, {}, [fake.contract]);
    const store = fake.made[0] as FakeStore;
    store.add = () => {
      throw new Error('out of order');
    };
    for (let n = 0; n < 20; n++) {
      await expect(host.call('a', 'Key', nothing)).rejects.toThrow(
        'E_PROVIDER: a: wascc:keyvalue Add: out of order',
      );
    }
    expect(actor(host)).toMatchObject({ state: 'running', restarts: 0 });
    expect(host.providers.list()).toMatchObject([{ state: 'running' }]);
  });

  it('that does not start is tried again until it does; the actor runs meanwhile and gets a named error', async () => {
    const fake = fakeStore();
    fake.plans.one.failAt = 'start';
    const host = await start({ a: guestModule() }, {}, [fake.contract]);
    const steps = [100, 500, 2_000, 5_000];
    for (const [n, step] of steps.entries()) {
      await until(() => fake.made.length === n + 1 && clock.waits().length === 1, 'the next wait');
      expect((clock.waits()[0] ?? 0) / step).toBeGreaterThanOrEqual(0.8);
      expect((clock.waits()[0] ?? 0) / step).toBeLessThanOrEqual(1.2);
      await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NO_PROVIDER');
      if (n === steps.length - 1) fake.plans.one.failAt = undefined;
      await clock.next();
    }
    await until(() => host.problems().length === 0, 'the provider');
    expect(Buffer.from(await host.call('a', 'Key', nothing)).toString('hex')).toBe('81a576616c756501');
    expect(actor(host)).toMatchObject({ state: 'running', restarts: 0 });
    expect(clock.waits()).toEqual([]);
  });

  it('that was removed is not tried again; nor is one whose configuration is wrong', async () => {
    const fake = fakeStore();
    fake.plans.one.failAt = 'start';
    const host = await start({ a: guestModule() }, {}, [fake.contract]);
    expect(clock.waits()).toHaveLength(1);
    await host.providers.get('wascc:keyvalue').remove();
    expect(clock.waits()).toEqual([]);
    await running?.stop();
    await start({ a: guestModule() }, { providers: [{ ...KEYVALUE, use: 'one', size: 'big' }] }, [
      fake.contract,
    ]);
    expect(clock.waits()).toEqual([]);
  });
});
