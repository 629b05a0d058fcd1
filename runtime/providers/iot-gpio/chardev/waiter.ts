import { Worker } from 'node:worker_threads';
import { IotError } from '../../../base/errors.js';
import { type Libc, libc } from '../../../base/linux/libc.js';
import type { LineEvent } from './uapi.js';
import type { WaitCommand, WaitedEvents, WaiterData } from './waiting.js';

/** `sys/eventfd.h`: EFD_CLOEXEC | EFD_NONBLOCK. */
const EVENTFD_FLAGS = 0o2000000 | 0o4000;
/** Longest wait for the thread to let go of a descriptor, in milliseconds: only its start takes time. */
const HANDOVER_MS = 5_000;

export type OnEvents = (events: readonly LineEvent[]) => void;

/** One thread that waits for the edges of all lines of this process. Started with the first line that is watched. */
export class Waiter {
  readonly #done = new SharedArrayBuffer(4);
  readonly #listeners = new Map<number, OnEvents>();
  readonly #watchOf = new Map<number, number>();
  #system: Libc | undefined;
  #wakeFd = -1;
  #worker: Worker | undefined;
  #sent = 0;
  #watches = 0;

  /** `onFailure`: the thread has ended by itself, and no edge is told any more. */
  constructor(private readonly onFailure: (error: Error) => void) {}

  /**
   * Hands over what is read from `fd`, a batch at a time. Batches that were read before `remove` may still come after
   * it, but never after the first one of a later watch.
   */
  add(fd: number, onEvents: OnEvents): void {
    this.#start();
    const watch = ++this.#watches;
    this.#listeners.set(watch, onEvents);
    this.#watchOf.set(fd, watch);
    this.#command({ do: 'add', fd, watch });
  }

  /** After this the thread has let go of `fd`: its number may be closed and come back as another file. */
  remove(fd: number): void {
    const watch = this.#watchOf.get(fd);
    if (watch === undefined) return;
    this.#watchOf.delete(fd);
    this.#command({ do: 'remove', fd });
    this.#awaitDone();
  }

  stop(): void {
    if (this.#worker === undefined) return;
    this.#command({ do: 'end' });
    this.#awaitDone();
    this.#worker = undefined;
    this.#system?.close(this.#wakeFd);
    this.#listeners.clear();
    this.#watchOf.clear();
  }

  #start(): void {
    if (this.#worker !== undefined) return;
    const system = libc();
    const fd = system.eventfd(0, EVENTFD_FLAGS);
    if (fd < 0) throw new IotError('E_PROVIDER', 'no descriptor is left to wait for edges with');
    this.#system = system;
    this.#wakeFd = fd;
    const workerData: WaiterData = { wakeFd: fd, done: this.#done };
    const worker = new Worker(new URL('./waiter-thread.js', import.meta.url), { workerData });
    worker.unref();
    worker.on('message', ({ watch, events, ended }: WaitedEvents) => {
      if (ended === true) this.#listeners.delete(watch);
      else this.#listeners.get(watch)?.(events);
    });
    worker.on('error', (error) => {
      this.#worker = undefined;
      this.onFailure(error);
    });
    this.#worker = worker;
  }

  #command(command: WaitCommand): void {
    this.#worker?.postMessage(command);
    this.#sent += 1;
    // The thread wakes from `poll` and fetches the command.
    this.#system?.write(this.#wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8);
  }

  #awaitDone(): void {
    const done = new Int32Array(this.#done);
    const until = performance.now() + HANDOVER_MS;
    for (let seen = Atomics.load(done, 0); seen < this.#sent; seen = Atomics.load(done, 0)) {
      const left = until - performance.now();
      if (left <= 0 || Atomics.wait(done, 0, seen, left) === 'timed-out') {
        throw new IotError('E_PROVIDER', 'the thread that waits for edges does not answer');
      }
    }
  }
}
