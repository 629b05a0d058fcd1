import { isPassing } from '../../../base/linux/errno.js';
import type { Libc, Poll } from '../../../base/linux/libc.js';
import { EVENT_BYTES, type LineEvent, readEvents } from './uapi.js';

/** Edges read at once; others have their turn then. */
const BATCH = 64;

export type OnEvents = (events: readonly LineEvent[]) => void;

interface Watch {
  readonly poll: Poll;
  readonly onEvents: OnEvents;
  readonly onEnd: (errno: number) => void;
}

/**
 * Waits for the edges of all lines of this process, in the event loop of its thread: a thread of its own would have to
 * wake this one for each edge, which costs more than all that is done here. The kernel keeps what comes meanwhile.
 */
export class Waiter {
  readonly #system: Libc;
  readonly #watches = new Map<number, Watch>();
  readonly #buffer = new Uint8Array(EVENT_BYTES * BATCH);

  constructor(system: Libc) {
    this.#system = system;
  }

  /**
   * Hands over what is read from `fd`, a batch at a time; `onEnd` when it cannot be read any more. Throws as
   * `Libc.watch`.
   */
  add(fd: number, onEvents: OnEvents, onEnd: (errno: number) => void): void {
    this.remove(fd);
    const poll = this.#system.watch(fd, () => {
      if (this.#watches.get(fd) === watch) this.#read(fd, watch);
    });
    const watch: Watch = { poll, onEvents, onEnd };
    this.#watches.set(fd, watch);
  }

  /** After this nothing is handed over, and `fd` may be closed and come back as another file. */
  remove(fd: number): void {
    const watch = this.#watches.get(fd);
    this.#watches.delete(fd);
    watch?.poll.close();
  }

  stop(): void {
    for (const fd of [...this.#watches.keys()]) this.remove(fd);
  }

  #read(fd: number, { onEvents, onEnd }: Watch): void {
    const length = Number(this.#system.read(fd, this.#buffer, this.#buffer.length));
    if (length > 0) {
      onEvents(readEvents(this.#buffer.subarray(0, length)));
      return;
    }
    const errno = length < 0 ? this.#system.errno() : 0;
    if (isPassing(errno)) return;
    // The chip has gone: it would be told for ever.
    this.remove(fd);
    onEnd(errno);
  }
}
