import type { EventEmitter } from 'node:events';
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Noble, NoblePeripheral } from './api.js';

/** Nobody's business, but @abandonware/noble 1.9.2-26 cannot be helped otherwise. */
interface Hci extends EventEmitter {
  _userChannel: unknown;
  pollIsDevUp(): void;
  writeLeHostSupported(): void;
  readLeBufferSize(): void;
  readonly _socket: EventEmitter & { stop(): void; cleanup(): void; write(packet: Buffer): void };
}

export interface Abandoned extends Noble {
  readonly _bindings: EventEmitter & { readonly _hci: Hci };
  readonly _peripherals: Readonly<Record<string, NoblePeripheral>>;
}

/** Opens @abandonware/noble, with what it lacks: an adapter for itself alone, the event `mtu`, and `stop`. */
export function openAbandoned(open: () => Abandoned, exclusive: boolean): Noble {
  const before = hciSockets();
  const noble = open();
  const mine = hciSockets().filter((socket) => !before.includes(socket));
  const hci = noble._bindings._hci;
  if (exclusive) takeAlone(hci);
  noble._bindings.on('onMtu', (id: string, mtu: number) => noble._peripherals[id]?.emit('mtu', mtu));
  return Object.assign(noble, {
    stop() {
      hci.removeAllListeners();
      // It would look after its adapter once a second for ever.
      hci.pollIsDevUp = () => {};
      hci._socket.removeAllListeners();
      hci._socket.stop();
      // Else the kernel would keep a connection of which nothing was heard here.
      hci._socket.cleanup();
      // What it might still say would go to whoever has the same number by then.
      hci._socket.write = () => {};
      for (const socket of mine) closeSync(socket);
    },
  });
}

/** The option for it is not looked at, and nobody asks how much the adapter can hold: no data would ever be sent. */
function takeAlone(hci: Hci): void {
  hci._userChannel = true;
  hci.on('readLocalVersion', () => {
    hci.writeLeHostSupported();
    hci.readLeBufferSize();
  });
}

/**
 * The HCI sockets of this process, by their number. The package closes its own when it is collected only, and reaches
 * into freed memory then: until the end of the process nobody else would get an adapter that it has for itself.
 */
function hciSockets(): number[] {
  let inodes: (string | undefined)[];
  try {
    const [, ...lines] = readFileSync('/proc/net/hci', 'utf8').trimEnd().split('\n');
    inodes = lines.map((line) => line.trim().split(/\s+/)[5]);
  } catch {
    return [];
  }
  return readdirSync('/proc/self/fd').flatMap((name) => {
    const inode = /^socket:\[(\d+)\]$/.exec(target(name))?.[1];
    return inode !== undefined && inodes.includes(inode) ? [Number(name)] : [];
  });
}

/** `''` for the folder's own descriptor, which is closed again. */
function target(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return '';
  }
}
