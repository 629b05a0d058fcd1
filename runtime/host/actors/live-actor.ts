import type { SlotConfig } from '../../base/config/schema.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { Repeats } from '../../base/repeats.js';
import type { ActorState } from '../../control/protocol/messages.js';
import type { Cell } from '../cell/cell.js';
import type { Cells } from '../cell/cells.js';
import { clipLine } from '../cell/log-limit.js';
import type { HostClock } from '../clock.js';
import type { HostCallCounters } from '../counters.js';
import { endsWithin } from '../patience.js';
import type { Providers } from '../providers/providers.js';
import { Turns } from '../turns.js';
import type { CheckedModule } from '../update.js';
import { ACTOR_CALLS, type ActorCalls, namesActor } from './actor-calls.js';
import { Bindings, type DeliverBytes } from './bindings.js';
import { dispatch } from './dispatch.js';
import { Intake } from './intake.js';
import { Route, type StartReason } from './route.js';
import type { SlotTrial } from './trial.js';

export interface SlotQuarantines {
  /** How often that module was kept down without having been well in between. */
  level(digest: string): number;
  keep(digest: string, level: number): void;
  forget(): void;
}

export interface SlotParts {
  readonly cells: Cells;
  readonly providers: Providers;
  readonly logger: Logger;
  readonly hostCalls: HostCallCounters;
  readonly actorCalls: ActorCalls;
  readonly clock: HostClock;
  /** State, module or counters that others show have changed. */
  changed(): void;
  /** What is remembered of quarantines of this slot over starts of the host. */
  readonly quarantines: SlotQuarantines;
  /** It had too many faults and is kept down. */
  quarantined(module: CheckedModule, error: IotError): void;
  /** A push that was kept has started an actor that somebody had stopped: it is no longer to stay stopped. */
  resumed(): Promise<void>;
}

/** How often something is begun anew whose cell ended, for the fault of another actor, before it had its turn. */
const TRIES = 3;
/** How long a start waits for providers to drop what the code before had registered, in milliseconds. */
const DROP_MS = 2_000;

/**
 * What is in a slot now: module, engine, queue and bindings, and the steps that every change of state is made of.
 * Whoever changes it takes a turn; messages flow meanwhile.
 */
export class LiveActor {
  readonly name: string;
  readonly config: SlotConfig;
  readonly parts: SlotParts;
  readonly bindings: Bindings;
  readonly intake: Intake;
  readonly turns = new Turns();
  module: CheckedModule | undefined;
  route: Route | undefined;
  /** The module in the slot has not been kept yet. */
  trial: SlotTrial | undefined;
  problem: IotError | undefined;
  restarts = 0;
  #state: ActorState = 'empty';

  constructor(
    config: SlotConfig,
    parts: SlotParts,
    hooks: { deliver: DeliverBytes; fault: (error: IotError) => boolean },
  ) {
    this.name = config.name;
    this.config = config;
    this.parts = parts;
    this.bindings = new Bindings(config.name, parts.providers, hooks.deliver);
    const repeats = new Repeats(() => parts.clock.now());
    this.intake = new Intake(config.limits.queue, {
      handled: () => undefined,
      failed: (message, error) => {
        const line = clipLine(`${message.operation}: ${saidOnce(error.message)}`);
        const again = repeats.admit(line);
        if (again !== undefined) parts.logger.warn(line, { code: error.code, ...again });
      },
      fault: hooks.fault,
    });
  }

  get state(): ActorState {
    return this.#state;
  }

  become(state: ActorState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.parts.changed();
  }

  /** Compiles and starts the module in an engine of its own; it stands by. Rejects with the reason of refusal. */
  load(module: CheckedModule, besides: Cell | undefined): Promise<Route> {
    return unlessInterrupted(async () => {
      const { cells, hostCalls, actorCalls } = this.parts;
      const cell = module.capabilities.some(namesActor)
        ? cells.placeAlone(this.name, besides)
        : cells.place(this.config.cell, besides);
      return Route.load(cell, this.name, module, this.config.limits, (route) => async (call) => {
        if (this.route !== route) throw new IotError('E_NOT_RUNNING', 'no I/O before Start');
        if (namesActor(call.namespace)) {
          return hostCalls.watch(ACTOR_CALLS, () => actorCalls.call(this.name, module.capabilities, call));
        }
        return hostCalls.watch(call.namespace, () =>
          dispatch(this.name, module.capabilities, this.bindings, call).catch((thrown: unknown) => {
            // What failed last is why Start fails. A provider may say E_NOT_BOUND, too: no binding would mend that.
            const { namespace: contract, binding: name } = call;
            const isLack = asIotError(thrown).code === 'E_NOT_BOUND' && !this.bindings.find(contract, name);
            route.lacked = isLack ? { contract, name } : undefined;
            throw thrown;
          }),
        );
      });
    });
  }

  /** Gives the engine in `route` its bindings and its `Start`; then what the code before it registered is dropped. */
  async begin(route: Route, reason: StartReason): Promise<void> {
    const dropStale = this.bindings.renew();
    await route.start(this.bindings.forCell(route.module.capabilities), reason);
    await this.drop(dropStale);
  }

  /** Messages flow into `route` from now on. */
  run(route: Route): void {
    this.become('running');
    this.intake.open(route);
  }

  /** Nothing runs in the slot any more; what is under way has ended first. */
  async leave(): Promise<void> {
    await this.intake.drain();
    this.leaveRoute();
  }

  leaveRoute(): void {
    this.route?.unload();
    this.route = undefined;
  }

  /** Nobody is in charge in this slot: what the bindings hold comes to rest, after whatever the engine still did. */
  async standDown(): Promise<void> {
    const what = 'what it holds';
    try {
      if (await endsWithin(this.bindings.standDown(), DROP_MS)) return;
      this.parts.logger.warn(`${what} is not at rest after ${DROP_MS} ms`);
    } catch (thrown) {
      this.parts.logger.warn(`${what} is perhaps not at rest: ${asIotError(thrown).message}`);
    }
  }

  async becomeEmpty(): Promise<void> {
    this.module = undefined;
    this.become('empty');
    this.intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${this.name} is empty`));
    await this.drop(this.bindings.renew());
    await this.standDown();
  }

  /** A provider that fails or hangs at this is no reason to judge the actor, or to keep it waiting. */
  async drop(stale: () => Promise<void>): Promise<void> {
    const what = 'its old registrations';
    try {
      if (await endsWithin(stale(), DROP_MS)) return;
      this.parts.logger.warn(`${what} are not dropped after ${DROP_MS} ms`);
    } catch (thrown) {
      this.parts.logger.warn(`${what}: ${asIotError(thrown).message}`);
    }
  }
}

/** The SDKs put before an error of the host which call it was, and so has the host. */
function saidOnce(message: string): string {
  return message.replace(/^(\S+ \S+): (E_[A-Z_]+): \S+: \1: /, '$1: $2: ');
}

/** Does `work` again when its cell ended before it had its turn, as long as that makes sense. */
export async function unlessInterrupted<T>(work: () => Promise<T>, sensible = () => true): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (thrown) {
      const interrupted = thrown instanceof IotError && thrown.code === 'E_NOT_RUNNING';
      if (!interrupted || tries === TRIES || !sensible()) throw thrown;
    }
  }
}
