import type { IotError } from '../../base/errors.js';
import type { PlainValue } from '../../trust/cbor/value.js';
import { decodeReply, type Reply } from '../../trust/rpc/reply.js';

/** Counter of a reply that names no request, since the device could not read or would not believe it. */
const UNREAD = 0;

interface Waiter {
  readonly resolve: (result: PlainValue) => void;
  readonly reject: (error: IotError) => void;
}

/** Requests that wait for the reply with their counter. */
export class PendingReplies {
  private readonly waiting = new Map<number, Waiter>();

  /** Rejects with what `expired` makes when nothing came in `timeoutMs`. */
  wait(counter: number, timeoutMs: number, expired: () => IotError): Promise<PlainValue> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(counter)?.reject(expired()), timeoutMs);
      this.waiting.set(counter, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  /** One message on the response topic. What is no reply, or answers nothing that was asked, is passed over. */
  receive(payload: Uint8Array): void {
    let reply: Reply;
    try {
      reply = decodeReply(payload);
    } catch {
      return;
    }
    // Every request of this client is signed by the same key: what holds for one of them holds for all.
    if (reply.counter === UNREAD && 'error' in reply) this.rejectAll(reply.error);
    const waiter = this.settle(reply.counter);
    if ('error' in reply) waiter?.reject(reply.error);
    else waiter?.resolve(reply.result);
  }

  reject(counter: number, error: IotError): void {
    this.settle(counter)?.reject(error);
  }

  rejectAll(error: IotError): void {
    for (const counter of [...this.waiting.keys()]) this.reject(counter, error);
  }

  private settle(counter: number): Waiter | undefined {
    const waiter = this.waiting.get(counter);
    this.waiting.delete(counter);
    return waiter;
  }
}

let last = 0;

/**
 * A counter that is higher than any before it, also after a restart of the client: the clock in 1/2048 ms. The low
 * bits are random, so that two clients with one key hardly ever take the same.
 */
export function nextCounter(now: number = Date.now()): number {
  last = Math.max(last + 1, now * 2_048 + Math.floor(Math.random() * 2_048));
  return last;
}
