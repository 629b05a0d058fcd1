import { counted } from '../../base/counted.js';
import { IotError } from '../../base/errors.js';
import type { Outcome } from '../cell/cell.js';
import { CallCounters, turnTime } from '../counters.js';
import { monotonicMs } from '../monotonic.js';

/** One message on its way through an actor. */
export interface Message {
  /** Where it comes from: reaches only a module that claims this contract. */
  readonly contract?: string | undefined;
  readonly operation: string;
  readonly payload: Uint8Array;
  /** When its sender gives up, by `monotonicMs`. */
  readonly until?: number | undefined;
  resolve(reply: Uint8Array): void;
  reject(error: IotError): void;
}

/** Where messages go now; `send` settles exactly once. */
export interface Sink {
  send(message: Message, settle: (outcome: Outcome) => void): void;
}

export interface IntakeHooks {
  handled(message: Message): void;
  failed(message: Message, error: IotError): void;
  /**
   * The engine behind the sink is spent. Return true to have the message offered again to whatever comes next
   * (a module in probation must not lose one), false when it counts as handled, badly.
   */
  fault(error: IotError): boolean;
}

/** A message with its place in the order of arrival. */
interface Placed {
  readonly place: number;
  readonly message: Message;
  /** When it came, by the monotonic clock in milliseconds. */
  readonly at: number;
}

/** Messages handed to a cell before the first answer: enough to hide the thread's wake-up, few enough to drain fast. */
const WINDOW = 32;

/**
 * The actor's bounded queue. Order is kept over faults and swaps: what an ended engine never began goes back to the
 * front, in the order in which it came.
 */
export class Intake {
  readonly #limit: number;
  readonly #hooks: IntakeHooks;
  #queue: Placed[] = [];
  #requeued: Placed[] = [];
  #lastPlace = 0;
  #inFlight = 0;
  #sink: Sink | undefined;
  #drained: (() => void)[] = [];
  #held = false;
  readonly counters = new CallCounters();

  constructor(limit: number, hooks: IntakeHooks) {
    this.#limit = limit;
    this.#hooks = hooks;
  }

  get handledCount(): number {
    return this.counters.handled;
  }

  get failedCount(): number {
    return this.counters.failed;
  }

  get length(): number {
    return this.#queue.length + this.#requeued.length + this.#inFlight;
  }

  push(actor: string, message: Message): void {
    if (this.length >= this.#limit) {
      this.counters.refuse('E_QUEUE_FULL');
      const hint = 'raise limits.queue of the actor, or send more slowly';
      message.reject(
        new IotError('E_QUEUE_FULL', `${actor} has ${counted(this.#limit, 'message')} waiting`, { hint }),
      );
      return;
    }
    this.#lastPlace += 1;
    this.#queue.push({ place: this.#lastPlace, message, at: turnTime() });
    this.#pump();
  }

  /** Messages flow into `sink` from now on. */
  open(sink: Sink): void {
    this.#sink = sink;
    this.#pump();
  }

  /** For good: of what is not under way only messages of other actors get through, which wait for them. */
  hold(): void {
    this.#held = true;
  }

  get busy(): boolean {
    return this.#inFlight > 0;
  }

  /** Resolves when nothing is under way, as may be the case for a moment only. */
  async idle(): Promise<void> {
    if (this.busy) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Messages wait from now on. */
  close(): void {
    this.#sink = undefined;
  }

  /** Closes, and resolves when every message under way has come back. */
  async drain(): Promise<void> {
    this.close();
    await this.idle();
  }

  /** Its sender has given up: if it has not begun, it does not. */
  withdraw(message: Message, error: IotError): void {
    const stays = (placed: Placed) => placed.message !== message;
    const before = this.length;
    this.#queue = this.#queue.filter(stays);
    this.#requeued = this.#requeued.filter(stays);
    if (this.length === before) return;
    this.#refuse(message, error);
    this.#pump();
  }

  /** Refuses everything that waits. */
  rejectAll(error: IotError): void {
    const waiting = [...this.#requeued, ...this.#queue];
    this.#queue = [];
    this.#requeued = [];
    for (const { message } of waiting) this.#refuse(message, error);
  }

  #refuse(message: Message, error: IotError): void {
    this.counters.refuse(error.code);
    message.reject(error);
  }

  #pump(): void {
    // While some have come back, none goes before them: they first take their places again.
    while (this.#sink !== undefined && this.#requeued.length === 0 && this.#inFlight < WINDOW) {
      const next = this.#next();
      if (next === undefined) return;
      if (isLate(next.message)) {
        this.#refuse(next.message, new IotError('E_TIMEOUT', 'its sender had given up before its turn came'));
        continue;
      }
      this.#inFlight += 1;
      this.#sink.send(next.message, (outcome) => this.#settle(next, outcome));
    }
  }

  #next(): Placed | undefined {
    if (!this.#held) return this.#queue.shift();
    const at = this.#queue.findIndex(({ message }) => message.until !== undefined);
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0];
  }

  #settle(placed: Placed, outcome: Outcome): void {
    const { message, at } = placed;
    this.#inFlight -= 1;
    if (outcome.kind === 'reply') {
      this.counters.succeed(turnTime() - at, outcome.fuel);
      this.#hooks.handled(message);
      message.resolve(outcome.reply);
    } else if (outcome.kind === 'requeue') {
      this.close();
      this.#requeued.push(placed);
    } else if (outcome.fatal && this.#hooks.fault(outcome.error)) {
      this.close();
      this.#requeued.push(placed);
    } else {
      this.counters.fail(turnTime() - at, outcome.error.code);
      this.#hooks.failed(message, outcome.error);
      message.reject(outcome.error);
    }
    if (this.#inFlight === 0) {
      this.#queue = [...this.#requeued.sort((a, b) => a.place - b.place), ...this.#queue];
      this.#requeued = [];
      for (const resolve of this.#drained.splice(0)) resolve();
    }
    this.#pump();
  }
}

function isLate({ until }: Message): boolean {
  return until !== undefined && monotonicMs() >= until;
}
