import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { call, failure, session } from '../helpers/providers.js';

/** A provider with the hands and eyes of somebody at the board. */
export interface Bench {
  readonly provider: Provider;
  press(line: string, value: 0 | 1): void;
  level(line: string): 0 | 1;
}

/** How time passes in these tests: by hand where it is simulated, by itself where a kernel has it. */
export interface Passage {
  /** Milliseconds of one step; all times of the tests are in steps. */
  readonly stepMs: number;
  /** Steps by which a real machine may be early or late; 0 where a test has time in its hands. */
  readonly slack: number;
  begin(): void;
  end(): void;
  pass(ms: number): Promise<unknown>;
}

/** Fake timers: exact to the millisecond. */
export const BY_HAND: Passage = {
  stepMs: 1,
  slack: 0,
  begin: () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }),
  end: () => vi.useRealTimers(),
  pass: (ms) => vi.advanceTimersByTimeAsync(ms),
};

export interface GpioContractOptions {
  /** Default: by hand. */
  readonly time?: Passage;
  /** What `BUTTON` is bound with; default `pull-up`. Where it is `none`, the bench starts with the button at 1. */
  readonly bias?: 'pull-up' | 'none';
  /** Which of the tests; default: all. */
  readonly only?: RegExp | undefined;
}

type EdgeSeen = { line: string; edge: string; timestampNs: number; seq: number };

/** What every implementation of `iot:gpio` does on a board with LED and RELAY (out), BUTTON (in), GPIO17 (any). */
export function testGpioContract(
  name: string,
  make: (lines: string[]) => Bench | Promise<Bench>,
  { time = BY_HAND, bias = 'pull-up', only = /./ }: GpioContractOptions = {},
): void {
  describe(`iot:gpio ${name}`, () => {
    let bench: Bench;
    let blink: Session;
    let lines: string[];
    let edges: EdgeSeen[];
    let handle: () => Promise<unknown>;

    const deliver = (operation: string, message: unknown) => {
      expect(operation).toBe('Edge');
      edges.push(decodePayload('cbor', encodePayload('cbor', message)) as EdgeSeen);
      return handle();
    };
    const run = (operation: string, request?: unknown, as = blink) =>
      call(contract, bench.provider, as, operation, request);
    const refused = (operation: string, request?: unknown, as = blink) =>
      failure(() => run(operation, request, as));
    const bound = async (actor: string, grant: unknown, binding = 'default') => {
      const made = session(contract, actor, { lines: grant }, binding);
      await bench.provider.bind(made, deliver);
      return made;
    };
    const seen = () => edges.map(({ line, edge, seq }) => `${line} ${edge} ${seq}`);
    const { stepMs, slack } = time;
    const pass = (steps: number) => time.pass(steps * stepMs);
    /** So long that `steps` are surely not over yet. */
    const nearly = (steps: number) => Math.max(0, steps - 1 - slack);
    /** What is left of them then, until they surely are. */
    const rest = (steps: number) => steps - nearly(steps) + slack;
    const whole = (steps: number) => pass(steps + slack);
    const LED = { direction: 'out', safe: 0 };
    const BUTTON = { direction: 'in', bias, edge: 'both', debounceMs: 5 * stepMs };

    beforeEach(async () => {
      time.begin();
      lines = [];
      edges = [];
      handle = async () => undefined;
      bench = await make(lines);
      await bench.provider.start(new AbortController().signal);
      blink = await bound('blink', { LED, RELAY: { direction: 'out', safe: 1 }, BUTTON });
    });
    afterEach(async () => {
      await bench.provider.stop();
      time.end();
    });
    /** `it`, of the tests that are wanted. */
    const test = Object.assign(
      (title: string, work: () => Promise<void>) => {
        if (only.test(title)) it(title, work);
      },
      {
        each:
          <T extends string>(cases: readonly T[]) =>
          (title: string, work: (one: T) => Promise<void>) => {
            if (only.test(title)) it.each(cases)(title, work);
          },
      },
    );

    test('starts outputs at their safe level, reads, writes, toggles, lists', async () => {
      expect(await run('Lines')).toEqual({
        lines: [
          { name: 'LED', direction: 'out', value: 0 },
          { name: 'RELAY', direction: 'out', value: 1 },
          { name: 'BUTTON', direction: 'in', value: 1 },
        ],
      });
      expect(await run('Write', { line: 'LED', value: 1 })).toBeUndefined();
      expect(bench.level('LED')).toBe(1);
      expect(await run('Read', { line: 'LED' })).toEqual({ value: 1 });
      expect(await run('Toggle', { line: 'LED' })).toEqual({ value: 0 });
      expect(bench.level('LED')).toBe(0);
      bench.press('BUTTON', 0);
      expect(await run('Read', { line: 'BUTTON' })).toEqual({ value: 0 });
    });

    test('pulses away from the safe level and back; a further pulse extends, a write ends it', async () => {
      expect(await run('Pulse', { line: 'LED', ms: 100 * stepMs })).toBeUndefined();
      await run('Pulse', { line: 'RELAY', ms: 10 * stepMs });
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 0]);
      await pass(60);
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 1]);
      await run('Pulse', { line: 'LED', ms: 100 * stepMs });
      await pass(nearly(100));
      expect(bench.level('LED')).toBe(1);
      await pass(rest(100));
      expect(bench.level('LED')).toBe(0);
      await run('Pulse', { line: 'LED', ms: 100 * stepMs });
      await run('Write', { line: 'LED', value: 1 });
      await pass(500);
      expect(bench.level('LED')).toBe(1);
    });

    test('tells edges, debounced, counted and only of the kind asked for', async () => {
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      bench.press('BUTTON', 0);
      await pass(nearly(3));
      bench.press('BUTTON', 1);
      await pass(nearly(3));
      bench.press('BUTTON', 0);
      await pass(nearly(5));
      expect(seen()).toEqual([]);
      await pass(rest(5));
      expect(seen()).toEqual(['BUTTON falling 1']);
      bench.press('BUTTON', 1);
      await whole(5);
      expect(seen()).toEqual(['BUTTON falling 1', 'BUTTON rising 2']);
      expect(edges[1]?.timestampNs).toBeGreaterThan(edges[0]?.timestampNs ?? Infinity);
      await run('Watch', { line: 'BUTTON', edge: 'falling', debounceUs: 20_000 * stepMs });
      bench.press('BUTTON', 0);
      await pass(nearly(20));
      expect(edges).toHaveLength(2);
      await pass(rest(20));
      bench.press('BUTTON', 1);
      await whole(20);
      expect(seen().slice(2)).toEqual(['BUTTON falling 1']);
      await run('Unwatch', { line: 'BUTTON' });
      await run('Unwatch', { line: 'BUTTON' });
      bench.press('BUTTON', 0);
      await pass(50);
      expect(edges).toHaveLength(3);
    });

    test('logs what the actor did not take, and goes on', async () => {
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      handle = () => Promise.reject(new IotError('E_TRAP', 'unreachable'));
      bench.press('BUTTON', 0);
      await whole(5);
      bench.press('BUTTON', 1);
      await whole(5);
      expect(seen()).toEqual(['BUTTON falling 1', 'BUTTON rising 2']);
      expect(lines[0]).toContain('debug edge 1 of line BUTTON for blink: unreachable');
    });

    test('denies what is not granted', async () => {
      const input = await bound('reader', { GPIO17: { direction: 'in' } });
      expect(await refused('Read', { line: 'GPIO17' })).toBe('E_NOT_GRANTED line GPIO17 is not granted');
      expect(await refused('Read', { line: 'constructor' })).toContain('E_NOT_GRANTED');
      expect(await refused('Read', { line: '__proto__' })).toContain('E_NOT_GRANTED');
      for (const [operation, more] of [
        ['Write', { value: 1 }],
        ['Toggle', {}],
        ['Pulse', { ms: 1 }],
      ] as const) {
        const message = await refused(operation, { line: 'BUTTON', ...more });
        expect(message).toBe('E_NOT_GRANTED line BUTTON is granted as an input, not to be driven');
      }
      expect(await refused('Watch', { line: 'LED', edge: 'both' })).toContain('not granted to be watched');
      expect(await refused('Watch', { line: 'GPIO17', edge: 'both' }, input)).toContain('to be watched');
      await bound('reader', { GPIO17: { direction: 'in', edge: 'rising' } });
      const rising = session(contract, 'reader', { lines: { GPIO17: { direction: 'in', edge: 'rising' } } });
      expect(await refused('Watch', { line: 'GPIO17', edge: 'both' }, rising)).toContain('only rising');
      const nothing = session(contract, 'nobody', {});
      await bench.provider.bind(nothing, deliver);
      expect(await run('Lines', undefined, nothing)).toEqual({ lines: [] });
      expect(await refused('Read', { line: 'LED' }, nothing)).toContain('E_NOT_GRANTED');
      const unbound = session(contract, 'unbound', { lines: { LED } });
      expect(await refused('Write', { line: 'LED', value: 1 }, unbound)).toContain('E_NOT_BOUND');
      expect(bench.level('LED')).toBe(0);
    });

    test('refuses bad requests and bad grants', async () => {
      const values = [2, -1, 0.5, true, '1', null];
      for (const value of values)
        expect(await refused('Write', { line: 'LED', value })).toContain('E_PAYLOAD');
      for (const ms of [0, -1, 1e9, 'x'])
        expect(await refused('Pulse', { line: 'LED', ms })).toContain('E_PAYLOAD');
      expect(await refused('Watch', { line: 'BUTTON', edge: 'up' })).toContain(
        'E_PAYLOAD iot:gpio Watch: edge',
      );
      expect(await refused('Read')).toContain('E_PAYLOAD iot:gpio Read: line');
      const bad = [
        { LED: { direction: 'out', safe: 2 } },
        { LED: { direction: 'sideways' } },
        { LED: { direction: 'out', bias: 'pull-up' } },
        { LED: { direction: 'in', debounceMs: -1 } },
        ['LED'],
      ];
      for (const grant of bad) expect(() => contract.parseGrant({ lines: grant })).toThrow();
      expect(() => contract.parseGrant({ pins: {} })).toThrow();
    });

    test('knows the board: unknown lines and wrong directions are named at bind', async () => {
      const out = { direction: 'out' };
      expect(await failure(() => bound('x', { LED9: out }))).toBe('E_CONFIG board sim has no line LED9');
      expect(await failure(() => bound('x', { constructor: out }))).toContain('has no line constructor');
      expect(await failure(() => bound('x', { BUTTON: out }))).toBe(
        'E_CONFIG line BUTTON of board sim is in, not out',
      );
    });

    test('never gives one line to two, and takes nothing of a binding that is refused', async () => {
      const wanted = { GPIO17: LED, LED };
      expect(await failure(() => bound('thief', wanted))).toBe(
        'E_BUSY line LED cannot go to thief: blink holds it',
      );
      expect(await failure(() => bound('blink', { LED }, 'second'))).toBe(
        'E_BUSY line LED cannot go to blink (binding second): blink holds it',
      );
      await bound('other', { GPIO17: LED });
      await bench.provider.unbind(blink);
      const heir = await bound('thief', { LED });
      await run('Write', { line: 'LED', value: 1 }, heir);
      expect(await refused('Write', { line: 'LED', value: 0 })).toContain('E_NOT_BOUND');
    });

    test.each(['unbind', 'stop'] as const)('puts outputs into their safe state on %s', async (how) => {
      await run('Write', { line: 'RELAY', value: 0 });
      await run('Pulse', { line: 'LED', ms: 100 * stepMs });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      if (how === 'unbind') await bench.provider.unbind(blink);
      else await bench.provider.stop();
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([0, 1]);
      bench.press('BUTTON', 0);
      await pass(500);
      expect([bench.level('LED'), bench.level('RELAY'), edges.length]).toEqual([0, 1, 0]);
    });

    test('puts outputs into their safe state and ends pulses when nobody is in charge, and keeps the lines', async () => {
      await run('Write', { line: 'RELAY', value: 0 });
      await run('Pulse', { line: 'LED', ms: 100 * stepMs });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      for (const _again of [1, 2]) await bench.provider.standDown?.(blink);
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([0, 1]);
      expect(await failure(() => bound('thief', { RELAY: LED }))).toContain('E_BUSY');
      await whole(100);
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([0, 1]);
      const dropOld = bench.provider.renew?.(blink);
      await run('Write', { line: 'LED', value: 1 });
      await run('Pulse', { line: 'RELAY', ms: 100 * stepMs });
      await dropOld?.();
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 0]);
      await whole(100);
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 1]);
      const stranger = session(contract, 'stranger', { lines: { LED } });
      await bench.provider.standDown?.(stranger);
      expect(bench.level('LED')).toBe(1);
    });

    test('takes a changed grant at a second bind, and keeps what stayed', async () => {
      await run('Write', { line: 'LED', value: 1 });
      await run('Write', { line: 'RELAY', value: 0 });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      bench.press('BUTTON', 0);
      await whole(5);
      blink = await bound('blink', { LED, BUTTON });
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 1]);
      bench.press('BUTTON', 1);
      await whole(5);
      expect(seen()).toEqual(['BUTTON falling 1', 'BUTTON rising 2']);
      await bound('other', { RELAY: { direction: 'out' } });
      blink = await bound('blink', { LED, BUTTON: { ...BUTTON, edge: 'rising' } });
      bench.press('BUTTON', 0);
      bench.press('BUTTON', 1);
      await pass(50);
      expect(edges).toHaveLength(2);
    });

    test('turns levels, edges and the safe level of a line round that is active low', async () => {
      const low = await bound('low', { GPIO17: { direction: 'out', active: 'low' } });
      const written = (value: number) => run('Write', { line: 'GPIO17', value }, low);
      expect(bench.level('GPIO17')).toBe(1);
      await written(1);
      expect(bench.level('GPIO17')).toBe(0);
      expect(await run('Read', { line: 'GPIO17' }, low)).toEqual({ value: 1 });
      expect(await run('Toggle', { line: 'GPIO17' }, low)).toEqual({ value: 0 });
      expect(bench.level('GPIO17')).toBe(1);
      await written(1);
      await bench.provider.standDown?.(low);
      expect(bench.level('GPIO17')).toBe(1);
      await bound('low', { GPIO17: { direction: 'out', safe: 1, active: 'low' } });
      await bench.provider.renew?.(low)();
      await written(0);
      await bound('low', { GPIO17: { direction: 'out', safe: 0 } });
      expect(bench.level('GPIO17')).toBe(0);

      blink = await bound('blink', { LED, BUTTON: { ...BUTTON, active: 'low' } });
      expect(await run('Read', { line: 'BUTTON' })).toEqual({ value: 0 });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      bench.press('BUTTON', 0);
      await whole(5);
      bench.press('BUTTON', 1);
      await whole(5);
      expect(seen()).toEqual(['BUTTON rising 1', 'BUTTON falling 2']);
    });

    test('drops watches that new code does not renew; outputs keep their level', async () => {
      await run('Write', { line: 'LED', value: 1 });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      await bench.provider.renew?.(blink)();
      bench.press('BUTTON', 0);
      await pass(50);
      expect([edges.length, bench.level('LED')]).toEqual([0, 1]);
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      const dropOld = bench.provider.renew?.(blink);
      await run('Watch', { line: 'BUTTON', edge: 'rising' });
      await dropOld?.();
      bench.press('BUTTON', 1);
      await pass(50);
      expect(seen()).toEqual(['BUTTON rising 1']);
    });

    test.each(['before', 'after'])(
      'hands levels, pulses and watches on, bound %s the import',
      async (when) => {
        await run('Write', { line: 'RELAY', value: 0 });
        await run('Pulse', { line: 'LED', ms: 100 * stepMs });
        await run('Watch', { line: 'BUTTON', edge: 'falling' });
        await pass(40);
        const state = structuredClone(await bench.provider.exportState?.());
        await bench.provider.stop();
        bench = await make(lines);
        await bench.provider.start(new AbortController().signal);
        const grant = { LED, RELAY: { direction: 'out', safe: 1 }, BUTTON };
        if (when === 'before') await bound('blink', grant);
        await bench.provider.importState?.(state);
        if (when === 'after') await bound('blink', grant);
        expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 0]);
        bench.press('BUTTON', 0);
        await pass(nearly(60));
        expect([bench.level('LED'), seen()]).toEqual([1, ['BUTTON falling 1']]);
        await pass(1 + rest(60));
        expect(bench.level('LED')).toBe(0);
      },
    );

    test('passes everything on to another of its kind, which may give it back', async () => {
      const grant = { LED, RELAY: { direction: 'out', safe: 1 }, BUTTON };
      const first = bench;
      const second = await make(lines);
      await second.provider.start(new AbortController().signal);
      await run('Write', { line: 'RELAY', value: 0 });
      await run('Pulse', { line: 'LED', ms: 200 * stepMs });
      await run('Watch', { line: 'BUTTON', edge: 'both' });
      bench = second;
      second.provider.takeOver?.(first.provider);
      blink = await bound('blink', grant);
      expect(await failure(() => call(contract, first.provider, blink, 'Read', { line: 'LED' }))).toContain(
        'E_NOT_BOUND',
      );
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 0]);
      bench.press('BUTTON', 0);
      await whole(5);
      first.provider.takeOver?.(second.provider);
      await second.provider.stop();
      bench = first;
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([1, 0]);
      bench.press('BUTTON', 1);
      await whole(5);
      expect(seen()).toEqual(['BUTTON falling 1', 'BUTTON rising 2']);
      await whole(200);
      expect([bench.level('LED'), bench.level('RELAY')]).toEqual([0, 0]);
      expect(await failure(() => first.provider.takeOver?.({} as Provider))).toContain('E_PROVIDER');
    });

    test('applies no state beyond the grant, and refuses a damaged one', async () => {
      const watches = [{ line: 'GPIO17', edge: 'both', debounceUs: 0, seq: 0 }];
      const foreign = {
        actor: 'blink',
        binding: 'default',
        levels: { GPIO17: 1, BUTTON: 0 },
        pulses: { GPIO17: 9 },
      };
      await bench.provider.importState?.({ sessions: [{ ...foreign, watches }] });
      expect([bench.level('GPIO17'), bench.level('BUTTON')]).toEqual([0, 1]);
      for (const state of [
        undefined,
        { sessions: [{}] },
        { sessions: [{ ...foreign, watches, levels: { LED: 3 } }] },
      ]) {
        expect(await failure(() => bench.provider.importState?.(state))).toBe(
          'E_PROVIDER iot:gpio state is damaged',
        );
      }
    });
  });
}
