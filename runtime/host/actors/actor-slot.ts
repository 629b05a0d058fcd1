import type { SlotConfig } from '../../base/config/schema.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { ActorState, ActorStatus } from '../../control/protocol/messages.js';
import { Backoff } from '../backoff.js';
import type { Cell } from '../cell/cell.js';
import type { Cells } from '../cell/cells.js';
import { clipLine } from '../cell/log-limit.js';
import { type HostCallCounters, type HostCounters, increase, type SwapResult } from '../counters.js';
import { endsWithin } from '../patience.js';
import type { Providers } from '../providers/providers.js';
import type { Candidate, CheckedModule, Trial } from '../update.js';
import { Bindings } from './bindings.js';
import { dispatch } from './dispatch.js';
import { Intake } from './intake.js';
import { Route, type StartReason } from './route.js';
import { SlotTrial } from './trial.js';

export interface SlotParts {
  readonly cells: Cells;
  readonly providers: Providers;
  readonly logger: Logger;
  readonly hostCalls: HostCallCounters;
  /** State, module or counters that others show have changed. */
  changed(): void;
  /** A push that was kept has started an actor that somebody had stopped: it is no longer to stay stopped. */
  resumed(): Promise<void>;
}

/** How often something is begun anew whose cell ended, for the fault of another actor, before it had its turn. */
const TRIES = 3;
/** How long a start waits for providers to drop what the code before had registered, in milliseconds. */
const DROP_MS = 2_000;

/** What a slot goes back to when the module on trial is bad. */
interface Before {
  readonly module: CheckedModule | undefined;
  /** Its engine, kept warm. */
  readonly route: Route | undefined;
  /** Somebody had stopped it. */
  readonly stopped: boolean;
}

/**
 * The place of one actor: its queue, its bindings, its limits, and the module in it. The module can be swapped under
 * load; everything else stays. Changes of state happen one after the other; messages flow meanwhile.
 */
export class ActorSlot {
  readonly name: string;
  readonly bindings: Bindings;
  readonly #config: SlotConfig;
  readonly #parts: SlotParts;
  readonly #intake: Intake;
  readonly #backoff = new Backoff();
  #state: ActorState = 'empty';
  #module: CheckedModule | undefined;
  #route: Route | undefined;
  #trial: SlotTrial | undefined;
  #before: Before | undefined;
  #problem: IotError | undefined;
  readonly #swaps = new Map<SwapResult, number>();
  #restarts = 0;
  #retry: NodeJS.Timeout | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(config: SlotConfig, parts: SlotParts) {
    this.name = config.name;
    this.#config = config;
    this.#parts = parts;
    this.bindings = new Bindings(config.name, parts.providers, (contract, operation, payload) =>
      this.#deliver(contract, operation, payload),
    );
    this.#intake = new Intake(config.limits.queue, {
      handled: () => undefined,
      failed: (message, error) => {
        parts.logger.warn(clipLine(`${this.name} ${message.operation}: ${error.message}`), {
          code: error.code,
        });
      },
      fault: (error) => this.#fault(error),
    });
  }

  get module(): CheckedModule | undefined {
    return this.#module;
  }

  get state(): ActorState {
    return this.#state;
  }

  status(): ActorStatus {
    const module = this.#module;
    return {
      name: this.name,
      state: this.#state,
      ...(module === undefined ? {} : { key: module.key, digest: module.digest, version: module.version }),
      bindings: this.bindings.list().map(({ contract, session }) => ({ contract, name: session.binding })),
      queued: this.#intake.length,
      handled: this.#intake.handledCount,
      failed: this.#intake.failedCount,
      restarts: this.#restarts,
      ...(this.#route === undefined ? {} : { memoryPages: this.#route.memoryPages }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem.message }),
    };
  }

  /** What was counted since the host started. Not copies: for reading at once. */
  counters(): HostCounters['actors'][number] {
    return { name: this.name, calls: this.#intake.counters, swaps: this.#swaps };
  }

  /** Why it does not do its work; `undefined` when it does, when it has none, or when somebody stopped it. */
  problem(): string | undefined {
    if (this.#state === 'running' || this.#state === 'empty' || this.#state === 'stopped') return undefined;
    return `actor ${this.name} is ${this.#state}${this.#problem === undefined ? '' : `: ${this.#problem.message}`}`;
  }

  /** One message; resolves with the reply once it was handled. Rejects as `Deliver` says. */
  call(operation: string, payload: Uint8Array, contract?: string): Promise<Uint8Array> {
    if (this.#state === 'empty' || this.#state === 'stopped') {
      const hint = this.#state === 'empty' ? 'iot-host push FILE' : `iot-host start ${this.name}`;
      return Promise.reject(new IotError('E_NOT_RUNNING', `actor ${this.name} is ${this.#state}`, { hint }));
    }
    return new Promise((resolve, reject) => {
      this.#intake.push(this.name, { contract, operation, payload, resolve, reject });
    });
  }

  /** Loads and starts `module`. A module that will not start is tried again with backoff: its slot is not lost. */
  start(module: CheckedModule): Promise<void> {
    return this.#exclusively(async () => {
      this.#module = module;
      await this.#enter('start');
    });
  }

  /** The module is there, and is not started before somebody says so. */
  hold(module: CheckedModule): Promise<void> {
    return this.#exclusively(async () => {
      this.#module = module;
      this.#become('stopped');
    });
  }

  /** Starts a stopped actor, or one that waits for its next try. Throws E_NOT_RUNNING (empty), E_BUSY (on trial). */
  resume(): Promise<void> {
    return this.#exclusively(async () => {
      this.#requireSettled();
      if (this.#state === 'running') return;
      await this.#leave();
      await this.#enter('start');
    });
  }

  /** Starts the same module afresh; what waits for it goes on waiting. Throws as `resume`. */
  restart(): Promise<void> {
    return this.#exclusively(async () => {
      this.#requireSettled();
      await this.#leave();
      this.#restarts += 1;
      await this.#enter('restart');
    });
  }

  /** As `stop`, for a person: what an update is trying out is not taken from under it. Throws as `resume`. */
  halt(): Promise<void> {
    return this.#exclusively(async () => {
      this.#requireSettled();
      await this.#stop();
    });
  }

  /** Ends the actor; what waits for it is refused. A trial ends undecided: neither side of it runs any more. */
  stop(): Promise<void> {
    return this.#exclusively(() => this.#stop());
  }

  /** Stops, and forgets the module and what it had registered: the slot waits for a push. */
  clear(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#stop();
      await this.#becomeEmpty();
    });
  }

  /** See `UpdateTarget.prepare`. */
  async prepare(module: CheckedModule): Promise<Candidate> {
    const route = await this.#load(module, this.#route?.cell).catch((thrown: unknown) => {
      increase(this.#swaps, 'refused');
      throw thrown;
    });
    let activated = false;
    return {
      activate: () => {
        activated = true;
        return this.#exclusively(() => this.#switchTo(route));
      },
      discard: async () => {
        if (!activated) route.unload();
      },
    };
  }

  /** Called after the grants changed. */
  bindingsChanged(): void {
    if (this.#module === undefined) return;
    this.#route?.setBindings(this.bindings.forCell(this.#module.capabilities));
    this.#parts.changed();
  }

  /** Its cell has ended, perhaps for the fault of another actor. What it was doing comes back through the intake. */
  cellEnded(cell: Cell): void {
    if (this.#route?.cell !== cell) return;
    // In its turn: if a change of state is under way, it is judged by how that ends. And by then the calls have come
    // back, so that a fault of its own is known.
    void this.#exclusively(() => this.#recover(cell));
  }

  #deliver(contract: string, operation: string, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#module !== undefined && !this.#module.capabilities.includes(contract)) {
      const why = `its claims do not ask for ${contract}`;
      return Promise.reject(new IotError('E_NOT_CLAIMED', `${this.name}: ${contract} ${operation}: ${why}`));
    }
    return this.call(operation, payload, contract);
  }

  #load(module: CheckedModule, besides: Cell | undefined): Promise<Route> {
    return unlessInterrupted(async () => {
      const cell = this.#parts.cells.place(this.#config.cell, besides);
      return Route.load(cell, this.name, module, this.#config.limits, (route) => async (call) => {
        if (this.#route !== route) throw new IotError('E_NOT_RUNNING', 'no I/O before Start');
        return this.#parts.hostCalls.watch(call.namespace, () =>
          dispatch(this.name, module.capabilities, this.bindings, call),
        );
      });
    });
  }

  /** Gives the engine in `#route` its bindings and its `Start`; then what the code before it registered is dropped. */
  async #begin(route: Route, reason: StartReason): Promise<void> {
    const dropStale = this.bindings.renew();
    await route.start(this.bindings.forCell(route.module.capabilities), reason);
    await this.#drop(dropStale);
  }

  /** A provider that fails or hangs at this is no reason to judge the actor, or to keep it waiting. */
  async #drop(stale: () => Promise<void>): Promise<void> {
    const what = `old registrations of ${this.name}`;
    try {
      if (await endsWithin(stale(), DROP_MS)) return;
      this.#parts.logger.warn(`${what} are not dropped after ${DROP_MS} ms`);
    } catch (thrown) {
      this.#parts.logger.warn(`${what}: ${asIotError(thrown).message}`);
    }
  }

  #requireSettled(): void {
    if (this.#module === undefined) {
      const hint = `iot-host push FILE --name ${this.name}`;
      throw new IotError('E_NOT_RUNNING', `slot ${this.name} is empty`, { hint });
    }
    if (this.#trial === undefined) return;
    throw new IotError('E_BUSY', `actor ${this.name} is being updated`, {
      hint: 'wait for the outcome: iot-host ps',
    });
  }

  async #stop(): Promise<void> {
    await this.#leave();
    // Only now: what was under way may have failed and asked for another start.
    clearTimeout(this.#retry);
    this.#trial = undefined;
    this.#before?.route?.unload();
    this.#before = undefined;
    this.#become(this.#module === undefined ? 'empty' : 'stopped');
    this.#intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${this.name} was stopped`));
  }

  async #becomeEmpty(): Promise<void> {
    this.#module = undefined;
    this.#become('empty');
    this.#intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${this.name} is empty`));
    await this.#drop(this.bindings.renew());
  }

  /** Loads `#module` afresh and lets messages in; on failure waits and tries again. */
  async #enter(reason: StartReason): Promise<void> {
    const module = this.#module;
    if (module === undefined) return;
    clearTimeout(this.#retry);
    this.#become('starting');
    try {
      const route = await this.#load(module, undefined);
      this.#route = route;
      await this.#begin(route, reason);
      this.#problem = undefined;
      this.#become('running');
      this.#intake.open(route);
    } catch (thrown) {
      this.#leaveRoute();
      this.#fail(asIotError(thrown, 'E_START'));
    }
  }

  /** It is down: on trial the update machine decides, otherwise it is started again after a while. */
  #fail(error: IotError): void {
    if (this.#trial === undefined) {
      this.#waitAndRestart(error);
      return;
    }
    this.#trial.fail(error);
    this.#problem = error;
    this.#become('backoff');
  }

  /** A fault of the running engine. In probation the message is kept for the module that comes back. */
  #fault(error: IotError): boolean {
    if (this.#trial !== undefined) {
      this.#trial.fail(error);
      return true;
    }
    this.#intake.close();
    this.#problem = error;
    this.#become('backoff');
    void this.#exclusively(async () => {
      if (this.#state !== 'backoff') return;
      await this.#leave();
      this.#waitAndRestart(error);
    });
    return false;
  }

  #waitAndRestart(error: IotError): void {
    this.#problem = error;
    clearTimeout(this.#retry);
    const waitMs = this.#backoff.next();
    this.#parts.logger.warn(
      clipLine(`${this.name} will be started again in ${Math.round(waitMs)} ms: ${error.message}`),
      {
        code: error.code,
      },
    );
    this.#become('backoff');
    this.#retry = setTimeout(() => {
      void this.#exclusively(async () => {
        if (this.#state !== 'backoff') return;
        this.#restarts += 1;
        await this.#enter('restart');
      });
    }, waitMs);
  }

  /** Starts the same module again at once, in another cell: it was not its fault. */
  async #recover(cell: Cell): Promise<void> {
    if (this.#state !== 'running' || this.#route?.cell !== cell || this.#trial?.failedAt !== undefined)
      return;
    await this.#intake.drain();
    this.#restarts += 1;
    await this.#enter('restart');
  }

  async #switchTo(prepared: Route): Promise<Trial> {
    if (this.#trial !== undefined) {
      prepared.unload();
      throw new IotError('E_BUSY', `another module is on trial in ${this.name}`);
    }
    await this.#intake.drain();
    clearTimeout(this.#retry);
    const stopped = this.#state === 'stopped';
    const before = { module: this.#module, route: this.#route, stopped };
    before.route?.standBy();
    // What its Start asks for may come at once: it waits in the queue.
    if (this.#state === 'empty' || this.#state === 'stopped') this.#become('starting');
    let route = prepared;
    try {
      await unlessInterrupted(async () => {
        if (!route.alive) route = await this.#load(prepared.module, undefined);
        this.#route = route;
        this.#module = route.module;
        await this.#begin(route, before.module === undefined ? 'start' : 'swap');
      });
    } catch (thrown) {
      route.unload();
      increase(this.#swaps, 'refused');
      await this.#goBack(before);
      throw asIotError(thrown, 'E_START');
    }
    this.#before = before;
    this.#trial = this.#makeTrial();
    this.#problem = undefined;
    this.#become('running');
    this.#intake.open(route);
    return this.#trial;
  }

  #makeTrial(): SlotTrial {
    const trial: SlotTrial = new SlotTrial({
      handled: () => this.#intake.handledCount,
      checkHealth: () =>
        unlessInterrupted(
          () => this.#exclusively(() => this.#checkHealth(trial)),
          () => this.#trial === trial,
        ),
      commit: () => this.#exclusively(() => this.#commit(trial)),
      revert: () => this.#exclusively(() => this.#revert(trial)),
    });
    return trial;
  }

  /** Asks whatever engine the module is in by now: it may have lost its cell for the fault of another actor. */
  async #checkHealth(trial: SlotTrial): Promise<void> {
    if (trial.failedAt !== undefined) throw await trial.fault;
    if (this.#trial !== trial || this.#route === undefined) {
      throw new IotError('E_NOT_RUNNING', `actor ${this.name} was stopped`);
    }
    try {
      await this.#route.checkHealth();
    } catch (thrown) {
      const error = asIotError(thrown);
      if (error.code !== 'E_NOT_RUNNING') trial.fail(error);
      throw error;
    }
  }

  async #commit(trial: SlotTrial): Promise<void> {
    if (this.#trial !== trial) return;
    this.#trial = undefined;
    const stopped = this.#before?.stopped === true;
    this.#before?.route?.unload();
    this.#before = undefined;
    this.#backoff.reset();
    increase(this.#swaps, 'kept');
    if (stopped) await this.#parts.resumed();
    if (trial.failedAt === undefined) return;
    await this.#leave();
    this.#waitAndRestart(await trial.fault);
  }

  async #revert(trial: SlotTrial): Promise<void> {
    if (this.#trial !== trial || this.#before === undefined) return;
    // On trial until the last message is back: those that still fail are offered to the module before, too.
    await this.#leave();
    const before = this.#before;
    this.#trial = undefined;
    this.#before = undefined;
    increase(this.#swaps, 'reverted');
    await this.#goBack(before);
    const ms = Math.round((performance.now() - (trial.failedAt ?? performance.now())) * 10) / 10;
    this.#parts.logger.info(`the module before is active again, ${ms} ms after the fault`, {
      activeAgainMs: ms,
    });
  }

  /** The module before takes over again: from its warm engine where that still lives, else from its bytes. */
  async #goBack(before: Before): Promise<void> {
    clearTimeout(this.#retry);
    this.#module = before.module;
    this.#route = before.route;
    if (before.module === undefined) {
      await this.#becomeEmpty();
    } else if (before.stopped) {
      this.#become('stopped');
      this.#intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${this.name} is stopped again`));
      await this.#drop(this.bindings.renew());
    } else if (before.route?.alive === true) {
      try {
        await this.#begin(before.route, 'revert');
        this.#become('running');
        this.#intake.open(before.route);
      } catch (thrown) {
        this.#leaveRoute();
        this.#waitAndRestart(asIotError(thrown, 'E_START'));
      }
    } else {
      this.#leaveRoute();
      await this.#enter('revert');
    }
  }

  async #leave(): Promise<void> {
    await this.#intake.drain();
    this.#leaveRoute();
  }

  #leaveRoute(): void {
    this.#route?.unload();
    this.#route = undefined;
  }

  #become(state: ActorState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#parts.changed();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(work);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}

/** Does `work` again when its cell ended before it had its turn, as long as that makes sense. */
async function unlessInterrupted<T>(work: () => Promise<T>, sensible = () => true): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (thrown) {
      const interrupted = thrown instanceof IotError && thrown.code === 'E_NOT_RUNNING';
      if (!interrupted || tries === TRIES || !sensible()) throw thrown;
    }
  }
}
