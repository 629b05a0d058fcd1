import { IotError } from '../errors.js';

/** `asm-generic/errno-base.h`. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  16: 'EBUSY',
  19: 'ENODEV',
  22: 'EINVAL',
  25: 'ENOTTY',
};

/** Nothing has failed: there was nothing to read, or a signal came first. */
export function isPassing(errno: number): boolean {
  return ['EAGAIN', 'EINTR'].includes(errnoName(errno));
}

export function errnoName(errno: number): string {
  return NAMES[errno] ?? `error ${errno}`;
}

/** What a failed call on a chip or line means to whoever configured it. `what`: "line LED (17 of gpiochip0)". */
export function systemError(errno: number, what: string, heldBy?: string): IotError {
  const name = errnoName(errno);
  switch (name) {
    case 'EBUSY': {
      const owner = heldBy === undefined || heldBy === '' ? 'by another program' : `by "${heldBy}"`;
      return new IotError('E_BUSY', `${what} is in use ${owner}`, {
        hint: 'stop that program, or take the line out of the binding; gpioinfo (package gpiod) shows who holds what',
      });
    }
    case 'EPERM':
    case 'EACCES':
      return new IotError('E_UNAVAILABLE', `${what} may not be used by this user (${name})`, {
        hint: 'sudo usermod -aG gpio $USER, then log in again',
      });
    case 'ENODEV':
    case 'ENXIO':
      return new IotError('E_UNAVAILABLE', `${what} is gone (${name})`, { hint: 'iot-host doctor' });
    default:
      return new IotError('E_PROVIDER', `${what}: the kernel says ${name}`, { hint: 'iot-host doctor' });
  }
}
