import { createRequire } from 'node:module';

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
  eventfd(initial: number, flags: number): number;
  /** Of the last call that failed, in this thread. */
  errno(): number;
}

interface Koffi {
  load(path: string | null): { func(declaration: string): unknown };
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
    eventfd: func<'eventfd'>('int eventfd(unsigned int initial, int flags)'),
    errno: () => koffi.errno(),
  };
  return loaded;
}
