import { setTimeout as sleep } from 'node:timers/promises';
import type { Deliver } from '../../base/contract.js';
import { asIotError } from '../../base/errors.js';

/** Messages that wait for one actor before its port is read no further. */
const HIGH_WATER = 64;
const LOW_WATER = 16;
const MIN_RETRY_MS = 5;
const MAX_RETRY_MS = 500;

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
    let pause = MIN_RETRY_MS;
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const taken = await this.offer(next.operation, next.message);
      if (this.closing.signal.aborted) break;
      if (taken) {
        this.queue.shift();
        pause = MIN_RETRY_MS;
        if (this.isFull && this.queue.length <= LOW_WATER) {
          this.isFull = false;
          this.events.roomy();
        }
        continue;
      }
      await sleep(pause, undefined, { signal: this.closing.signal }).catch(() => {});
      pause = Math.min(pause * 2, MAX_RETRY_MS);
    }
    this.working = false;
  }

  private async offer(operation: string, message: unknown): Promise<boolean> {
    try {
      await this.deliver(operation, message);
    } catch (thrown) {
      const { code, message: why } = asIotError(thrown);
      if (code === 'E_QUEUE_FULL' || code === 'E_NOT_RUNNING') return false;
      this.events.failed(operation, why);
    }
    return true;
  }
}
