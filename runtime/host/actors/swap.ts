import { asIotError, IotError } from '../../base/errors.js';
import { increase, type SwapResult } from '../counters.js';
import type { Candidate, CheckedModule, Trial } from '../update.js';
import { type LiveActor, unlessInterrupted } from './live-actor.js';
import type { Route } from './route.js';
import type { Supervisor } from './supervisor.js';
import { SlotTrial } from './trial.js';

/** What a slot goes back to when the module on trial is bad. */
interface Before {
  readonly module: CheckedModule | undefined;
  /** Its engine, kept warm. */
  readonly route: Route | undefined;
  /** Somebody had stopped it. */
  readonly stopped: boolean;
  /** It had too many faults. */
  readonly quarantined: boolean;
}

/** Puts another module into a slot under load, and the one before back when the new one is bad. */
export class Swap {
  readonly results = new Map<SwapResult, number>();
  readonly #actor: LiveActor;
  readonly #supervisor: Supervisor;
  #before: Before | undefined;

  constructor(actor: LiveActor, supervisor: Supervisor) {
    this.#actor = actor;
    this.#supervisor = supervisor;
  }

  /** See `UpdateTarget.prepare`. */
  async prepare(module: CheckedModule): Promise<Candidate> {
    const actor = this.#actor;
    const route = await actor.load(module, actor.route?.cell).catch((thrown: unknown) => {
      increase(this.results, 'refused');
      throw thrown;
    });
    let activated = false;
    return {
      activate: () => {
        activated = true;
        return actor.turns.run(() => this.#switchTo(route));
      },
      discard: async () => {
        if (!activated) route.unload();
      },
    };
  }

  /** The trial ends undecided: neither side of it runs any more. */
  abandon(): void {
    this.#actor.trial = undefined;
    this.#before?.route?.unload();
    this.#before = undefined;
  }

  async #switchTo(prepared: Route): Promise<Trial> {
    const actor = this.#actor;
    if (actor.trial !== undefined) {
      prepared.unload();
      throw new IotError('E_BUSY', `another module is on trial in ${actor.name}`);
    }
    await actor.intake.drain();
    this.#supervisor.forgetRetry();
    const { module, route: old, state } = actor;
    const before = { module, route: old, stopped: state === 'stopped', quarantined: state === 'quarantined' };
    before.route?.standBy();
    // What its Start asks for may come at once: it waits in the queue.
    if (old === undefined) actor.become('starting');
    let route = prepared;
    try {
      await unlessInterrupted(async () => {
        if (!route.alive) route = await actor.load(prepared.module, undefined);
        actor.route = route;
        actor.module = route.module;
        await actor.begin(route, before.module === undefined ? 'start' : 'swap');
      });
    } catch (thrown) {
      route.unload();
      increase(this.results, 'refused');
      await this.#goBack(before);
      throw asIotError(thrown, 'E_START');
    }
    this.#before = before;
    const trial = this.#makeTrial();
    actor.trial = trial;
    actor.problem = undefined;
    actor.run(route);
    return trial;
  }

  #makeTrial(): SlotTrial {
    const { intake, turns } = this.#actor;
    const trial: SlotTrial = new SlotTrial({
      handled: () => intake.handledCount,
      checkHealth: () =>
        unlessInterrupted(
          () => turns.run(() => this.#checkHealth(trial)),
          () => this.#actor.trial === trial,
        ),
      commit: () => turns.run(() => this.#commit(trial)),
      revert: () => turns.run(() => this.#revert(trial)),
    });
    return trial;
  }

  /** Asks whatever engine the module is in by now: it may have lost its cell for the fault of another actor. */
  async #checkHealth(trial: SlotTrial): Promise<void> {
    const actor = this.#actor;
    if (trial.failedAt !== undefined) throw await trial.fault;
    if (actor.trial !== trial || actor.route === undefined) {
      throw new IotError('E_NOT_RUNNING', `actor ${actor.name} was stopped`);
    }
    try {
      await actor.route.checkHealth();
    } catch (thrown) {
      const error = asIotError(thrown);
      if (error.code !== 'E_NOT_RUNNING') trial.fail(error);
      throw error;
    }
  }

  async #commit(trial: SlotTrial): Promise<void> {
    const actor = this.#actor;
    if (actor.trial !== trial) return;
    const stopped = this.#before?.stopped === true;
    this.abandon();
    this.#supervisor.forgive();
    increase(this.results, 'kept');
    if (stopped) await actor.parts.resumed();
    if (trial.failedAt === undefined) return;
    await actor.leave();
    await this.#supervisor.down(await trial.fault);
  }

  async #revert(trial: SlotTrial): Promise<void> {
    const actor = this.#actor;
    if (actor.trial !== trial || this.#before === undefined) return;
    // On trial until the last message is back: those that still fail are offered to the module before, too.
    await actor.leave();
    const before = this.#before;
    actor.trial = undefined;
    this.#before = undefined;
    increase(this.results, 'reverted');
    await this.#goBack(before);
    const ms = Math.round((performance.now() - (trial.failedAt ?? performance.now())) * 10) / 10;
    actor.parts.logger.info(`the module before is active again, ${ms} ms after the fault`, {
      activeAgainMs: ms,
    });
  }

  /** The module before takes over again: from its warm engine where that still lives, else from its bytes. */
  async #goBack(before: Before): Promise<void> {
    const actor = this.#actor;
    this.#supervisor.forgetRetry();
    actor.module = before.module;
    actor.route = before.route;
    if (before.module === undefined) {
      await actor.becomeEmpty();
    } else if (before.stopped) {
      actor.become('stopped');
      actor.intake.rejectAll(new IotError('E_NOT_RUNNING', `actor ${actor.name} is stopped again`));
      await actor.drop(actor.bindings.renew());
      await actor.standDown();
    } else if (before.quarantined) {
      await actor.drop(actor.bindings.renew());
      await this.#supervisor.backToQuarantine();
    } else if (before.route?.alive === true) {
      try {
        await actor.begin(before.route, 'revert');
        actor.run(before.route);
        this.#supervisor.awaitHealth();
      } catch (thrown) {
        actor.leaveRoute();
        await this.#supervisor.down(asIotError(thrown, 'E_START'));
      }
    } else {
      actor.leaveRoute();
      await this.#supervisor.enter('revert');
    }
  }
}
