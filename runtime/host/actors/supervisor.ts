import { asIotError, IotError } from '../../base/errors.js';
import { Backoff } from '../backoff.js';
import type { Cell } from '../cell/cell.js';
import { clipLine } from '../cell/log-limit.js';
import { HEALTHY_MS, Intensity } from '../intensity.js';
import { lackOf, unbound, waitsForBinding } from './lacking.js';
import type { LiveActor } from './live-actor.js';
import type { Route, StartReason } from './route.js';

/** Starts the actor of one slot, and starts it again after a fault: each time later, and for its own faults only. */
export class Supervisor {
  readonly #actor: LiveActor;
  readonly #backoff: Backoff;
  readonly #intensity: Intensity;
  #takeBackRetry: () => void = () => undefined;
  #quarantineMs = 0;

  constructor(actor: LiveActor) {
    const { clock } = actor.parts;
    this.#actor = actor;
    this.#backoff = new Backoff(() => clock.now());
    this.#intensity = new Intensity(() => clock.now());
  }

  /** The host starts with the module in the slot: what an earlier run had against it counts still. */
  recall(): void {
    const { module, parts } = this.#actor;
    if (module !== undefined) this.#intensity.restore(parts.quarantines.level(module.digest));
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
      this.awaitHealth();
    } catch (thrown) {
      const { route } = actor;
      const lack = route && lackOf(actor, route);
      actor.leaveRoute();
      if (route && lack !== undefined && actor.trial === undefined) await this.#awaitBinding(lack, route);
      else await this.#fail(asIotError(thrown, 'E_START'));
    }
  }

  /** Its bindings have changed: one that waits for that is started. */
  async bound(): Promise<void> {
    if (waitsForBinding(this.#actor)) await this.enter('start');
  }

  /** Not counted, and not tried again before its bindings change: it would fail in the same way. */
  async #awaitBinding(lack: IotError, { lacked }: Route): Promise<void> {
    const actor = this.#actor;
    await actor.standDown();
    actor.problem = lack;
    actor.parts.logger.error(clipLine(lack.message), { code: lack.code, hint: lack.hint });
    actor.become('backoff');
    actor.intake.rejectAll(unbound(actor));
    // It may have come while the actor went down.
    if (lacked !== undefined && actor.bindings.find(lacked.contract, lacked.name) !== undefined) {
      void actor.turns.run(() => this.bound());
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
      await this.down(error);
    });
    return false;
  }

  /**
   * Counts a fault of an actor that is down: it is started again after a while, or kept down if they are too many.
   * Meanwhile nobody is in charge of what it holds.
   */
  async down(error: IotError): Promise<void> {
    await this.#actor.standDown();
    const quarantineMs = this.#intensity.count();
    const { module, parts } = this.#actor;
    if (quarantineMs === undefined) {
      if (this.#intensity.level === 0) parts.quarantines.forget();
      this.#waitAndRestart(error);
      return;
    }
    if (module !== undefined) parts.quarantines.keep(module.digest, this.#intensity.level);
    this.#quarantine(error, quarantineMs);
  }

  /** Back into quarantine, after something else was tried in its place: no news of the actor itself. */
  async backToQuarantine(): Promise<void> {
    await this.#actor.standDown();
    const error = this.#actor.problem ?? new IotError('E_NOT_RUNNING', 'it had too many faults');
    this.#quarantine(error, this.#quarantineMs);
  }

  /** Whoever knows a module that ran before may put it in the place of this one. */
  #quarantine(error: IotError, waitMs: number): void {
    const actor = this.#actor;
    actor.problem = error;
    this.#quarantineMs = waitMs;
    const line = `quarantined for ${Math.round(waitMs / 60_000)} minutes, it had too many faults: ${error.message}`;
    actor.parts.logger.error(clipLine(line), { code: error.code, hint: `iot-host restart ${actor.name}` });
    actor.become('quarantined');
    actor.intake.rejectAll(quarantined(actor));
    this.#retryAfter(waitMs);
    if (actor.module !== undefined) actor.parts.quarantined(actor.module, error);
  }

  #waitAndRestart(error: IotError): void {
    const actor = this.#actor;
    actor.problem = error;
    const waitMs = this.#backoff.next();
    const line = `started again in ${Math.round(waitMs)} ms: ${error.message}`;
    actor.parts.logger.warn(clipLine(line), { code: error.code });
    actor.become('backoff');
    this.#retryAfter(waitMs);
  }

  #retryAfter(waitMs: number): void {
    const actor = this.#actor;
    this.forgetRetry();
    this.#takeBackRetry = actor.parts.clock.after(waitMs, () => {
      void actor.turns.run(async () => {
        if (actor.state !== 'backoff' && actor.state !== 'quarantined') return;
        actor.restarts += 1;
        await this.enter('restart');
      });
    });
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

  /** One that was in quarantine has a clean sheet once it has run for a while without a fault. */
  awaitHealth(): void {
    const actor = this.#actor;
    if (this.#intensity.level === 0) return;
    this.forgetRetry();
    this.#takeBackRetry = actor.parts.clock.after(HEALTHY_MS, () => {
      if (actor.state === 'running' && actor.trial === undefined) this.forgive();
    });
  }

  /** No start that was put off comes any more. */
  forgetRetry(): void {
    this.#takeBackRetry();
  }

  /** The module has proved itself, or somebody has started it by hand: the next fault is the first again. */
  forgive(): void {
    this.#backoff.reset();
    this.#intensity.reset();
    this.#actor.parts.quarantines.forget();
  }

  /** It is down: on trial the update machine decides, otherwise it is started again after a while. */
  async #fail(error: IotError): Promise<void> {
    const actor = this.#actor;
    if (actor.trial === undefined) {
      await this.down(error);
      return;
    }
    actor.trial.fail(error);
    actor.problem = error;
    actor.become('backoff');
  }
}

/** What is said to whoever sends something to an actor in quarantine. */
export function quarantined({ name }: { readonly name: string }): IotError {
  return new IotError('E_NOT_RUNNING', `actor ${name} is quarantined: it had too many faults`, {
    hint: `iot-host restart ${name}`,
  });
}
