import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A USB serial adapter that is plugged in. */
export interface UsbPort {
  /** Device node. */
  readonly path: string;
  /** Four hexadecimal digits each, in small letters. */
  readonly vendor: string;
  readonly product: string;
  /** Its serial number; empty where it has none. */
  readonly serial: string;
}

/** `ttyUSB2` comes before `ttyUSB10`. */
const { compare: byNumber } = new Intl.Collator('en', { numeric: true });

/** The USB serial adapters by what the kernel shows under /sys, the lowest number first. */
export async function usbPorts(sys = '/sys'): Promise<UsbPort[]> {
  const folder = join(sys, 'class/tty');
  const names = await readdir(folder).catch(() => []);
  const found: UsbPort[] = [];
  for (const name of names.filter((tty) => /^tty(USB|ACM)\d+$/.test(tty)).sort(byNumber)) {
    const device = await usbDeviceOf(join(folder, name, 'device'));
    if (device !== undefined) found.push({ path: `/dev/${name}`, ...device });
  }
  return found;
}

/** Whether an adapter is the one that is meant by `0403:6001`, or by `0403:6001:A6008isP` with its serial number. */
export function isUsb({ vendor, product, serial }: UsbPort, id: string): boolean {
  const [wantedVendor = '', wantedProduct = '', ...rest] = id.split(':');
  const same = vendor === wantedVendor.toLowerCase() && product === wantedProduct.toLowerCase();
  return same && (rest.length === 0 || serial === rest.join(':'));
}

/** The device node of a USB serial adapter; `undefined` while it is not there. */
export async function findUsb(id: string, sys = '/sys'): Promise<string | undefined> {
  return (await usbPorts(sys)).find((port) => isUsb(port, id))?.path;
}

/** The USB device that an interface belongs to is the first folder upwards that says which vendor made it. */
async function usbDeviceOf(link: string): Promise<Omit<UsbPort, 'path'> | undefined> {
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
