import { checkShape } from '../../base/config/shape.js';
import type { Contract, Deliver, Provider, Session } from '../../base/contract.js';
import { asIotError, IotError, logFields, withContext } from '../../base/errors.js';
import type { ProviderStatus } from '../../control/protocol/messages.js';
import { type HostClock, machineClock } from '../clock.js';
import { Gate } from '../gate.js';
import { Turns } from '../turns.js';
import { BoundSessions } from './bound-sessions.js';
import { CellPart, type CellPartPlace } from './cell-part.js';
import { Retry } from './retry.js';
import { createProvider, endProvider, type Running } from './running.js';

export interface ProviderSlotParts extends CellPartPlace {
  readonly name: string;
  /** Default: that of the machine. */
  readonly clock?: HostClock | undefined;
}

/** How long host calls that are under way may take before a provider is taken from under them, in milliseconds. */
const DRAIN_MS = 2_000;

/**
 * The place of one provider: (contract, name). Bindings belong to the place, so that whatever implementation stands
 * in it gets them all, with their grants. While the implementation changes, calls wait; without one, they get an
 * error that the actor can handle.
 */
export class ProviderSlot {
  readonly id: string;
  readonly contract: Contract;
  readonly name: string;
  readonly #parts: ProviderSlotParts;
  readonly #gate = new Gate();
  readonly #turns = new Turns();
  readonly #inCells: CellPart;
  readonly #retry: Retry;
  readonly #sessions = new BoundSessions();
  #running: Running | undefined;
  #last: { implementation: string; settings: unknown };
  /** What a provider that does not outlive its `stop` had stored, kept for its successor. */
  #parked: unknown;
  #failure: IotError | undefined;

  constructor(parts: ProviderSlotParts, use: string | undefined, settings: unknown) {
    this.#parts = parts;
    this.#retry = new Retry(parts.clock ?? machineClock);
    this.contract = parts.contract;
    this.name = parts.name;
    this.id = `${parts.contract.id}/${parts.name}`;
    this.#inCells = new CellPart(this.id, parts);
    this.#last = { implementation: use ?? parts.contract.defaultImplementation(parts.env.board), settings };
  }

  get provider(): Provider | undefined {
    return this.#running?.provider;
  }

  status(): ProviderStatus {
    const problem = this.problem();
    return {
      contract: this.contract.id,
      name: this.name,
      implementation: this.#running?.implementation ?? this.#last.implementation,
      state: this.#running !== undefined ? 'running' : this.#failure !== undefined ? 'failed' : 'removed',
      bindings: this.#sessions.size,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** What keeps bound actors from using it; `undefined` when all is well. */
  problem(): string | undefined {
    const what = this.name === 'default' ? this.contract.id : this.id;
    if (this.#running === undefined) {
      const why = this.#failure === undefined ? '' : `: ${this.#failure.message}`;
      return `no provider for ${what} is running${why}`;
    }
    const problem = this.#running.provider.problem?.();
    return problem === undefined ? undefined : `${what}: ${problem}`;
  }

  /** Throws what the provider throws; the binding before it, if there was one, then still stands. */
  bind(session: Session, deliver: Deliver): Promise<void> {
    return this.#turns.run(() => this.#sessions.bind(this.provider, session, deliver));
  }

  unbind(session: Session): Promise<void> {
    return this.#turns.run(() => this.#sessions.unbind(this.provider, session));
  }

  renew(session: Session): () => Promise<void> {
    this.#sessions.setDown(session, false);
    return this.#running?.provider.renew?.(session) ?? (async () => undefined);
  }

  /** See `Provider.standDown`. A provider that comes while the actor is down is told when it comes. */
  standDown(session: Session): Promise<void> {
    this.#sessions.setDown(session, true);
    return this.#turns.run(async () => {
      // Somebody may be in charge again by the time of its turn.
      if (this.#sessions.isDown(session)) await this.#running?.provider.standDown?.(session);
    });
  }

  /**
   * One host call, whose actor waits `waitMs` (default: for ever). Throws E_NO_PROVIDER, E_TIMEOUT when it has given up
   * before its turn came, or what the contract and the provider throw.
   */
  perform(
    session: Session,
    operation: string,
    payload: Uint8Array,
    waitMs = Number.POSITIVE_INFINITY,
  ): Promise<Uint8Array> {
    const until = performance.now() + waitMs;
    return this.#gate.run(() => {
      // The actor was told that it failed: to do it now, perhaps after a swap of its code, would be doing it twice.
      if (performance.now() > until) {
        throw new IotError('E_TIMEOUT', `${operation} waited too long while ${this.id} was being changed`);
      }
      if (this.#running === undefined) {
        const hint = `iot-host providers start ${this.contract.id}`;
        throw new IotError('E_NO_PROVIDER', this.problem() ?? this.id, { hint });
      }
      if (this.#sessions.isDown(session)) {
        throw new IotError('E_NOT_RUNNING', `${session.actor} went down before ${operation} had its turn`);
      }
      return this.contract.handle(this.#running.provider, session, operation, payload);
    });
  }

  /** Starts the last implementation again (or for the first time); nothing to do when it runs. */
  start(): Promise<void> {
    return this.#turns.run(() => this.#start());
  }

  /**
   * As `start`; one that fails at it is tried again, each time later, until it runs or somebody removes it. Not so
   * when its configuration is wrong or a package is missing (E_CONFIG, E_UNAVAILABLE): that does not pass by itself.
   */
  startAndRetry(stillWanted = () => true): Promise<void> {
    return this.#turns.run(async () => {
      if (!stillWanted()) return;
      try {
        await this.#start();
      } catch (thrown) {
        const error = asIotError(thrown, 'E_PROVIDER');
        if (error.code !== 'E_CONFIG' && error.code !== 'E_UNAVAILABLE') this.#retryLater();
        throw error;
      }
    });
  }

  /** Takes the provider away while actors run. What it had stored is kept for whoever comes next. */
  remove(): Promise<void> {
    return this.#turns.run(async () => {
      const running = this.#running;
      this.#retry.takeBack();
      if (running === undefined) {
        this.#failure = undefined;
        return;
      }
      const { provider } = running;
      try {
        await this.#pause();
        this.#parked = provider.durable === true ? undefined : await provider.exportState?.();
        this.#running = undefined;
        this.#failure = undefined;
      } catch (thrown) {
        this.#inCells.open(running);
        throw thrown;
      } finally {
        this.#gate.open();
      }
      await this.#end(provider);
    });
  }

  /** Puts another implementation in its place: bindings and stored values move, the old one returns if it fails. */
  swap(to: string, settings: unknown): Promise<void> {
    return this.#turns.run(async () => {
      const before = this.#running;
      if (before === undefined) return this.#swapStopped(to, settings);
      // What is broken is not passed on: it is let go of, and opened anew.
      const whole = before.provider.problem?.() === undefined;
      const passesOn = before.implementation === to && whole && before.provider.takeOver !== undefined;
      if (before.implementation === to && !passesOn) return this.#restart(before, settings);
      const next = await this.#create(to, settings);
      let giveBack = () => {};
      try {
        await this.#pause();
        const state = passesOn ? undefined : await before.provider.exportState?.();
        if (passesOn) {
          next.provider.takeOver?.(before.provider);
          giveBack = () => before.provider.takeOver?.(next.provider);
        }
        await this.#enter(next, state);
      } catch (thrown) {
        giveBack();
        await this.#end(next.provider);
        this.#running = before;
        this.#inCells.open(before);
        throw withContext(asIotError(thrown, 'E_PROVIDER'), `${this.id} stays with ${before.implementation}`);
      } finally {
        this.#gate.open();
      }
      await this.#end(before.provider);
    });
  }

  stop(): Promise<void> {
    return this.#turns.run(async () => {
      const running = this.#running;
      this.#retry.takeBack();
      try {
        await this.#pause();
      } finally {
        this.#running = undefined;
        this.#gate.open();
      }
      if (running !== undefined) await this.#end(running.provider);
    });
  }

  /** From stopped: what the former implementation had stored is carried over, if it can be had. */
  async #swapStopped(to: string, settings: unknown): Promise<void> {
    let state = this.#parked;
    const { implementation } = this.#last;
    if (state === undefined && implementation !== to) {
      const former = await this.#create(implementation, this.#last.settings).catch(() => undefined);
      try {
        state = await former?.provider.exportState?.();
      } finally {
        if (former !== undefined) await this.#end(former.provider);
      }
    }
    await this.#enterOrEnd(await this.#create(to, settings), state);
  }

  /**
   * The same implementation with other settings cannot run beside itself unless it can take over: a port or a file
   * would be busy.
   */
  async #restart(before: Running, settings: unknown): Promise<void> {
    const context = `${this.id} (${before.implementation})`;
    checkShape(before.module.settings, settings ?? {}, { context });
    try {
      await this.#pause();
      const state = before.provider.durable === true ? undefined : await before.provider.exportState?.();
      // Parked until one is in place: should neither start, the values are not lost.
      this.#parked = state;
      this.#running = undefined;
      await this.#end(before.provider);
      try {
        await this.#enterOrEnd(await this.#create(before.implementation, settings), state);
      } catch (thrown) {
        await this.#enterOrEnd(await this.#create(before.implementation, before.settings), state);
        throw thrown;
      }
    } catch (thrown) {
      if (this.#running === before) this.#inCells.open(before);
      throw thrown;
    } finally {
      this.#gate.open();
    }
  }

  async #start(): Promise<void> {
    if (this.#running !== undefined) return;
    const { implementation, settings } = this.#last;
    await this.#enterOrEnd(await this.#create(implementation, settings), this.#parked);
  }

  #retryLater(): void {
    this.#retry.later((wanted) => {
      this.startAndRetry(wanted).catch((error: IotError) => {
        this.#parts.env.logger.warn(error.message, logFields(error));
      });
    });
  }

  async #create(implementation: string, settings: unknown): Promise<Running> {
    try {
      return await createProvider(this.#parts, implementation, settings);
    } catch (thrown) {
      const failure = asIotError(thrown, 'E_PROVIDER');
      if (this.#running === undefined) this.#failure = failure;
      throw failure;
    }
  }

  /** As `#enter`, where there is none to go back to: one that cannot enter is ended, and the slot says why. */
  async #enterOrEnd(next: Running, state: unknown): Promise<void> {
    try {
      await this.#enter(next, state);
    } catch (thrown) {
      await this.#end(next.provider);
      this.#failure = withContext(asIotError(thrown, 'E_PROVIDER'), `${this.id} (${next.implementation})`);
      throw this.#failure;
    }
  }

  #end(provider: Provider): Promise<void> {
    return endProvider(this.id, provider, this.#parts.env.logger);
  }

  /** State first, then every binding with its grant, then the cells. */
  async #enter(next: Running, state: unknown): Promise<void> {
    if (state !== undefined) await next.provider.importState?.(state);
    await this.#sessions.giveTo(next.provider);
    this.#retry.takeBack();
    this.#running = next;
    this.#last = { implementation: next.implementation, settings: next.settings };
    this.#failure = undefined;
    this.#parked = undefined;
    this.#inCells.open(next);
  }

  /**
   * After this nobody is in the provider: not from the main thread, not from a cell. Cells first, while the gate is
   * still open: a cell that waits at the gate could not say that it has closed its part.
   */
  async #pause(): Promise<void> {
    await this.#inCells.close();
    await this.#gate.close(DRAIN_MS);
  }
}
