import { z } from 'zod';
import type { Deliver, Implementation, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { Registrations, SessionMap, sessionName } from '../../base/sessions.js';
import { type Clock, isTrusted, systemClock, type Trust } from './clock.js';
import { type Grant, MAX_MS, MAX_TIMERS, type Now, type Timers } from './contract.js';
import { Timer, type TimerHost, type TimerState } from './timer.js';

const Settings = z.strictObject({
  /** What `Now` says of the clock: `auto` (default) asks systemd-timesyncd. */
  clock: z.enum(['auto', 'yes', 'no']).default('auto'),
});
type Settings = z.infer<typeof Settings>;

const StateShape = z.object({
  sessions: z.array(
    z.object({
      actor: z.string(),
      binding: z.string(),
      timers: z
        .array(
          z.object({
            id: z.string(),
            kind: z.enum(['after', 'every']),
            ms: z.int().min(1).max(MAX_MS),
            dueAt: z.number(),
          }),
        )
        .max(MAX_TIMERS),
    }),
  ),
});

interface Holder {
  readonly session: Session;
  readonly timers: Registrations<Timer>;
  host?: TimerHost;
}

export class HostTimers implements Timers {
  readonly #holders = new SessionMap<Holder>();

  constructor(
    private readonly trust: Trust,
    private readonly logger: Logger,
    private readonly clock: Clock = systemClock,
  ) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    for (const { timers } of this.#holders.values()) for (const [, timer] of timers.entries()) timer.stop();
    this.#holders.clear();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const holder = this.#holder(session);
    holder.host = {
      clock: this.clock,
      deliver,
      done: (timer) => {
        if (holder.timers.get(timer.id) === timer) holder.timers.delete(timer.id);
      },
      // What the actor made of it, its slot has told already.
      failed: (id, error) => this.logger.debug(`tick "${id}" of ${sessionName(session)}: ${error.message}`),
    };
    for (const [, timer] of holder.timers.entries()) timer.start(holder.host);
  }

  async unbind(session: Session<Grant>): Promise<void> {
    for (const [, timer] of this.#holders.delete(session)?.timers.entries() ?? []) timer.stop();
  }

  renew(session: Session<Grant>): () => Promise<void> {
    return this.#holder(session).timers.renew((_id, timer) => timer.stop());
  }

  after(session: Session<Grant>, id: string, ms: number): void {
    this.#register(session, id, 'after', ms);
  }

  every(session: Session<Grant>, id: string, ms: number): void {
    this.#register(session, id, 'every', ms);
  }

  cancel(session: Session<Grant>, id: string): void {
    this.#holders.get(session)?.timers.delete(id)?.stop();
  }

  now(): Now {
    return readClock(this.clock, this.trust);
  }

  async exportState(): Promise<unknown> {
    const sessions = this.#holders.values().map(({ session, timers }) => ({
      actor: session.actor,
      binding: session.binding,
      timers: timers.entries().map(([, timer]): TimerState => timer.state(this.clock)),
    }));
    return { sessions };
  }

  async importState(state: unknown): Promise<void> {
    const parsed = StateShape.safeParse(state);
    if (!parsed.success)
      throw new IotError('E_PROVIDER', 'iot:timer state is damaged', { cause: parsed.error });
    for (const { actor, binding, timers } of parsed.data.sessions) {
      const holder = this.#holder({ actor, binding, grant: undefined });
      for (const { id, kind, ms, dueAt } of timers)
        this.#put(holder, new Timer(id, kind, ms, this.#dueNs(dueAt)));
    }
  }

  #register(session: Session<Grant>, id: string, kind: 'after' | 'every', ms: number): void {
    const holder = this.#holders.get(session);
    if (holder?.host === undefined) {
      throw new IotError('E_NOT_BOUND', `${sessionName(session)} is not bound to iot:timer`);
    }
    const { timers } = session.grant;
    if (holder.timers.get(id) === undefined && holder.timers.size >= timers) {
      throw new IotError(
        'E_NOT_GRANTED',
        `timer "${id}": ${sessionName(session)} already has ${timers} timers`,
        {
          hint: 'cancel one, or raise timers: of the binding',
        },
      );
    }
    this.#put(holder, new Timer(id, kind, ms, this.clock.monotonicNs() + BigInt(ms) * 1_000_000n));
  }

  #put(holder: Holder, timer: Timer): void {
    holder.timers.get(timer.id)?.stop();
    holder.timers.set(timer.id, timer);
    if (holder.host !== undefined) timer.start(holder.host);
  }

  #dueNs(dueAt: number): bigint {
    return this.clock.monotonicNs() + BigInt(Math.round((dueAt - this.clock.unixMs()) * 1_000_000));
  }

  #holder(session: Session): Holder {
    const known = this.#holders.get(session);
    if (known !== undefined) return known;
    const holder: Holder = { session, timers: new Registrations<Timer>() };
    this.#holders.set(session, holder);
    return holder;
  }
}

function readClock(clock: Clock, trust: Trust): Now {
  return { unixMs: clock.unixMs(), monotonicNs: clock.monotonicNs(), trusted: isTrusted(trust) };
}

export const implementation: Implementation<Timers, Settings> = {
  settings: Settings,
  create: (settings, env) => new HostTimers(settings.clock, env.logger),
  createInCell: (settings) => ({ now: () => readClock(systemClock, settings.clock) }),
  cellOperations: ['Now'],
};
