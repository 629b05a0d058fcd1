import { z } from 'zod';
import type { Noble } from './api.js';

/**
 * Takes the kernel's adapter for this program alone (HCI user channel): it has to be down, `hciconfig hci0 down`, with
 * no bluetoothd to switch it on again. Otherwise the kernel keeps books of the same connections; in the lab, where they
 * follow one another at once and all have the same handle, Linux 6.1 died of that.
 */
export const Exclusive = z.boolean().default(false);

/** Opens the adapter and leaves the signals of the process to the host: the packages would end it at SIGINT. */
export function openAdapter(open: () => Noble): Noble {
  const before = process.listeners('SIGINT');
  try {
    const noble = open();
    void noble.state;
    return noble;
  } finally {
    for (const listener of process.listeners('SIGINT')) {
      if (!before.includes(listener)) process.removeListener('SIGINT', listener);
    }
  }
}

/**
 * Never collected: @stoprocent/bluetooth-hci-socket 2.3 closes its descriptor when it is stopped and once more when it
 * is collected, by its number, which may be somebody else's open file by then.
 */
const retired: Noble[] = [];

export function closeAdapter(noble: Noble): void {
  for (const event of ['stateChange', 'discover', 'scanStart', 'scanStop', 'warning']) {
    noble.removeAllListeners(event);
  }
  if (noble.stop !== undefined) {
    noble.stop();
    retired.push(noble);
    return;
  }
  // @abandonware/noble has no such thing: it would look after its adapter once a second for ever.
  const hci = noble._bindings?._hci;
  if (hci === undefined) return;
  hci.pollIsDevUp = () => {};
  hci._socket?.stop?.();
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
      return `adapter ${adapter} is not there, may not be opened by this user, or has no Bluetooth LE`;
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
