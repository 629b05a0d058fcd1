import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { Intake, type Message, type Sink } from '#runtime/host/actors/intake.js';
import type { Outcome } from '#runtime/host/cell/cell.js';

const trap = new IotError('E_TRAP', 'trapped');
const REPLY: Outcome = { kind: 'reply', reply: new Uint8Array(0), fuel: 1 };
const REFUSAL: Outcome = { kind: 'error', error: new IotError('E_GUEST', 'no'), fatal: false };
const FAULT: Outcome = { kind: 'error', error: trap, fatal: true };

class Bench {
  /** By number of message: what became of it. */
  readonly ends = new Map<number, string[]>();
  readonly flying = new Map<number, (outcome: Outcome) => void>();
  readonly wrong: string[] = [];
  keep = false;
  pushed = 0;
  readonly intake = new Intake(1_000, {
    handled: () => undefined,
    failed: () => undefined,
    fault: () => {
      if (!this.keep) this.intake.close();
      return this.keep;
    },
  });
  readonly sink: Sink = {
    send: (message: Message, settle) => {
      const number = Number(message.operation);
      for (let earlier = 0; earlier < number; earlier++) {
        const done = this.ends.get(earlier)?.length === 1 || this.flying.has(earlier);
        if (!done) this.wrong.push(`${number} was sent before ${earlier}`);
      }
      if (this.flying.has(number)) this.wrong.push(`${number} was sent twice at once`);
      this.flying.set(number, settle);
    },
  };

  push(): void {
    const number = this.pushed++;
    this.ends.set(number, []);
    const end = (how: string) => this.ends.get(number)?.push(how);
    this.intake.push('a', {
      operation: `${number}`,
      payload: new Uint8Array(0),
      resolve: () => end('reply'),
      reject: ({ code }) => end(code),
    });
  }

  settle(which: number, outcome: Outcome): void {
    const [number, settle] = [...this.flying][which % Math.max(1, this.flying.size)] ?? [];
    if (number === undefined || settle === undefined) return;
    this.flying.delete(number);
    settle(outcome);
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'push' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(40),
      outcome: fc.constantFrom(REPLY, REPLY, REPLY, REFUSAL, { kind: 'requeue' } as const, FAULT),
      keep: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'open' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
);

describe('the queue of an actor', () => {
  it('keeps the order and loses or doubles nothing, whatever becomes of engines', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const bench = new Bench();
        for (const one of steps) {
          if (one.kind === 'push') bench.push();
          else if (one.kind === 'open') bench.intake.open(bench.sink);
          else if (one.kind === 'close') bench.intake.close();
          else {
            bench.keep = one.keep;
            bench.settle(one.which, one.outcome);
          }
        }
        bench.intake.open(bench.sink);
        for (let n = 0; bench.intake.length > 0; n++) {
          expect(n).toBeLessThan(1_000);
          bench.settle(0, REPLY);
        }
        expect(bench.wrong).toEqual([]);
        for (const [number, ends] of bench.ends) expect([number, ends.length]).toEqual([number, 1]);
        const { handledCount, failedCount } = bench.intake;
        expect(handledCount + failedCount).toBe(bench.pushed);
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it('hands a limited number on before the first answer, and drains when the last has come back', async () => {
    const bench = new Bench();
    for (let n = 0; n < 50; n++) bench.push();
    bench.intake.open(bench.sink);
    expect(bench.flying.size).toBe(32);
    let drained = false;
    const draining = bench.intake.drain().then(() => {
      drained = true;
    });
    for (let n = 0; n < 31; n++) bench.settle(0, REPLY);
    await Promise.resolve();
    expect(drained).toBe(false);
    bench.settle(0, REPLY);
    await draining;
    expect(bench.intake.length).toBe(18);
  });

  it('refuses what waits, and only that, when it is told to', () => {
    const bench = new Bench();
    bench.intake.open(bench.sink);
    for (let n = 0; n < 40; n++) bench.push();
    bench.intake.rejectAll(trap);
    expect([...bench.ends.values()].filter(([end]) => end === 'E_TRAP')).toHaveLength(8);
    while (bench.flying.size > 0) bench.settle(0, REPLY);
    expect([...bench.ends.values()].filter(([end]) => end === 'reply')).toHaveLength(32);
  });

  it('a sink that gives messages back at once does not turn in circles', () => {
    const bench = new Bench();
    for (let n = 0; n < 5; n++) bench.push();
    bench.intake.open({ send: (_message, settle) => settle({ kind: 'requeue' }) });
    expect(bench.intake.length).toBe(5);
    bench.intake.open(bench.sink);
    while (bench.flying.size > 0) bench.settle(0, REPLY);
    expect(bench.wrong).toEqual([]);
  });
});
