import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import type { Host } from '#runtime/host/host.js';
import { MAX_QUARANTINED, QuarantineStore } from '#runtime/host/quarantine-store.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { guestModule } from '../helpers/guest.js';
import { HandClock } from '../helpers/hand-clock.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { until } from '../helpers/providers.js';

const nothing = new Uint8Array(0);
const MINUTE = 60_000;

let running: TestHost;
let clock: HandClock;
let modules: Record<string, CheckedModule>;
afterEach(() => running.stop());

async function start(guests: Record<string, CheckedModule>): Promise<Host> {
  clock = new HandClock();
  modules = guests;
  const actors = Object.keys(guests).map((name) => ({ name, bindings: [{ contract: 'wascc:keyvalue' }] }));
  running = await startHost({ actors }, modules, silentLogger, [], clock);
  return running.host;
}

const actor = (name: string) => running.host.actors().find((one) => one.name === name);
const isIn = (state: string, name = 'a') => until(() => actor(name)?.state === state, `${name} ${state}`);
const file = () => join(running.dataDir, 'quarantined.json');
const remembered = async () => JSON.parse(await readFile(file(), 'utf8')) as unknown[];

async function trap(name = 'a'): Promise<void> {
  await expect(running.host.call(name, 'Trap', nothing)).rejects.toMatchObject({ code: 'E_TRAP' });
}

/** Three faults, as many as a new module gets. */
async function quarantine(name = 'a'): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await isIn('running', name);
    await trap(name);
    if (n < 2) await clock.next();
  }
  await isIn('quarantined', name);
}

/** A module without anything against it is started again after its first fault. */
async function expectCleanSheet(): Promise<void> {
  await trap();
  await isIn('backoff');
}

describe('a module in quarantine', () => {
  it('has no new burst of faults after a start of the host: one, and it is kept down for longer', async () => {
    await start({ a: guestModule(), b: guestModule() });
    await quarantine();
    for (const minutes of [30, 60, 60]) {
      await running.restart();
      await isIn('running');
      await trap();
      await isIn('quarantined');
      expect(clock.waits()).toEqual([minutes * MINUTE]);
    }
    expect(await remembered()).toEqual([{ slot: 'a', digest: guestModule().digest, level: 3 }]);
    await trap('b');
    await isIn('backoff', 'b');
  });

  it('has none when it is its start that fails', async () => {
    await start({ a: guestModule({ startTraps: true }) });
    await clock.next();
    await until(() => actor('a')?.restarts === 1 && actor('a')?.state === 'backoff', 'the second fault');
    await clock.next();
    await isIn('quarantined');
    await running.restart();
    expect(actor('a')).toMatchObject({ state: 'quarantined', restarts: 0 });
    expect(clock.waits()).toEqual([30 * MINUTE]);
  });

  it('is remembered over starts at which nothing was asked of it', async () => {
    await start({ a: guestModule() });
    await quarantine();
    for (let n = 0; n < 3; n++) await running.restart();
    await trap();
    await isIn('quarantined');
  });

  it('is forgotten once it has run for a minute without a fault, for good', async () => {
    await start({ a: guestModule() });
    await quarantine();
    await running.restart();
    clock.pass(MINUTE - 1);
    expect(await remembered()).toHaveLength(1);
    clock.pass(1);
    await running.restart();
    expect(await remembered()).toEqual([]);
    await expectCleanSheet();
  });

  it('is forgotten when it is well after its time, without a start of the host', async () => {
    await start({ a: guestModule() });
    await quarantine();
    clock.pass(15 * MINUTE);
    await isIn('running');
    clock.pass(MINUTE);
    await running.restart();
    await expectCleanSheet();
  });

  it.each(['restartActor', 'startActor'] as const)('is forgotten by hand (%s)', async (how) => {
    await start({ a: guestModule() });
    await quarantine();
    await running.host[how]('a');
    await running.restart();
    await expectCleanSheet();
  });

  it('says nothing of another module in its slot, neither at the start nor pushed', async () => {
    await start({ a: guestModule() });
    await quarantine();
    modules.a = guestModule({ version: '2' });
    await running.restart();
    await expectCleanSheet();
    expect(await remembered()).toEqual([]);
    await clock.next();
    await isIn('running');
    await running.host.restartActor('a');
    await quarantine();
    const trial = await (await running.host.prepare('a', guestModule({ version: '3' }))).activate();
    await trial.commit();
    await running.restart();
    expect(await remembered()).toEqual([]);
  });

  it('is remembered when what was tried in its place was not kept', async () => {
    await start({ a: guestModule() });
    await quarantine();
    await (await (await running.host.prepare('a', guestModule({ version: '2' }))).activate()).revert();
    await running.restart();
    await trap();
    await isIn('quarantined');
  });

  it('is forgotten with a file that is damaged: the host starts', async () => {
    await start({ a: guestModule() });
    await quarantine();
    // It is written beside everything else: damage done before that would be mended.
    const written = () =>
      expect.poll(() => remembered().catch(() => []), { timeout: 10_000 }).toHaveLength(1);
    await written();
    await writeFile(file(), '[{"slot": "a", "dig');
    await running.restart();
    await quarantine();
    await written();
  });
});

it('no more quarantines are remembered than there is room for: the oldest goes', async () => {
  await start({ a: guestModule() });
  const path = join(running.dataDir, 'many.json');
  const store = new QuarantineStore(path, silentLogger);
  const { digest } = guestModule();
  for (let n = 0; n <= MAX_QUARANTINED; n++) store.keep(`slot-${n}`, digest, 1);
  await store.flushed();
  const again = new QuarantineStore(path, silentLogger);
  await again.load();
  expect([0, 1, MAX_QUARANTINED].map((n) => again.level(`slot-${n}`, digest))).toEqual([0, 1, 1]);
});
