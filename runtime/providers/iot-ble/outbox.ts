import type { Deliver } from '../../base/contract.js';
import { nextPause, offer } from '../../base/offer.js';
import type { Advertisement } from './contract.js';
import type { Clock } from './timing.js';

/** Notifications that wait for one actor. */
const MAX_NOTIFICATIONS = 256;
/** Peripherals of which an advertisement waits for one actor. */
const MAX_ADVERTS = 64;
/** How often at most it is logged what had to be dropped. */
const REPORT_MS = 60_000;

interface Message {
  readonly operation: 'Advertisement' | 'Notification' | 'Disconnected';
  readonly message: object;
}

interface OutboxEvents {
  dropped(notifications: number, adverts: number): void;
  /** The actor had it and failed. */
  failed(operation: string, why: string): void;
}

/**
 * What waits for one actor, bounded: notifications and losses in order, then the newest advertisement of each
 * peripheral. What the actor cannot take now is offered until it can.
 */
export class Outbox {
  readonly #messages: Message[] = [];
  readonly #adverts = new Map<string, Advertisement>();
  #notifications = 0;
  #dropped = { notifications: 0, adverts: 0 };
  #reportDue: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #working = false;
  #closed = false;

  constructor(
    private deliver: Deliver,
    private readonly clock: Clock,
    private readonly events: OutboxEvents,
  ) {}

  redirect(deliver: Deliver): void {
    this.deliver = deliver;
  }

  advert(advert: Advertisement): void {
    // Moved to the end: the oldest is the first to go.
    this.#adverts.delete(advert.id);
    this.#adverts.set(advert.id, advert);
    if (this.#adverts.size > MAX_ADVERTS) {
      const [oldest] = this.#adverts.keys();
      if (oldest !== undefined) this.#adverts.delete(oldest);
      this.#drop('adverts');
    }
    this.#start();
  }

  notification(message: object): void {
    if (this.#notifications >= MAX_NOTIFICATIONS) {
      const oldest = this.#messages.findIndex(({ operation }) => operation === 'Notification');
      this.#messages.splice(oldest, 1);
      this.#notifications -= 1;
      this.#drop('notifications');
    }
    this.#notifications += 1;
    this.#messages.push({ operation: 'Notification', message });
    this.#start();
  }

  /** One waits for each peripheral at most: of two losses that an actor sleeps through the last one matters. */
  disconnected(message: { readonly id: string; readonly reason: string }): void {
    const same = this.#messages.findIndex(
      (waiting) =>
        waiting.operation === 'Disconnected' && (waiting.message as { id: string }).id === message.id,
    );
    if (same >= 0) this.#messages.splice(same, 1);
    this.#messages.push({ operation: 'Disconnected', message });
    this.#start();
  }

  /** Advertisements that have not been handed over are of no use to anybody any more. */
  forgetAdverts(): void {
    this.#adverts.clear();
  }

  close(): void {
    this.#closed = true;
    this.#messages.length = 0;
    this.#adverts.clear();
    this.#reportDue?.();
    this.#wake?.();
    this.#tellDropped();
  }

  #next(): Message | undefined {
    const message = this.#messages.shift();
    if (message !== undefined) {
      if (message.operation === 'Notification') this.#notifications -= 1;
      return message;
    }
    const [first] = this.#adverts;
    if (first === undefined) return undefined;
    this.#adverts.delete(first[0]);
    return { operation: 'Advertisement', message: first[1] };
  }

  #start(): void {
    if (!this.#working && !this.#closed) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const failed = (operation: string, why: string) => this.events.failed(operation, why);
      for (let pause = nextPause(); !this.#closed; pause = nextPause(pause)) {
        if (await offer(this.deliver, next.operation, next.message, failed)) break;
        await this.#sleep(pause);
      }
    }
    this.#working = false;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #drop(what: 'notifications' | 'adverts'): void {
    this.#dropped[what] += 1;
    this.#reportDue ??= this.clock.after(REPORT_MS, () => this.#tellDropped());
  }

  #tellDropped(): void {
    const { notifications, adverts } = this.#dropped;
    this.#reportDue = undefined;
    this.#dropped = { notifications: 0, adverts: 0 };
    if (notifications + adverts > 0) this.events.dropped(notifications, adverts);
  }
}
