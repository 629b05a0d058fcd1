import { setTimeout as sleep } from 'node:timers/promises';
import type { Deliver } from '../../base/contract.js';
import { nextPause, offer } from '../../base/offer.js';

/** Messages that wait for one actor before its port is read no further. */
const HIGH_WATER = 64;
const LOW_WATER = 16;

export interface DeliveryEvents {
  /** The actor cannot keep up: stop reading. */
  full(): void;
  roomy(): void;
  /** The actor had it and failed. */
  failed(operation: string, why: string): void;
}

/** Hands messages to one actor in order, one after the other; what it cannot take now is offered until it can. */
export class Delivery {
  private readonly queue: { readonly operation: string; readonly message: unknown }[] = [];
  private readonly closing = new AbortController();
  private working = false;
  private isFull = false;

  constructor(
    private deliver: Deliver,
    private readonly events: DeliveryEvents,
  ) {}

  redirect(deliver: Deliver): void {
    this.deliver = deliver;
  }

  push(operation: string, message: unknown): void {
    if (this.closing.signal.aborted) return;
    this.queue.push({ operation, message });
    if (!this.isFull && this.queue.length >= HIGH_WATER) {
      this.isFull = true;
      this.events.full();
    }
    if (!this.working) void this.work();
  }

  close(): void {
    this.closing.abort();
    this.queue.length = 0;
  }

  private async work(): Promise<void> {
    this.working = true;
    const failed = (operation: string, why: string) => this.events.failed(operation, why);
    let pause = nextPause();
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const taken = await offer(this.deliver, next.operation, next.message, failed);
      if (this.closing.signal.aborted) break;
      if (taken) {
        this.queue.shift();
        pause = nextPause();
        if (this.isFull && this.queue.length <= LOW_WATER) {
          this.isFull = false;
          this.events.roomy();
        }
        continue;
      }
      await sleep(pause, undefined, { signal: this.closing.signal }).catch(() => {});
      pause = nextPause(pause);
    }
    this.working = false;
  }
}
