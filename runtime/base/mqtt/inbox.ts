import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket } from 'mqtt';
import { asIotError } from '../errors.js';
import { wasNotTaken } from '../offer.js';

/** Messages handed to one actor before the first of them was handled: enough to keep its cell busy. */
const WINDOW = 32;
/** Pauses before a message that the actor could not take is offered again, in milliseconds. */
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 1_000;

/** Hands one message to the actor, in the order of the calls; rejects as `Deliver` says. */
export type Handle = (packet: IPublishPacket) => Promise<unknown>;

export interface InboxEvents {
  /** Whether the actor may see `topic`. */
  allows(topic: string): boolean;
  /** A message came that will not be offered again although the actor did not handle it well. */
  dropped(topic: string, why: string): void;
  /** The actor had it and failed. */
  failed(topic: string, why: string): void;
}

interface Offer {
  readonly packet: IPublishPacket;
  /** In the order of arrival. */
  readonly place: number;
  settle: (handled: boolean) => void;
}

/**
 * Hands messages to one actor in the order in which they come, some at a time. Once the actor cannot take one, that and
 * all behind it wait, and are offered again one after the other: so the order is kept.
 */
export class Inbox {
  readonly #closing = new AbortController();
  readonly #pending = new Set<Promise<boolean>>();
  /** Those that wait, first come first. */
  readonly #refused: Offer[] = [];
  #retrying = false;
  #lastPlace = 0;
  #roomMade: (() => void) | undefined;

  constructor(
    private handle: Handle,
    private readonly events: InboxEvents,
  ) {}

  redirect(handle: Handle): void {
    this.handle = handle;
  }

  /** Whether nothing more should be taken until `room` resolves. */
  get full(): boolean {
    return this.#pending.size >= WINDOW || this.#closing.signal.aborted;
  }

  /** Resolves when the inbox is not full; never once it is closed. One caller at a time. */
  async room(): Promise<void> {
    while (this.full) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
  }

  /** Resolves with true once the packet has been handled, with false when the inbox closed before. */
  take(packet: IPublishPacket): Promise<boolean> {
    if (this.#closing.signal.aborted) return Promise.resolve(false);
    this.#lastPlace += 1;
    const offer: Offer = { packet, place: this.#lastPlace, settle: () => {} };
    const handled = new Promise<boolean>((resolve) => {
      offer.settle = resolve;
    }).finally(() => {
      this.#pending.delete(handled);
      this.#roomMade?.();
    });
    this.#pending.add(handled);
    if (this.#retrying) this.#refused.push(offer);
    else void this.#offer(offer);
    return handled;
  }

  /** Takes nothing more, and waits at most `ms` for the actor to finish with what it has. */
  async close(ms: number): Promise<void> {
    this.#closing.abort();
    for (const { settle } of this.#refused.splice(0)) settle(false);
    const late = new AbortController();
    const timeout = sleep(ms, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#pending), timeout]);
    late.abort();
  }

  /** Resolves when the actor is done with it, or cannot take it (false): then it waits. */
  async #offer(offer: Offer): Promise<boolean> {
    const { packet, settle } = offer;
    if (!this.events.allows(packet.topic)) {
      this.events.dropped(packet.topic, 'not granted');
      settle(true);
      return true;
    }
    try {
      await this.handle(packet);
    } catch (thrown) {
      const error = asIotError(thrown);
      if (wasNotTaken(error)) {
        this.#wait(offer);
        return false;
      }
      this.events.failed(packet.topic, error.message);
    }
    settle(true);
    return true;
  }

  #wait(offer: Offer): void {
    if (this.#closing.signal.aborted) {
      offer.settle(false);
      return;
    }
    // One that came earlier may be refused later: when the actor is stopped with it in its queue.
    const behind = this.#refused.findIndex(({ place }) => place > offer.place);
    this.#refused.splice(behind < 0 ? this.#refused.length : behind, 0, offer);
    if (!this.#retrying) void this.#retry();
  }

  async #retry(): Promise<void> {
    this.#retrying = true;
    const { signal } = this.#closing;
    let pause = MIN_RETRY_MS;
    while (this.#refused.length > 0) {
      if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
      const next = this.#refused.shift();
      // Closed meanwhile.
      if (next === undefined) break;
      const taken = await this.#offer(next);
      pause = taken ? 0 : Math.min(Math.max(pause * 2, MIN_RETRY_MS), MAX_RETRY_MS);
    }
    this.#retrying = false;
  }
}
