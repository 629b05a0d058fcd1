import { existsSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import type { Noble } from './api.js';

/**
 * Takes the kernel's adapter for this program alone (HCI user channel, CAP_NET_ADMIN): it has to be down, with no
 * bluetoothd to switch it on again. Otherwise the kernel keeps books of the same connections, and what the packages do
 * behind its back (@stoprocent/noble resets the controller before a first connection) makes the two differ.
 */
export const Exclusive = z.boolean().default(false);

/**
 * Never collected: both packages close their descriptor when they are, by its number, which may be somebody else's open
 * file by then (@stoprocent/bluetooth-hci-socket 2.3, @abandonware/bluetooth-hci-socket 0.5).
 */
const all: Noble[] = [];

/**
 * Opens the adapter and leaves the signals of the process to the host: the packages would end it at SIGINT. `ofKernel`:
 * it is no serial port, of which there may be many, one after the other.
 */
export function openAdapter(open: () => Noble, ofKernel: boolean): Opened {
  const signals = process.listeners('SIGINT');
  const exits = process.listeners('exit');
  try {
    const noble = open();
    if (ofKernel) all.push(noble);
    void noble.state;
    return { noble, goodbyes: process.listeners('exit').filter((listener) => !exits.includes(listener)) };
  } finally {
    for (const listener of process.listeners('SIGINT')) {
      if (!signals.includes(listener)) process.removeListener('SIGINT', listener);
    }
  }
}

export interface Opened {
  readonly noble: Noble;
  /** What the package does at the end of the process. */
  readonly goodbyes: readonly NodeJS.ExitListener[];
}

export function closeAdapter({ noble, goodbyes }: Opened): void {
  for (const event of ['stateChange', 'discover', 'scanStart', 'scanStop', 'warning']) {
    noble.removeAllListeners(event);
  }
  for (const goodbye of goodbyes) process.removeListener('exit', goodbye);
  noble.stop();
}

/** Says so when the kernel has no such adapter; `undefined` when it has. */
export function missingAdapter(adapter: string, folder = '/sys/class/bluetooth'): string | undefined {
  const adapters = existsSync(folder) ? readdirSync(folder).filter((name) => /^hci\d+$/.test(name)) : [];
  if (adapters.includes(adapter)) return undefined;
  if (adapters.length > 0) return `there is no adapter ${adapter}, only ${adapters.sort().join(', ')}`;
  return 'the kernel has no Bluetooth adapter: plug one in, or take dtoverlay=disable-bt out of config.txt';
}

/** What a person can do about an adapter that is not on; `undefined` when it is, or may still be starting. */
export function adapterProblem(adapter: string, state: string, isNew: boolean): string | undefined {
  switch (state) {
    case 'poweredOn':
      return undefined;
    case 'poweredOff':
      // How a controller on a serial port begins, too.
      if (isNew) return undefined;
      if (adapter.startsWith('/')) return `no Bluetooth controller answers at ${adapter}`;
      return `adapter ${adapter} is off: rfkill unblock bluetooth && hciconfig ${adapter} up`;
    case 'unauthorized':
      return `this user may not use adapter ${adapter}: it takes CAP_NET_RAW (setcap, or the service's AmbientCapabilities)`;
    case 'unsupported':
      return (
        missingAdapter(adapter) ??
        `adapter ${adapter} may not be opened by this user, is up although \`exclusive\` is set, or has no Bluetooth LE`
      );
    default:
      return isNew ? undefined : `adapter ${adapter} does not answer`;
  }
}

/** Core specification, Vol 1 Part F 1.3: the codes that connections end with. */
const REASONS: Readonly<Record<number, string>> = {
  8: 'connection timeout',
  19: 'closed by the peripheral',
  20: 'the peripheral is low on resources',
  21: 'the peripheral is switching off',
  22: 'closed by this side',
  59: 'connection parameters refused',
  62: 'connection could not be established',
};

export function disconnectReason(reason: unknown): string {
  if (typeof reason !== 'number') return typeof reason === 'string' ? reason : 'unknown';
  return REASONS[reason] ?? `HCI reason 0x${reason.toString(16)}`;
}
