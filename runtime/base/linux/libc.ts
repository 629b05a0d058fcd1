import { createRequire } from 'node:module';
import { IotError } from '../errors.js';

/** What of the C library the character device needs. Every call is synchronous and returns -1 on failure. */
export interface Libc {
  open(path: string, flags: number): number;
  close(fd: number): number;
  /** `argument` is read and written. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  read(fd: number, into: Uint8Array, length: number): number;
  write(fd: number, from: Uint8Array, length: number): number;
  /** `fds`: an array of `struct pollfd`. Returns how many of them have something. */
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  /**
   * Calls `ready` from the event loop whenever the descriptor has input, an error or its end, until the poll is
   * closed. Keeps no process alive. Sets O_NONBLOCK. Throws E_UNAVAILABLE where koffi
   * is too old, and what it throws when the descriptor cannot be waited for.
   */
  watch(fd: number, ready: () => void): Poll;
  /** Of the last call that failed, in this thread. */
  errno(): number;
  /** Lets the other threads that are ready go first. */
  schedYield(): number;
}

/** A descriptor that is waited for; it is to be closed after this. */
export interface Poll {
  close(): void;
}

interface Koffi {
  load(path: string | null): { func(declaration: string): unknown };
  /** None before koffi 2.15; not in its documentation, but in its types. */
  readonly node?: { poll(fd: number, callback: () => void): Poll & { unref(): void } };
  errno(): number;
}

let loaded: Libc | undefined;

/** Loads koffi on first use. Throws what `require` throws when the package is not installed. */
export function libc(): Libc {
  if (loaded !== undefined) return loaded;
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  // The process has the C library open already, whichever it is.
  const library = koffi.load(null);
  const func = <K extends keyof Libc>(declaration: string) => library.func(declaration) as Libc[K];
  loaded = {
    open: func<'open'>('int open(const char *path, int flags)'),
    close: func<'close'>('int close(int fd)'),
    ioctl: func<'ioctl'>('int ioctl(int fd, unsigned long request, void *argument)'),
    read: func<'read'>('long read(int fd, void *into, size_t length)'),
    write: func<'write'>('long write(int fd, void *from, size_t length)'),
    poll: func<'poll'>('int poll(void *fds, unsigned long count, int timeout)'),
    watch: (fd, ready) => {
      if (koffi.node?.poll === undefined) {
        throw new IotError('E_UNAVAILABLE', 'this version of koffi cannot wait for a descriptor', {
          hint: 'npm install koffi@3, in the folder where iot-host is installed',
        });
      }
      // Called out of libuv as it is: what throws there is lost, and promises would wait for the next one who comes.
      // Immediates come next in the same turn, with all that belongs to a callback of Node.
      const poll = koffi.node.poll(fd, () => void setImmediate(ready));
      poll.unref();
      return poll;
    },
    errno: () => koffi.errno(),
    schedYield: func<'schedYield'>('int sched_yield()'),
  };
  return loaded;
}
