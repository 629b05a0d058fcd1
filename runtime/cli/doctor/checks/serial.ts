import { isUsb, type UsbPort } from '../../../index.js';
import { checkNode } from '../device-node.js';
import { type Check, type Finding, fail, ok, warn } from '../finding.js';
import type { Machine } from '../machine.js';
import { providersOf, type Subject } from '../subject.js';

const CONTRACT = 'iot:serial';
const FOLDERS = 'config.txt and cmdline.txt are in /boot/firmware (before Raspberry Pi OS 12: /boot)';

/** The serial ports that bindings use: of the board, of the providers' settings, on USB. */
export const checkSerial: Check = async (machine, subject) => {
  const uses = subject.uses.filter(({ kind }) => kind === 'port');
  const providers = providersOf(subject, CONTRACT);
  const real = uses.filter(({ provider }) =>
    providers.some(({ name, implementation }) => name === provider && implementation !== 'sim'),
  );
  if (uses.length === 0 && providers.every(({ implementation }) => implementation !== 'sim'))
    return [ok('serial', 'no binding uses a port')];
  if (real.length === 0) return [ok('serial', 'simulated ports')];
  if ((await machine.packageFolder('serialport')) === undefined) {
    const fix = 'npm install serialport, in the folder where iot-host is installed';
    return [fail('serial', 'the package serialport is not installed', fix)];
  }
  const findings: Finding[] = [];
  for (const use of real) findings.push(await checkPort(use, machine, subject));
  return findings;
};

/** Where the provider looks for a port: what its settings say comes before the board. */
function placeOf({ name, provider }: Subject['uses'][number], subject: Subject): unknown {
  const { ports } = subject.board;
  const settings = providersOf(subject, CONTRACT).find((one) => one.name === provider)?.settings.ports;
  const own = typeof settings === 'object' && settings !== null && Object.hasOwn(settings, name);
  if (own) return (settings as Record<string, unknown>)[name];
  return Object.hasOwn(ports, name) ? ports[name] : undefined;
}

async function checkPort(use: Subject['uses'][number], machine: Machine, subject: Subject): Promise<Finding> {
  const { name, actor } = use;
  const place = placeOf(use, subject) as { path?: unknown; usb?: unknown; enable?: string } | undefined;
  const what = `port ${name} of ${actor}`;
  if (typeof place?.usb === 'string') return checkUsb(what, place.usb, machine);
  if (typeof place?.path !== 'string') {
    const fix = `name it under ports: of the provider ${CONTRACT}, or take one that iot-host board show lists`;
    return fail('serial', `there is no ${what}`, fix);
  }
  const { path, enable } = place;
  const missing =
    enable === undefined
      ? `plug it in, or correct the path: ls /dev/serial/by-id shows those on USB`
      : `${enable}; then sudo reboot\n${FOLDERS}`;
  return checkNode('serial', `${what} (${path})`, path, missing, machine);
}

async function checkUsb(what: string, id: string, machine: Machine): Promise<Finding> {
  const all = await machine.usbPorts();
  const [found, ...others] = all.filter((port) => isUsb(port, id));
  if (found === undefined) {
    const there = all.map((port) => `${idOf(port)} (${port.path})`).join(', ');
    const fix = `plug it in${there === '' ? '; lsusb shows what the machine sees' : `, or name one of those: ${there}`}`;
    return fail('serial', `${what} is not there: no serial adapter ${id} is plugged in`, fix);
  }
  if (others.length > 0) {
    const text = `${what}: ${others.length + 1} adapters are ${id}, and ${found.path} is taken`;
    const fix = `say which: ${[found, ...others].map((port) => `usb: "${idOf(port)}"`).join(' or ')}\nwhere they have no number of their own: path: of a link in /dev/serial/by-path`;
    return warn('serial', text, fix);
  }
  return checkNode('serial', `${what} (USB ${id}, ${found.path})`, found.path, 'plug it in again', machine);
}

const idOf = ({ vendor, product, serial }: UsbPort) =>
  `${vendor}:${product}${serial === '' ? '' : `:${serial}`}`;
