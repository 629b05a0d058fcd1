import { isReasonCode, type ReasonCode } from '../base/reasons.js';

/** Upper ends of the buckets of `CallCounters.durations` in seconds; one more bucket takes what is longer. */
export const DURATION_BUCKETS_S: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const BUCKETS_MS = DURATION_BUCKETS_S.map((seconds) => seconds * 1_000);

/** `kept`: it passed its trial; `reverted`: it did not; `refused`: it could not even be loaded or started. */
export type SwapResult = 'kept' | 'reverted' | 'refused';
/** How a host call ended: answered, or the code of its error. */
export type HostCallOutcome = 'ok' | ReasonCode;
/** [contract, outcome, how often]. */
export type HostCallCount = readonly [contract: string, outcome: HostCallOutcome, count: number];

/**
 * What became of the messages of one slot since the host started. Plain numbers that somebody may read now and then:
 * a message pays for a few additions.
 */
export class CallCounters {
  handled = 0;
  failed = 0;
  /** Not taken in, or given back unhandled. */
  refused = 0;
  /** Fuel of the handled ones. */
  fuel = 0;
  /** Of handled and failed ones, from the queue to the answer. */
  milliseconds = 0;
  /** How many fell into each bucket, not added up. */
  readonly durations: number[] = new Array(BUCKETS_MS.length + 1).fill(0);
  readonly errors = new Map<ReasonCode, number>();

  succeed(milliseconds: number, fuel: number): void {
    this.handled += 1;
    this.fuel += fuel;
    this.#took(milliseconds);
  }

  fail(milliseconds: number, code: ReasonCode): void {
    this.failed += 1;
    increase(this.errors, code);
    this.#took(milliseconds);
  }

  refuse(code: ReasonCode): void {
    this.refused += 1;
    increase(this.errors, code);
  }

  #took(milliseconds: number): void {
    this.milliseconds += milliseconds;
    let at = 0;
    while (milliseconds > (BUCKETS_MS[at] ?? Number.POSITIVE_INFINITY)) at += 1;
    this.durations[at] = (this.durations[at] ?? 0) + 1;
  }
}

/** Host calls by contract and outcome. A guest words the contract, so what is none is counted under one name. */
export class HostCallCounters {
  readonly #counts = new Map<string, Map<HostCallOutcome, number>>();
  readonly #known: (contract: string) => boolean;

  constructor(known: (contract: string) => boolean) {
    this.#known = known;
  }

  add(contract: string, outcome: HostCallOutcome, count = 1): void {
    const name = this.#known(contract) ? contract : 'other';
    const counts = this.#counts.get(name) ?? new Map<HostCallOutcome, number>();
    this.#counts.set(name, counts);
    increase(counts, outcome, count);
  }

  /** Counts how `work` ends. */
  async watch<T>(contract: string, work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      this.add(contract, 'ok');
      return answer;
    } catch (thrown) {
      this.add(contract, codeOf(thrown));
      throw thrown;
    }
  }

  list(): HostCallCount[] {
    return [...this.#counts].flatMap(([contract, counts]) =>
      [...counts].map(([outcome, count]): HostCallCount => [contract, outcome, count]),
    );
  }

  /** As `list`, beginning anew. */
  take(): HostCallCount[] {
    const taken = this.list();
    this.#counts.clear();
    return taken;
  }
}

/** Everything that a host has counted since it started. */
export interface HostCounters {
  readonly actors: readonly {
    readonly name: string;
    readonly calls: CallCounters;
    readonly swaps: ReadonlyMap<SwapResult, number>;
  }[];
  readonly hostCalls: readonly HostCallCount[];
}

let turn = 0;
let turnIsNew = true;
const nextTurn = () => {
  turnIsNew = true;
};

/**
 * The monotonic clock in milliseconds, as of the first question since the event loop called: messages come and go in
 * batches, and a look at the clock for each would cost more than all the rest of counting it.
 */
export function turnTime(): number {
  if (turnIsNew) {
    turn = performance.now();
    turnIsNew = false;
    queueMicrotask(nextTurn);
  }
  return turn;
}

export function increase<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function codeOf(thrown: unknown): ReasonCode {
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' && isReasonCode(code) ? code : 'E_PROVIDER';
}
