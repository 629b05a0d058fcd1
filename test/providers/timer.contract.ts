import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import type { Clock } from '#runtime/providers/iot-timer/clock.js';
import contract, { type Tick } from '#runtime/providers/iot-timer/contract.js';
import { call, failure, session } from '../helpers/providers.js';

/** A clock that a test winds by hand. */
export class HandClock implements Clock {
  ns = 5_000_000_000n;
  offsetMs = 1_800_000_000_000;
  readonly #waiting = new Set<{ at: bigint; wake: () => void }>();

  unixMs = () => this.offsetMs + Number(this.ns / 1_000_000n);
  monotonicNs = () => this.ns;

  wait(ms: number, wake: () => void): () => void {
    const entry = { at: this.ns + BigInt(Math.ceil(ms * 1e6)), wake };
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Lets `ms` pass, waking everybody in turn and letting each finish what it does at once. */
  async pass(ms: number): Promise<void> {
    const end = this.ns + BigInt(ms) * 1_000_000n;
    for (;;) {
      await settle();
      const next = [...this.#waiting]
        .filter((entry) => entry.at <= end)
        .sort((a, b) => Number(a.at - b.at))[0];
      if (next === undefined) break;
      this.#waiting.delete(next);
      if (next.at > this.ns) this.ns = next.at;
      next.wake();
    }
    this.ns = end;
    await settle();
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What every implementation of `iot:timer` does. `make` gives a new, unstarted provider on the given clock. */
export function testTimerContract(name: string, make: (clock: HandClock, lines: string[]) => Provider): void {
  describe(`iot:timer ${name}`, () => {
    let clock: HandClock;
    let provider: Provider;
    let blink: Session;
    let lines: string[];
    let ticks: Tick[];
    /** What the actor does with a tick; a test may make it slow or fail. */
    let handle: () => Promise<unknown>;
    let born: number;

    const deliver = (operation: string, message: unknown) => {
      expect(operation).toBe('Tick');
      ticks.push(decodePayload('cbor', encodePayload('cbor', message)) as Tick);
      return handle();
    };
    const run = (operation: string, request?: unknown, as = blink) =>
      call(contract, provider, as, operation, request);
    const seen = () => ticks.map(({ id, dueAt, at }) => [id, dueAt - born, at - born]);

    beforeEach(async () => {
      clock = new HandClock();
      lines = [];
      ticks = [];
      handle = async () => undefined;
      born = clock.unixMs();
      provider = make(clock, lines);
      await provider.start(new AbortController().signal);
      blink = session(contract, 'blink');
      await provider.bind(blink, deliver);
    });
    afterEach(() => provider.stop());

    it('ticks once after a while', async () => {
      expect(await run('After', { id: 'a', ms: 50 })).toBeUndefined();
      await clock.pass(49);
      expect(seen()).toEqual([]);
      await clock.pass(1);
      await clock.pass(1000);
      expect(seen()).toEqual([['a', 50, 50]]);
      expect(clock.waiting).toBe(0);
    });

    it('ticks again and again without drifting, also when each wake-up is late', async () => {
      await run('Every', { id: 'e', ms: 100 });
      handle = async () => {
        clock.ns += 7_000_000n;
      };
      await clock.pass(1000);
      expect(seen().map(([, due]) => due)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
    });

    it('makes one tick of those that fall due while one is being handled', async () => {
      let finish = () => {};
      handle = () => new Promise<void>((resolve) => (finish = resolve));
      await run('Every', { id: 'e', ms: 10 });
      await clock.pass(10);
      await clock.pass(95);
      expect(seen()).toEqual([['e', 10, 10]]);
      finish();
      await clock.pass(0);
      expect(seen()).toEqual([
        ['e', 10, 10],
        ['e', 100, 105],
      ]);
      finish();
      await clock.pass(5);
      expect(seen().at(-1)).toEqual(['e', 110, 110]);
      finish();
    });

    it('cancels, and replaces a timer of the same id', async () => {
      await run('Every', { id: 'x', ms: 10 });
      await run('After', { id: 'x', ms: 25 });
      await run('After', { id: 'y', ms: 5 });
      expect(await run('Cancel', { id: 'y' })).toBeUndefined();
      expect(await run('Cancel', { id: 'never' })).toBeUndefined();
      await clock.pass(100);
      expect(seen()).toEqual([['x', 25, 25]]);
    });

    it('moves no timer when the wall clock is set', async () => {
      await run('After', { id: 'a', ms: 50 });
      clock.offsetMs += 3_600_000;
      await clock.pass(50);
      expect(seen()).toEqual([['a', 3_600_050, 3_600_050]]);
    });

    it('waits longer than setTimeout can', async () => {
      const month = 31 * 24 * 3_600_000;
      await run('After', { id: 'm', ms: month });
      await clock.pass(month - 1);
      expect(ticks).toEqual([]);
      await clock.pass(1);
      expect(seen()).toEqual([['m', month, month]]);
    });

    it('offers an After again that the actor could not take, and drops an Every', async () => {
      const full = new IotError('E_QUEUE_FULL', 'queue of blink is full');
      handle = () => Promise.reject(full);
      await run('After', { id: 'a', ms: 10 });
      await run('Every', { id: 'e', ms: 200 });
      await clock.pass(120);
      expect(ticks.length).toBeGreaterThan(1);
      handle = async () => undefined;
      await clock.pass(70);
      const offered = ticks.length;
      await clock.pass(9);
      expect(ticks.slice(offered)).toEqual([]);
      expect(new Set(seen().map(([id, due]) => `${id} ${due}`))).toEqual(new Set(['a 10']));
    });

    it('counts a failing actor as having handled its tick, and logs it', async () => {
      handle = () => Promise.reject(new IotError('E_TRAP', 'unreachable'));
      await run('After', { id: 'a', ms: 10 });
      await run('Every', { id: 'e', ms: 20 });
      await clock.pass(40);
      expect(seen().map(([id]) => id)).toEqual(['a', 'e', 'e']);
      expect(lines[0]).toContain('debug tick "a" of blink: unreachable');
    });

    it('tells the time, as integers', async () => {
      expect(await run('Now')).toEqual({ unixMs: born, monotonicNs: Number(clock.ns), trusted: false });
      const reply = await contract.handle(provider, blink, 'Now', new Uint8Array(0));
      expect(Buffer.from(reply).toString('hex')).toMatch(
        /^a366756e69784d731b[0-9a-f]{16}6b6d6f6e6f746f6e69634e731b/,
      );
    });

    it('keeps within the grant, and refuses bad requests', async () => {
      const tight = session(contract, 'tight', { timers: 1, minMs: 10 });
      await provider.bind(tight, deliver);
      const denied = (operation: string, request: unknown, as: Session) =>
        failure(() => run(operation, request, as));
      expect(await denied('Every', { id: 'a', ms: 9 }, tight)).toContain('E_NOT_GRANTED timer "a" of 9 ms');
      await run('Every', { id: 'a', ms: 10 }, tight);
      await run('Every', { id: 'a', ms: 20 }, tight);
      expect(await denied('After', { id: 'b', ms: 10 }, tight)).toContain('already has 1 timers');
      await run('Cancel', { id: 'a' }, tight);
      await run('After', { id: 'b', ms: 10 }, tight);
      const none = session(contract, 'none', { timers: 0 });
      expect(await denied('After', { id: 'b', ms: 10 }, none)).toContain('allows no timers');
      expect(await denied('After', { id: 'b', ms: 10 }, session(contract, 'stranger'))).toContain(
        'E_NOT_BOUND',
      );
      const bad = [
        {},
        { id: 'a' },
        { id: '', ms: 1 },
        { id: 'a', ms: 0 },
        { id: 'a', ms: 1.5 },
        { id: 'a', ms: 1e12 },
      ];
      for (const request of bad) {
        expect(await denied('Every', request, blink)).toContain('E_PAYLOAD iot:timer Every');
      }
      expect(await denied('Cron', { id: 'a', expression: '* * * * *' }, blink)).toContain('E_OPERATION');
      expect(() => contract.parseGrant({ lines: {} })).toThrow();
    });

    it('keeps actors apart, and forgets one that is unbound', async () => {
      const other = session(contract, 'other');
      const theirs: unknown[] = [];
      await provider.bind(other, async (_operation, message) => theirs.push(message));
      await run('Every', { id: 'e', ms: 10 });
      await run('Every', { id: 'e', ms: 10 }, other);
      await run('Cancel', { id: 'e' }, other);
      await provider.unbind(other);
      await clock.pass(30);
      expect([ticks.length, theirs.length]).toEqual([3, 0]);
      await provider.stop();
      await clock.pass(30);
      expect([ticks.length, clock.waiting]).toEqual([3, 0]);
    });

    it('drops what new code does not register again', async () => {
      await run('Every', { id: 'old', ms: 10 });
      await run('Every', { id: 'both', ms: 10 });
      const dropOld = provider.renew?.(blink);
      await run('Every', { id: 'both', ms: 20 });
      await run('After', { id: 'new', ms: 5 });
      await clock.pass(15);
      expect(seen().map(([id]) => id)).toEqual(['new', 'old']);
      await dropOld?.();
      ticks = [];
      await clock.pass(25);
      expect(seen()).toEqual([
        ['both', 20, 20],
        ['both', 40, 40],
      ]);
    });

    it.each(['before', 'after'])(
      'hands its timers to another instance, bound %s the import',
      async (when) => {
        await run('Every', { id: 'e', ms: 100 });
        await run('After', { id: 'a', ms: 130 });
        await clock.pass(120);
        const state = structuredClone(await provider.exportState?.());
        await provider.stop();
        await clock.pass(100);
        provider = make(clock, lines);
        await provider.start(new AbortController().signal);
        if (when === 'before') await provider.bind(blink, deliver);
        await provider.importState?.(state);
        if (when === 'after') await provider.bind(blink, deliver);
        await clock.pass(80);
        expect(new Set(seen().map(String))).toEqual(
          new Set(['e,100,100', 'a,130,220', 'e,200,220', 'e,300,300']),
        );
        expect(ticks).toHaveLength(4);
      },
    );

    it('refuses a damaged state', async () => {
      const timer = { id: 'a', kind: 'sometimes', ms: 1, dueAt: 1 };
      for (const state of [undefined, [], { sessions: [{ actor: 'a', binding: 'b', timers: [timer] }] }]) {
        expect(await failure(() => provider.importState?.(state))).toBe(
          'E_PROVIDER iot:timer state is damaged',
        );
      }
    });
  });
}
