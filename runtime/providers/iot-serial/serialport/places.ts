import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

/** `0403:6001`, or with the serial number of one adapter: `0403:6001:A6008isP`. */
const UsbId = z.string().regex(/^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(:[^:]{1,126})?$/);

/** Where a port is: a device node, or a USB adapter wherever it is plugged in. */
export const Place = z.union([
  z.strictObject({ path: z.string().startsWith('/dev/') }),
  z.strictObject({ usb: UsbId }),
]);
export type Place = z.infer<typeof Place>;

interface UsbDevice {
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
}

/** `ttyUSB2` comes before `ttyUSB10`. */
const { compare: byNumber } = new Intl.Collator('en', { numeric: true });

/** The device node of a USB serial adapter, by what the kernel shows under /sys; `undefined` while it is not there. */
export async function findUsb(id: string, sys = '/sys'): Promise<string | undefined> {
  const [vendor = '', product = '', ...rest] = id.split(':');
  const serial = rest.length === 0 ? undefined : rest.join(':');
  const folder = join(sys, 'class/tty');
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((tty) => /^tty(USB|ACM)\d+$/.test(tty)).sort(byNumber)) {
    const device = await usbDeviceOf(join(folder, name, 'device'));
    if (device === undefined) continue;
    const same = device.vendor === vendor.toLowerCase() && device.product === product.toLowerCase();
    if (same && (serial === undefined || device.serial === serial)) return `/dev/${name}`;
  }
  return undefined;
}

/** The USB device that an interface belongs to is the first folder upwards that says which vendor made it. */
async function usbDeviceOf(link: string): Promise<UsbDevice | undefined> {
  let at = await realpath(link).catch(() => undefined);
  for (let steps = 0; at !== undefined && steps < 6 && at !== dirname(at); steps++) {
    const folder = at;
    const read = (file: string) =>
      readFile(join(folder, file), 'utf8').then(
        (text) => text.trim(),
        () => '',
      );
    const vendor = await read('idVendor');
    if (vendor !== '') return { vendor, product: await read('idProduct'), serial: await read('serial') };
    at = dirname(at);
  }
  return undefined;
}
