import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { delayOf, jittered } from '../../base/retry.js';
import { Registrations } from '../../base/sessions.js';
import type { Place, Radio } from './radio.js';
import { RECONNECT_MS, STABLE_MS, type Timing } from './timing.js';

/** Requests that may wait for one peripheral. */
const MAX_WAITING = 32;

/** One peripheral in the hands of one actor: connected, or being looked for until nobody wants it any more. */
export class Link {
  readonly subscriptions = new Registrations<Place>();
  #connected = false;
  #closed = false;
  #attempt: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  /** Attempts since it was last connected for good. */
  #failures = 0;
  #since = 0;
  /** Of requests under way. */
  readonly #breakers = new Set<(reason: string) => void>();
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(
    readonly id: string,
    private readonly radio: Radio,
    private readonly timing: Timing,
    private readonly logger: Logger,
    /** Once for each time that a connection is gone. */
    private readonly onLost: (reason: string) => void,
  ) {}

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves when it is connected. A first attempt that fails leaves it as it was: closing it is the caller's. */
  connect(): Promise<void> {
    if (this.#connected) return Promise.resolve();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#attempt ??= this.#establish().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  /** Connects in the background, and goes on trying. */
  resume(): void {
    this.connect().catch((thrown: unknown) => this.#retryLater(asIotError(thrown).message));
  }

  /** The adapter is back: no attempt that failed without it counts, and the next one is due now. */
  retryNow(): void {
    this.#failures = 0;
    if (this.#cancelRetry !== undefined) this.resume();
  }

  /** As `connect`; what fails is tried again later. For a peripheral that was connected before. */
  async reconnect(): Promise<void> {
    try {
      await this.connect();
    } catch (thrown) {
      this.#retryLater(asIotError(thrown).message);
      throw thrown;
    }
  }

  /**
   * Runs one GATT operation when those before it are done. Rejects with E_PROVIDER when the peripheral is not connected
   * or vanishes, E_TIMEOUT when it does not answer, E_QUEUE_FULL when too many wait.
   */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new IotError('E_QUEUE_FULL', `${MAX_WAITING} requests wait for peripheral ${this.id}`);
    }
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    this.#waiting += 1;
    try {
      await before;
      return await this.#ask(what, work);
    } finally {
      this.#waiting -= 1;
      done();
    }
  }

  /** The radio says that the connection is gone. */
  lost(reason: string): void {
    if (!this.#connected) return;
    this.#connected = false;
    if (this.timing.clock.now() - this.#since >= STABLE_MS) this.#failures = 0;
    for (const stop of [...this.#breakers]) stop(reason);
    if (this.#closed) return;
    this.onLost(reason);
    this.#retryLater(reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#connected = false;
    for (const stop of [...this.#breakers]) stop('disconnected');
    await this.radio.disconnect(this.id).catch((thrown: unknown) => {
      this.logger.debug(`disconnecting ${this.id}: ${asIotError(thrown).message}`);
    });
  }

  async #establish(): Promise<void> {
    const { connectMs, clock } = this.timing;
    const enough = new AbortController();
    let stop = (_error: IotError) => {};
    const given = new Promise<never>((_, reject) => {
      stop = (error) => {
        reject(error);
        enough.abort(error);
      };
    });
    const late = `peripheral ${this.id}: no connection within ${connectMs / 1000} s`;
    const cancel = clock.after(connectMs, () => stop(new IotError('E_TIMEOUT', late)));
    const unwanted = () => stop(this.#unwanted());
    this.#breakers.add(unwanted);
    try {
      await Promise.race([this.radio.connect(this.id, enough.signal), given]);
    } catch (thrown) {
      if (thrown === enough.signal.reason) throw thrown;
      const { code, message, hint } = asIotError(thrown, 'E_PROVIDER');
      throw new IotError(code, `peripheral ${this.id}: ${message}`, { hint, cause: thrown });
    } finally {
      cancel();
      this.#breakers.delete(unwanted);
    }
    if (this.#closed) {
      await this.radio.disconnect(this.id);
      throw this.#unwanted();
    }
    this.#connected = true;
    this.#since = this.timing.clock.now();
    await this.#restore();
    if (!this.connected) throw new IotError('E_PROVIDER', `peripheral ${this.id} is gone again`);
  }

  #unwanted(): IotError {
    return new IotError('E_PROVIDER', `peripheral ${this.id} is not wanted any more`);
  }

  async #restore(): Promise<void> {
    for (const [key, at] of this.subscriptions.entries()) {
      try {
        await this.run(`Subscribe ${at.characteristic}`, () => this.radio.subscribe(this.id, at));
      } catch (thrown) {
        if (this.#connected) this.subscriptions.delete(key);
        this.logger.warn(
          `subscription to ${at.characteristic} is not restored: ${asIotError(thrown).message}`,
        );
      }
    }
  }

  #retryLater(why: string): void {
    if (this.#closed || this.#connected || this.#cancelRetry !== undefined) return;
    const { clock, random } = this.timing;
    const ms = jittered(delayOf(RECONNECT_MS, this.#failures), random);
    this.#failures += 1;
    this.logger.debug(`peripheral ${this.id}: ${why}; next attempt in ${ms} ms`);
    this.#cancelRetry = clock.after(ms, () => {
      this.#cancelRetry = undefined;
      this.resume();
    });
  }

  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (!this.#connected) {
      const why = this.#closed ? 'not connected' : 'not connected, it is being looked for';
      throw new IotError('E_PROVIDER', `${what}: peripheral ${this.id} is ${why}`);
    }
    const { clock, operationMs } = this.timing;
    let broken: IotError | undefined;
    let stop = (_reason: string) => {};
    const gone = new Promise<never>((_, reject) => {
      stop = (reason) => {
        broken ??= new IotError('E_PROVIDER', `${what}: peripheral ${this.id} is gone: ${reason}`);
        reject(broken);
      };
    });
    this.#breakers.add(stop);
    const cancel = clock.after(operationMs, () => {
      broken = this.#noAnswer(what);
      this.lost(broken.message);
    });
    try {
      return await Promise.race([work(), gone]);
    } catch (thrown) {
      if (broken !== undefined) throw broken;
      const { message } = asIotError(thrown);
      throw new IotError('E_PROVIDER', `${what}: peripheral ${this.id}: ${message}`, { cause: thrown });
    } finally {
      cancel();
      this.#breakers.delete(stop);
    }
  }

  /** Nothing may be asked on a connection on which an answer is missing (Core specification, Vol 3 Part F 3.3.3). */
  #noAnswer(what: string): IotError {
    const why = `no answer within ${this.timing.operationMs / 1000} s`;
    void this.radio.disconnect(this.id).catch(() => {});
    return new IotError('E_TIMEOUT', `${what}: peripheral ${this.id}: ${why}`);
  }
}
