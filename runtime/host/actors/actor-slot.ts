import type { SlotConfig } from '../../base/config/schema.js';
import { IotError } from '../../base/errors.js';
import type { ActorState, ActorStatus } from '../../control/protocol/messages.js';
import type { Cell } from '../cell/cell.js';
import type { HostCounters } from '../counters.js';
import { monotonicMs } from '../monotonic.js';
import type { Candidate, CheckedModule } from '../update.js';
import type { Bindings } from './bindings.js';
import type { Message } from './intake.js';
import { unbound, waitsForBinding } from './lacking.js';
import { LiveActor, type SlotParts } from './live-actor.js';
import { quarantined, Supervisor } from './supervisor.js';
import { Swap } from './swap.js';

/**
 * The place of one actor: its queue, its bindings, its limits, and the module in it. The module can be swapped under
 * load; everything else stays. Changes of state happen one after the other; messages flow meanwhile.
 */
export class ActorSlot {
  readonly name: string;
  readonly bindings: Bindings;
  readonly #actor: LiveActor;
  readonly #supervisor: Supervisor;
  readonly #swap: Swap;

  constructor(config: SlotConfig, parts: SlotParts) {
    this.name = config.name;
    const actor = new LiveActor(config, parts, {
      deliver: (contract, operation, payload) => this.#deliver(contract, operation, payload),
      fault: (error) => this.#supervisor.fault(error),
    });
    this.#actor = actor;
    this.bindings = actor.bindings;
    this.#supervisor = new Supervisor(actor);
    this.#swap = new Swap(actor, this.#supervisor);
  }

  get module(): CheckedModule | undefined {
    return this.#actor.module;
  }

  get state(): ActorState {
    return this.#actor.state;
  }

  status(): ActorStatus {
    const { module, state, intake, restarts, route, problem } = this.#actor;
    return {
      name: this.name,
      state,
      ...(module === undefined
        ? {}
        : {
            key: module.key,
            digest: module.digest,
            version: module.version,
            capabilities: [...module.capabilities],
          }),
      bindings: this.bindings.list().map(({ contract, session, resources }) => {
        const held = resources.length === 0 ? {} : { resources };
        return { contract, name: session.binding, ...held };
      }),
      queued: intake.length,
      handled: intake.handledCount,
      failed: intake.failedCount,
      restarts,
      ...(route === undefined ? {} : { memoryPages: route.memoryPages }),
      ...(problem === undefined ? {} : { problem: problem.message }),
    };
  }

  /** What was counted since the host started. Not copies: for reading at once. */
  counters(): HostCounters['actors'][number] {
    return { name: this.name, calls: this.#actor.intake.counters, swaps: this.#swap.results };
  }

  /** Why it does not do its work; `undefined` when it does, when it has none, or when somebody stopped it. */
  problem(): string | undefined {
    const { state, problem } = this.#actor;
    if (state === 'running' || state === 'empty' || state === 'stopped') return undefined;
    const why = problem === undefined ? '' : `: ${problem.message}`;
    // Nothing but that will help.
    const hint = waitsForBinding(this.#actor) ? `; ${problem?.hint}` : '';
    return `actor ${this.name} is ${state}${why}${hint}`;
  }

  /** One message; resolves with the reply once it was handled. Rejects as `Deliver` says. */
  call(operation: string, payload: Uint8Array, contract?: string): Promise<Uint8Array> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#actor.intake.push(this.name, { contract, operation, payload, resolve, reject });
    });
  }

  /**
   * As `call`, for a sender that gives up after `waitMs`: then it rejects with E_TIMEOUT, and a message that has not
   * begun by then is not handled any more. Shorter patience than the actor's own deadline is not held against it.
   */
  callWithin(operation: string, payload: Uint8Array, waitMs: number): Promise<Uint8Array> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const { intake } = this.#actor;
    return new Promise((resolve, reject) => {
      const late = new IotError(
        'E_TIMEOUT',
        `${this.name} ${operation}: no reply within ${Math.round(waitMs)} ms`,
      );
      const timer = setTimeout(() => {
        intake.withdraw(message, late);
        reject(late);
      }, waitMs);
      const message: Message = {
        operation,
        payload,
        until: monotonicMs() + waitMs,
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      intake.push(this.name, message);
    });
  }

  /** The host is going down: no message from outside is begun any more; calls between actors may still end well. */
  hold(): void {
    this.#actor.intake.hold();
  }

  get busy(): boolean {
    return this.#actor.intake.busy;
  }

  /** Resolves when no message is under way. */
  idle(): Promise<void> {
    return this.#actor.intake.idle();
  }

  /** Its module is about to be started: until then messages wait for it. */
  expectStart(): void {
    this.#actor.become('starting');
  }

  /** Loads and starts `module`. A module that will not start is tried again with backoff: its slot is not lost. */
  start(module: CheckedModule): Promise<void> {
    return this.#inTurn(async () => {
      this.#actor.module = module;
      this.#supervisor.recall();
      await this.#supervisor.enter('start');
    });
  }

  /** The module is there, and is not started before somebody says so. */
  keepStopped(module: CheckedModule): Promise<void> {
    return this.#inTurn(async () => {
      this.#actor.module = module;
      this.#actor.become('stopped');
    });
  }

  /** Starts a stopped actor, or one that waits for its next try or is quarantined. Throws E_NOT_RUNNING (empty), E_BUSY (on trial). */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireSettled();
      if (this.#actor.state === 'running') return;
      await this.#actor.leave();
      this.#supervisor.forgive();
      await this.#supervisor.enter('start');
    });
  }

  /** Starts the same module afresh; what waits for it goes on waiting. Throws as `resume`. */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireSettled();
      await this.#actor.leave();
      // As a stop and a start: the engine that comes knows nothing of what this one had set going.
      await this.#actor.standDown();
      this.#supervisor.forgive();
      this.#actor.restarts += 1;
      await this.#supervisor.enter('restart');
    });
  }

  /** See `UpdateTarget.fallBack`. */
  fallBack(module: CheckedModule): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireSettled();
      this.#actor.module = module;
      if (this.#actor.state === 'stopped') return;
      await this.#actor.leave();
      this.#supervisor.forgive();
      await this.#supervisor.enter('revert');
    });
  }

  /** As `stop`, for a person: what an update is trying out is not taken from under it. Throws as `resume`. */
  halt(): Promise<void> {
    return this.#inTurn(async () => {
      this.#requireSettled();
      await this.#stop();
    });
  }

  /** Ends the actor; what waits for it is refused. A trial ends undecided: neither side of it runs any more. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#stop());
  }

  /** Stops, and forgets the module and what it had registered: the slot waits for a push. */
  clear(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#stop();
      this.#supervisor.forgive();
      await this.#actor.becomeEmpty();
    });
  }

  /** See `UpdateTarget.prepare`. */
  prepare(module: CheckedModule): Promise<Candidate> {
    return this.#swap.prepare(module);
  }

  /** Called after the grants changed. */
  bindingsChanged(): void {
    const { module, route, parts } = this.#actor;
    if (module === undefined) return;
    route?.setBindings(this.bindings.forCell(module.capabilities));
    if (waitsForBinding(this.#actor)) void this.#inTurn(() => this.#supervisor.bound());
    parts.changed();
  }

  /** Its cell has ended, perhaps for the fault of another actor. What it was doing comes back through the intake. */
  cellEnded(cell: Cell): void {
    if (this.#actor.route?.cell !== cell) return;
    this.#actor.parts.actorCalls.forget(this.name);
    // In its turn: if a change of state is under way, it is judged by how that ends. And by then the calls have come
    // back, so that a fault of its own is known.
    void this.#inTurn(() => this.#supervisor.recover(cell));
  }

  #deliver(contract: string, operation: string, payload: Uint8Array): Promise<Uint8Array> {
    const { module } = this.#actor;
    if (module !== undefined && !module.capabilities.includes(contract)) {
      const why = `its claims do not ask for ${contract}`;
      return Promise.reject(new IotError('E_NOT_CLAIMED', `${this.name}: ${contract} ${operation}: ${why}`));
    }
    return this.call(operation, payload, contract);
  }

  #refusal(): IotError | undefined {
    const { state } = this.#actor;
    if (state === 'quarantined') return quarantined(this);
    if (waitsForBinding(this.#actor)) return unbound(this.#actor);
    if (state !== 'empty' && state !== 'stopped') return undefined;
    const hint = state === 'empty' ? 'iot-host push FILE' : `iot-host start ${this.name}`;
    return new IotError('E_NOT_RUNNING', `actor ${this.name} is ${state}`, { hint });
  }

  #requireSettled(): void {
    const { module, trial } = this.#actor;
    if (module === undefined) {
      const hint = `iot-host push FILE --name ${this.name}`;
      throw new IotError('E_NOT_RUNNING', `slot ${this.name} is empty`, { hint });
    }
    if (trial === undefined) return;
    throw new IotError('E_BUSY', `actor ${this.name} is being updated`, {
      hint: 'wait for the outcome: iot-host ps',
    });
  }

  async #stop(): Promise<void> {
    const actor = this.#actor;
    await actor.leave();
    // Only now: what was under way may have failed and asked for another start.
    this.#supervisor.forgetRetry();
    this.#swap.abandon();
    await actor.standDown();
    actor.become(actor.module === undefined ? 'empty' : 'stopped');
    actor.intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${this.name} was stopped`));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#actor.turns.run(work);
  }
}
