import { IotError } from '../../../base/errors.js';
import { errnoName } from '../../../base/linux/errno.js';
import { libc } from '../../../base/linux/libc.js';
import type { Rs485 } from '../contract.js';

/** `asm-generic/ioctls.h` and `linux/serial.h`. */
const TIOCSRS485 = 0x542f;
const FLAG = { enabled: 1, rtsOnSend: 2, rtsAfterSend: 4, receiveWhileSending: 16 } as const;
const STRUCT_BYTES = 32;

/** `struct serial_rs485`. */
export function rs485Struct(settings: Rs485): Uint8Array {
  const { rtsOnSend, delayBeforeMs, delayAfterMs, receiveWhileSending } = settings;
  const bytes = new Uint8Array(STRUCT_BYTES);
  const fields = new DataView(bytes.buffer);
  const flags =
    FLAG.enabled |
    (rtsOnSend ? FLAG.rtsOnSend : FLAG.rtsAfterSend) |
    (receiveWhileSending ? FLAG.receiveWhileSending : 0);
  fields.setUint32(0, flags, true);
  fields.setUint32(4, delayBeforeMs, true);
  fields.setUint32(8, delayAfterMs, true);
  return bytes;
}

/** Lets the driver switch an RS-485 transceiver. Throws E_UNAVAILABLE where it cannot. */
export function enableRs485(fd: number, path: string, settings: Rs485): void {
  const system = libc();
  if (system.ioctl(fd, TIOCSRS485, rs485Struct(settings)) >= 0) return;
  const why = errnoName(system.errno());
  throw new IotError('E_UNAVAILABLE', `the driver of ${path} does not switch RS-485 transceivers (${why})`, {
    hint: 'use an adapter that switches by itself and leave rs485: out, or a port whose driver does',
  });
}
