import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { IotError } from '../../base/errors.js';
import { ANSWERED, type HostCall, type HostCallReply } from './protocol.js';

/**
 * The cell's end of an awaited host call: the thread sleeps until the main thread has answered or the deadline of
 * the actor's call has come. Answers that come too late are recognised by their serial and dropped.
 */
export class AwaitedCalls {
  readonly #shared: Int32Array;
  readonly #replies: MessagePort;
  readonly #post: (call: HostCall) => void;
  #serial = 0;

  constructor(shared: Int32Array, replies: MessagePort, post: (call: HostCall) => void) {
    this.#shared = shared;
    this.#replies = replies;
    this.#post = post;
  }

  /** `waitMs`: what is left of the actor's deadline. */
  perform(call: Omit<HostCall, 'serial' | 'waitMs'>, waitMs: number): Uint8Array | IotError {
    const what = `${call.namespace} ${call.operation}`;
    // Nobody would read the answer, and a guest in a loop would flood the main thread.
    if (waitMs <= 0) return new IotError('E_TIMEOUT', `${what} came after the deadline of the actor's call`);
    this.#serial = (this.#serial + 1) & 0x7fffffff;
    const serial = this.#serial;
    const until = performance.now() + waitMs;
    let seen = Atomics.load(this.#shared, ANSWERED);
    this.#post({ ...call, serial, waitMs });
    for (;;) {
      const left = until - performance.now();
      if (left <= 0) break;
      Atomics.wait(this.#shared, ANSWERED, seen, left);
      const now = Atomics.load(this.#shared, ANSWERED);
      if (now === seen) continue;
      seen = now;
      // The count may have moved for a late answer to an earlier call, before or after this one's.
      const answer = this.#take(serial);
      if (answer !== undefined) return answer;
    }
    return new IotError(
      'E_TIMEOUT',
      `${what} was not answered within what was left of the deadline (${Math.round(waitMs)} ms)`,
    );
  }

  #take(serial: number): Uint8Array | IotError | undefined {
    for (;;) {
      const received = receiveMessageOnPort(this.#replies) as { message: HostCallReply } | undefined;
      if (received === undefined) return undefined;
      const { message } = received;
      if (message.serial !== serial) continue;
      return 'reply' in message ? message.reply : IotError.from(message.error);
    }
  }
}
