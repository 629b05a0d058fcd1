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
  perform(call: Omit<HostCall, 'serial'>, waitMs: number): Uint8Array | IotError {
    this.#serial = (this.#serial + 1) & 0x7fffffff;
    const serial = this.#serial;
    const until = performance.now() + waitMs;
    this.#post({ ...call, serial });
    for (;;) {
      const seen = Atomics.load(this.#shared, ANSWERED);
      if (seen === serial) return this.#take(serial);
      const left = until - performance.now();
      if (left <= 0) break;
      Atomics.wait(this.#shared, ANSWERED, seen, left);
    }
    const what = `${call.namespace} ${call.operation}`;
    return new IotError(
      'E_TIMEOUT',
      `${what} was not answered within what was left of the deadline (${Math.round(waitMs)} ms)`,
    );
  }

  #take(serial: number): Uint8Array | IotError {
    for (;;) {
      const received = receiveMessageOnPort(this.#replies) as { message: HostCallReply } | undefined;
      if (received === undefined) return new IotError('E_INTERNAL', 'host call was answered without a reply');
      const { message } = received;
      if (message.serial !== serial) continue;
      return 'reply' in message ? message.reply : IotError.from(message.error);
    }
  }
}
