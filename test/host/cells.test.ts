import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { IotError } from '#runtime/base/errors.js';
import { DEFAULT_ACTOR_LIMITS } from '#runtime/base/limits.js';
import { loadEngineModule } from '#runtime/engine/wasm3/index.js';
import type { Cell, Outcome } from '#runtime/host/cell/cell.js';
import { Cells } from '#runtime/host/cell/cells.js';
import type { HostCallHandler } from '#runtime/host/cell/host-calls.js';
import type { EngineId } from '#runtime/host/cell/protocol.js';
import { guestModule } from '../helpers/guest.js';
import { until } from '../helpers/providers.js';

const ENDLESS = { ...DEFAULT_ACTOR_LIMITS, fuelPerCall: Number.MAX_SAFE_INTEGER, deadlineMs: 200 };
const nothing = new Uint8Array(0);
const engine = await loadEngineModule();
const refuse: HostCallHandler = () => Promise.reject(new IotError('E_NOT_BOUND', 'none'));

let cells: Cells;
const logged: string[] = [];
const ended: string[] = [];
function make(shared: number): Cells {
  logged.length = 0;
  ended.length = 0;
  cells = new Cells(engine, shared, {
    log: (_actor, level, message) => logged.push(`${level} ${message}`),
    ended: (cell) => ended.push(cell.name),
  });
  return cells;
}
afterEach(() => cells.stop());

const load = async (cell: Cell, limits = DEFAULT_ACTOR_LIMITS, hostCall = refuse, options = {}) =>
  (await cell.load('a', guestModule(options).bytes, limits, hostCall)).engine;
const call = (cell: Cell, id: EngineId, operation: string, deadlineMs = 200) =>
  new Promise<Outcome>((resolve) => {
    cell.call({ engine: id, operation, payload: nothing }, deadlineMs, resolve);
  });
const brief = (outcome: Outcome) =>
  outcome.kind === 'error' ? `${outcome.error.code}${outcome.fatal ? ' fatal' : ''}` : outcome.kind;

describe('where a new engine is placed', () => {
  it('in empty cells first, then where the fewest are, never beside its predecessor if there is a choice', async () => {
    make(2);
    const first = cells.place(undefined);
    await load(first);
    const second = cells.place(undefined);
    expect(second).not.toBe(first);
    await load(second);
    await load(second);
    expect(cells.place(undefined)).toBe(first);
    expect(cells.place(undefined, first)).toBe(second);
    const own = cells.place('slow');
    expect(own.name).toBe('own-slow');
    expect(cells.place('slow', own)).toBe(own);
  });

  it('in the only cell there is', async () => {
    make(1);
    const only = cells.place(undefined);
    await load(only);
    expect(cells.place(undefined, only)).toBe(only);
  });

  it('counts engines that were refused or unloaded no longer', async () => {
    make(1);
    const cell = cells.place(undefined);
    const id = await load(cell);
    expect(cell.engines).toBe(1);
    await expect(cell.load('a', nothing, DEFAULT_ACTOR_LIMITS, refuse)).rejects.toThrow();
    cell.unload(id);
    cell.unload(id);
    expect(cell.engines).toBe(0);
  });

  it('nowhere once the cells have stopped, so that no thread outlives its host', async () => {
    make(1);
    const cell = cells.place(undefined);
    await cells.stop();
    expect(() => cells.place(undefined)).toThrow('the host is stopping');
    await expect(load(cell)).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    expect(brief(await call(cell, 1 as EngineId, 'Echo'))).toBe('requeue');
    await cell.setProvider('x', null);
  });
});

describe('a cell that has to be stopped', () => {
  it('has handed over what other actors are owed, and gives back what it never began', async () => {
    make(1);
    const cell = cells.place(undefined);
    const [bad, good] = [await load(cell, ENDLESS), await load(cell)];
    const before = Array.from({ length: 5 }, () => call(cell, good, 'Echo'));
    const own = call(cell, bad, 'Echo', ENDLESS.deadlineMs);
    const looping = call(cell, bad, 'Loop', ENDLESS.deadlineMs);
    const behind = [call(cell, bad, 'Echo'), call(cell, good, 'Echo')];
    expect((await Promise.all(before)).map(brief)).toEqual(Array(5).fill('reply'));
    expect(brief(await looping)).toBe('E_DEADLINE fatal');
    // Handled by the engine that then hung: its reply may be lost, but it is never done again and no fault.
    expect(['reply', 'E_DEADLINE']).toContain(brief(await own));
    expect((await Promise.all(behind)).map(brief)).toEqual(['requeue', 'requeue']);
    expect(ended).toEqual(['0']);
  });

  it('gives back calls that found their engine spent, though later ones of others had ended', async () => {
    make(1);
    const cell = cells.place(undefined);
    const [spent, hangs] = [await load(cell), await load(cell, ENDLESS)];
    const outcomes = [
      call(cell, spent, 'Trap'),
      call(cell, spent, 'Echo'),
      call(cell, hangs, 'Echo', ENDLESS.deadlineMs),
      call(cell, hangs, 'Loop', ENDLESS.deadlineMs),
    ];
    const [trapped, behind, handled, looping] = (await Promise.all(outcomes)).map(brief);
    expect([trapped, behind, looping]).toEqual(['E_TRAP fatal', 'requeue', 'E_DEADLINE fatal']);
    expect(['reply', 'E_DEADLINE']).toContain(handled);
  });

  it('rejects what was being loaded behind the call, and answers who waits for its providers', async () => {
    make(1);
    const cell = cells.place(undefined);
    const id = await load(cell, ENDLESS);
    const looping = call(cell, id, 'Loop', ENDLESS.deadlineMs);
    await new Promise((resolve) => setImmediate(resolve));
    const loading = load(cell).then(
      () => 'loaded',
      ({ code }) => code,
    );
    const closing = cell.setProvider('x', null);
    expect(brief(await looping)).toBe('E_DEADLINE fatal');
    expect(await loading).toBe('E_NOT_RUNNING');
    await closing;
    expect(cell.alive).toBe(false);
  });

  it('is not one in which many calls together take longer than the deadline of each', async () => {
    make(1);
    const cell = cells.place(undefined);
    const slow: HostCallHandler = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return encodePayload('msgpack', { value: 1 });
    };
    const id = await load(cell, { ...DEFAULT_ACTOR_LIMITS, deadlineMs: 400 }, slow);
    cell.setBindings(id, []);
    const calls = Array.from({ length: 10 }, () => call(cell, id, 'Key', 400));
    expect((await Promise.all(calls)).map(brief)).toEqual(Array(10).fill('reply'));
    expect(cell.alive).toBe(true);
  });

  it('is not one whose call waits for a host call until its deadline', async () => {
    make(1);
    const cell = cells.place(undefined);
    const id = await load(cell, { ...DEFAULT_ACTOR_LIMITS, deadlineMs: 300 }, () => new Promise(() => {}));
    cell.setBindings(id, []);
    const outcome = await call(cell, id, 'Key', 300);
    expect(outcome.kind === 'error' && outcome.error.message).toContain('E_TIMEOUT');
    expect(cell.alive).toBe(true);
  });
});

describe('an awaited host call', () => {
  it('gets its own answer, though an answer to an earlier one comes right after it', async () => {
    make(1);
    const cell = cells.place(undefined);
    const pending: { answer(): void }[] = [];
    const held: HostCallHandler = () => {
      const number = pending.length;
      return new Promise((resolve) => {
        pending.push({ answer: () => resolve(new Uint8Array([number])) });
      });
    };
    const id = await load(cell, { ...DEFAULT_ACTOR_LIMITS, deadlineMs: 300 }, held);
    cell.setBindings(id, []);
    expect(brief(await call(cell, id, 'Key', 300))).toBe('E_GUEST');
    for (let n = 1; n < 5; n++) {
      const next = call(cell, id, 'Key', 300);
      await until(() => pending.length === 2 * n, 'the host call');
      // In one turn of the main thread: the waiting cell sees the second only.
      pending[2 * n - 1]?.answer();
      pending[2 * n - 2]?.answer();
      const outcome = await next;
      expect(outcome.kind === 'reply' ? [...outcome.reply] : brief(outcome)).toEqual([2 * n - 1]);
      // Leave a late one behind for the next round.
      expect(brief(await call(cell, id, 'Key', 300))).toBe('E_GUEST');
    }
  });

  it('after the deadline is not even asked, so a guest in a loop does not flood the host', async () => {
    make(1);
    const cell = cells.place(undefined);
    let asked = 0;
    const never: HostCallHandler = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const id = await load(cell, { ...DEFAULT_ACTOR_LIMITS, deadlineMs: 40 }, never);
    cell.setBindings(id, []);
    await call(cell, id, 'Ask', 40);
    expect(asked).toBe(1);
  });

  it('is refused while too many that its guest gave up on are under way', async () => {
    make(1);
    const cell = cells.place(undefined);
    let asked = 0;
    const never: HostCallHandler = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const id = await load(cell, { ...DEFAULT_ACTOR_LIMITS, deadlineMs: 5 }, never);
    cell.setBindings(id, []);
    for (let n = 0; n < 20; n++) await call(cell, id, 'Key', 5);
    expect(asked).toBe(16);
    const refused = await call(cell, id, 'Key', 5);
    expect(refused.kind === 'error' && refused.error.message).toContain('E_QUEUE_FULL');
  });
});

describe('log lines of a guest', () => {
  it('in a loop are bounded, counted, and of bounded length', async () => {
    make(1);
    const cell = cells.place(undefined);
    const limits = { ...DEFAULT_ACTOR_LIMITS, fuelPerCall: 40_000, deadlineMs: 10_000 };
    const id = await load(cell, limits, refuse, { logBytes: 5_000 });
    expect(brief(await call(cell, id, 'Write', limits.deadlineMs))).toBe('E_FUEL fatal');
    await until(() => logged.some((line) => line.startsWith('warn')), 'the number of dropped lines');
    const lines = logged.filter((line) => line.startsWith('info'));
    expect(lines.length).toBeGreaterThanOrEqual(200);
    // What comes on top in the time it takes; far from the tens of thousands that were written.
    expect(lines.length).toBeLessThan(2_000);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(4_200);
    const dropped = logged
      .filter((line) => line.startsWith('warn'))
      .map((line) => Number(line.split(' ')[1]));
    expect(dropped[0]).toBeGreaterThan(1_000);
  });
});
