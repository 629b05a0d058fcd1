import type { MessagePort } from 'node:worker_threads';
import { asIotError, IotError } from '../../base/errors.js';
import {
  ANSWERED,
  type EngineId,
  type HostCall,
  type HostCallReply,
  MAX_ONE_WAY_CALLS,
  type OneWayCall,
} from './protocol.js';

/** Answers the host calls of one engine; bound to the actor in it, so a call needs to name nobody. */
export type HostCallHandler = (call: OneWayCall) => Promise<Uint8Array>;

/** Host calls of one engine that may still be under way after its guest has given up waiting for them. */
const MAX_WAITING_HOST_CALLS = 16;
/** Of one-way calls, which come in batches; those beyond are dropped. */
const MAX_WAITING_ONE_WAY_CALLS = MAX_WAITING_HOST_CALLS + 2 * MAX_ONE_WAY_CALLS;

/** The main thread's end of the host calls that a cell does not answer itself. */
export class HostCalls {
  readonly #shared: Int32Array;
  readonly #replies: MessagePort;
  readonly #answered: () => void;
  readonly #owners = new Map<EngineId, HostCallHandler>();
  /** Host calls under way, by engine. */
  readonly #waiting = new Map<EngineId, number>();

  constructor(shared: Int32Array, replies: MessagePort, answered: () => void) {
    this.#shared = shared;
    this.#replies = replies;
    this.#answered = answered;
  }

  add(engine: EngineId, handler: HostCallHandler): void {
    this.#owners.set(engine, handler);
  }

  /** False when it was not there. */
  remove(engine: EngineId): boolean {
    return this.#owners.delete(engine);
  }

  /** The cell waits for the answer. */
  answer(call: HostCall): void {
    const { serial } = call;
    const send = (reply: { reply: Uint8Array } | { error: ReturnType<IotError['toJSON']> }) => {
      this.#replies.postMessage({ serial, ...reply } satisfies HostCallReply);
      Atomics.add(this.#shared, ANSWERED, 1);
      Atomics.notify(this.#shared, ANSWERED);
      this.#answered();
    };
    this.#perform(call, MAX_WAITING_HOST_CALLS).then(
      (reply) => send({ reply }),
      (thrown: unknown) => send({ error: asIotError(thrown, 'E_PROVIDER').toJSON() }),
    );
  }

  /** Nobody waits for what becomes of them. */
  perform(calls: readonly OneWayCall[]): void {
    for (const call of calls) this.#perform(call, MAX_WAITING_ONE_WAY_CALLS).catch(() => undefined);
  }

  close(): void {
    this.#replies.close();
  }

  async #perform(call: OneWayCall, limit: number): Promise<Uint8Array> {
    const { engine } = call;
    const owner = this.#owners.get(engine);
    if (owner === undefined) throw new IotError('E_NOT_RUNNING', 'the engine was unloaded');
    const waiting = this.#waiting.get(engine) ?? 0;
    if (waiting >= limit) {
      throw new IotError('E_QUEUE_FULL', `${waiting} host calls of the actor have not been answered yet`);
    }
    this.#waiting.set(engine, waiting + 1);
    try {
      return await owner(call);
    } finally {
      const left = (this.#waiting.get(engine) ?? 1) - 1;
      if (left === 0) this.#waiting.delete(engine);
      else this.#waiting.set(engine, left);
    }
  }
}
