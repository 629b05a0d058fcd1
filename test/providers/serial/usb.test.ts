import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findUsb } from '#runtime/providers/iot-serial/serialport/usb.js';

let sys: string;
beforeEach(async () => {
  sys = await mkdtemp(join(tmpdir(), 'iot-sys-'));
});
afterEach(() => rm(sys, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(sys, file)), { recursive: true });
  await writeFile(join(sys, file), `${text}\n`);
}

/** A USB adapter as the kernel shows it: class/tty/<tty>/device leads to its interface, below the device itself. */
async function adapter(tty: string, usb: string, id: string, serial?: string): Promise<void> {
  const device = `devices/platform/usb/usb1/${usb}`;
  const [vendor = '', product = ''] = id.split(':');
  await write(`${device}/idVendor`, vendor);
  await write(`${device}/idProduct`, product);
  if (serial !== undefined) await write(`${device}/serial`, serial);
  // A usb-serial port has a folder of its own below the interface; an ACM one has not.
  const below = tty.startsWith('ttyUSB') ? `${device}/${usb}:1.0/${tty}` : `${device}/${usb}:1.0`;
  await write(`${below}/uevent`, '');
  await mkdir(join(sys, 'class/tty', tty), { recursive: true });
  await symlink(join(sys, below), join(sys, 'class/tty', tty, 'device'));
}

describe('a port by USB id', () => {
  it('is found by vendor and product, and by serial number where two are alike', async () => {
    await adapter('ttyUSB0', '1-1.2', '0403:6001', 'A6008isP');
    await adapter('ttyUSB1', '1-1.3', '0403:6001', 'B:7');
    await adapter('ttyACM0', '1-1.4', '2341:0043', '5573932');
    expect(await findUsb('0403:6001', sys)).toBe('/dev/ttyUSB0');
    expect(await findUsb('0403:6001:A6008isP', sys)).toBe('/dev/ttyUSB0');
    expect(await findUsb('0403:6001:B:7', sys)).toBe('/dev/ttyUSB1');
    expect(await findUsb('2341:0043', sys)).toBe('/dev/ttyACM0');
    expect(await findUsb('0403:6001:other', sys)).toBeUndefined();
    expect(await findUsb('0403:6015', sys)).toBeUndefined();
  });

  it('is spelled in either case, and the lowest number counts where several are alike', async () => {
    for (const n of [10, 9, 2]) await adapter(`ttyUSB${n}`, `1-1.${n}`, '10c4:ea60');
    expect(await findUsb('10C4:EA60', sys)).toBe('/dev/ttyUSB2');
  });

  it('is not there without USB, nor for a port that is soldered on', async () => {
    expect(await findUsb('0403:6001', sys)).toBeUndefined();
    await write('devices/platform/serial8250/tty/ttyS0/uevent', '');
    await mkdir(join(sys, 'class/tty/ttyS0'), { recursive: true });
    await symlink(join(sys, 'devices/platform/serial8250'), join(sys, 'class/tty/ttyS0/device'));
    await mkdir(join(sys, 'class/tty/ttyUSB3'), { recursive: true });
    expect(await findUsb('0403:6001', sys)).toBeUndefined();
  });
});
