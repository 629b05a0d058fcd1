import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';

/** Timers one actor may have at a time, unless its binding says otherwise. */
export const DEFAULT_TIMERS = 32;
export const MAX_TIMERS = 1024;
/** Longest time to wait: one year, in milliseconds. */
export const MAX_MS = 366 * 24 * 3_600_000;

/** `timers`: how many the actor may have at a time, default 32. `minMs`: the shortest period, default 1. */
const Grant = z.strictObject({
  timers: z.int().min(0).max(MAX_TIMERS).default(DEFAULT_TIMERS),
  minMs: z.int().min(1).max(MAX_MS).default(1),
});
export type Grant = z.infer<typeof Grant>;

const Id = z.string().min(1).max(64);
const Timed = z.object({ id: Id, ms: z.int().min(1).max(MAX_MS) });

export interface Now {
  /** Milliseconds since 1970 by the device's clock. */
  readonly unixMs: number;
  /** Nanoseconds since some moment before the host started; never goes back. */
  readonly monotonicNs: bigint;
  /** Whether the clock has been set since the machine started (see the settings of the implementation). */
  readonly trusted: boolean;
}

/** What the actor gets: `dueAt` and `at` in milliseconds since 1970 by the clock of the moment of delivery. */
export interface Tick {
  readonly id: string;
  readonly dueAt: number;
  readonly at: number;
}

/**
 * `iot:timer`: ← `Tick {id, dueAt, at}`.
 *
 * An id is the actor's own; using it again replaces the timer. Time passes by the monotonic clock: setting the
 * machine's clock moves no timer. `Every` never drifts (the n-th tick is due n periods after the start) and never
 * piles up: what falls due while a tick of that id is still being handled is delivered as one, the latest, and
 * `dueAt` tells how many were left out. An `After` that the actor could not take is offered again until it could.
 * There is no `Cron`: a device without a trusted clock could not honour it; `Every` and `Now` are what it is made of.
 */
export interface Timers extends Provider<Grant> {
  after(session: Session<Grant>, id: string, ms: number): MaybePromise<void>;
  every(session: Session<Grant>, id: string, ms: number): MaybePromise<void>;
  /** An id that is not there is no error: the tick may just have happened. */
  cancel(session: Session<Grant>, id: string): MaybePromise<void>;
  now(): Now;
}

function checkPeriod(grant: Grant, { id, ms }: z.infer<typeof Timed>): void {
  if (grant.timers === 0) throw new IotError('E_NOT_GRANTED', `timer "${id}": the binding allows no timers`);
  if (ms >= grant.minMs) return;
  throw new IotError(
    'E_NOT_GRANTED',
    `timer "${id}" of ${ms} ms: the binding allows ${grant.minMs} ms or more`,
  );
}

export default defineContract<Timers, Grant>({
  id: 'iot:timer',
  codec: 'cbor',
  summary: 'ticks after a while or again and again, and the time',
  grant: Grant,
  operations: {
    After: operation({
      request: Timed,
      authorize: checkPeriod,
      perform: (provider: Timers, session: Session<Grant>, { id, ms }) => provider.after(session, id, ms),
    }),
    Every: operation({
      request: Timed,
      authorize: checkPeriod,
      perform: (provider: Timers, session: Session<Grant>, { id, ms }) => provider.every(session, id, ms),
    }),
    Cancel: operation({
      request: z.object({ id: Id }),
      authorize() {},
      perform: (provider: Timers, session: Session<Grant>, { id }) => provider.cancel(session, id),
    }),
    Now: operation({
      request: z.object({}),
      authorize() {},
      perform: (provider: Timers) => provider.now(),
    }),
  },
  implementations: { host: async () => (await import('./host.js')).implementation },
  defaultImplementation: 'host',
});
