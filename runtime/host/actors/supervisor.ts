import { asIotError, type IotError } from '../../base/errors.js';
import { Backoff } from '../backoff.js';
import type { Cell } from '../cell/cell.js';
import { clipLine } from '../cell/log-limit.js';
import type { LiveActor } from './live-actor.js';
import type { StartReason } from './route.js';

/** Starts the actor of one slot, and starts it again after a fault: each time later, and for its own faults only. */
export class Supervisor {
  readonly #actor: LiveActor;
  readonly #backoff = new Backoff();
  #retry: NodeJS.Timeout | undefined;

  constructor(actor: LiveActor) {
    this.#actor = actor;
  }

  /** Loads the slot's module afresh and lets messages in; on failure waits and tries again. */
  async enter(reason: StartReason): Promise<void> {
    const actor = this.#actor;
    const { module } = actor;
    if (module === undefined) return;
    this.forgetRetry();
    actor.become('starting');
    try {
      const route = await actor.load(module, undefined);
      actor.route = route;
      await actor.begin(route, reason);
      actor.problem = undefined;
      actor.run(route);
    } catch (thrown) {
      actor.leaveRoute();
      this.#fail(asIotError(thrown, 'E_START'));
    }
  }

  /** A fault of the running engine. In probation the message is kept for the module that comes back. */
  fault(error: IotError): boolean {
    const actor = this.#actor;
    if (actor.trial !== undefined) {
      actor.trial.fail(error);
      return true;
    }
    actor.intake.close();
    actor.problem = error;
    actor.become('backoff');
    void actor.turns.run(async () => {
      if (actor.state !== 'backoff') return;
      await actor.leave();
      this.waitAndRestart(error);
    });
    return false;
  }

  waitAndRestart(error: IotError): void {
    const actor = this.#actor;
    actor.problem = error;
    this.forgetRetry();
    const waitMs = this.#backoff.next();
    const line = `${actor.name} will be started again in ${Math.round(waitMs)} ms: ${error.message}`;
    actor.parts.logger.warn(clipLine(line), { code: error.code });
    actor.become('backoff');
    this.#retry = setTimeout(() => {
      void actor.turns.run(async () => {
        if (actor.state !== 'backoff') return;
        actor.restarts += 1;
        await this.enter('restart');
      });
    }, waitMs);
  }

  /** Its cell has ended: the same module is started again at once, in another cell, if it was not its fault. */
  async recover(cell: Cell): Promise<void> {
    const actor = this.#actor;
    if (actor.state !== 'running' || actor.route?.cell !== cell) return;
    if (actor.trial?.failedAt !== undefined) return;
    await actor.intake.drain();
    actor.restarts += 1;
    await this.enter('restart');
  }

  /** No start that was put off comes any more. */
  forgetRetry(): void {
    clearTimeout(this.#retry);
  }

  /** The module has proved itself: the next fault is the first again. */
  forgive(): void {
    this.#backoff.reset();
  }

  /** It is down: on trial the update machine decides, otherwise it is started again after a while. */
  #fail(error: IotError): void {
    const actor = this.#actor;
    if (actor.trial === undefined) {
      this.waitAndRestart(error);
      return;
    }
    actor.trial.fail(error);
    actor.problem = error;
    actor.become('backoff');
  }
}
