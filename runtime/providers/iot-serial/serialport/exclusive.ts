import { libc } from '../../../base/linux/libc.js';

/** `asm-generic/ioctls.h`. */
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;

/**
 * Has the kernel refuse everybody else who opens the port (EBUSY), root excepted: the lock of the package is only
 * minded by programs that ask for it. Without koffi that lock has to do.
 */
export function setExclusive(fd: number, exclusive: boolean): void {
  try {
    libc().ioctl(fd, exclusive ? TIOCEXCL : TIOCNXCL, new Uint8Array(8));
  } catch {
    // koffi is not installed.
  }
}
