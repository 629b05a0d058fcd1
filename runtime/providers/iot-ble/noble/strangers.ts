import type { EventEmitter } from 'node:events';
import { asIotError } from '../../../base/errors.js';
import type { Noble } from './api.js';

type Handler = (this: unknown, ...given: unknown[]) => unknown;
type Table = Map<string, unknown> | Set<string> | Record<string, unknown> | undefined;

/** Nobody's business; but strangers decide what is in there, and how much of it. */
interface Inside {
  readonly _peripherals?: Table;
  readonly _discoveredPeripherals?: Table;
  readonly _discoveredPeripheralUUids?: Table;
  readonly _services?: Table;
  readonly _characteristics?: Table;
  readonly _descriptors?: Table;
  readonly _bindings?: {
    readonly _addresses?: Table;
    readonly _addresseTypes?: Table;
    readonly _connectable?: Table;
    readonly scannable?: Table;
    readonly _hci?: { onSocketData?: Handler; readonly _socket?: EventEmitter };
    readonly _gap?: { parseServices?: Handler; readonly _discoveries?: Table };
  };
}

const NOTHING_SAID = {
  localName: undefined,
  txPowerLevel: undefined,
  manufacturerData: undefined,
};

/**
 * Both packages throw while they read certain bytes from the air, such as the extended advertisement `01 0a`, where
 * nobody catches it: whoever walks by could end the host. What cannot be read is left out, and told.
 */
export function guardAgainstStrangers(noble: Noble, tell: (text: string) => void): void {
  const { _hci: hci, _gap: gap } = (noble as Inside)._bindings ?? {};
  const read = hci?.onSocketData;
  const parse = gap?.parseServices;
  if (hci?._socket === undefined || read === undefined || gap === undefined || parse === undefined) {
    tell('this version of the package is not known: bytes from the air are read without a guard');
    return;
  }
  const guarded: Handler = (...given) => {
    try {
      return read.apply(hci, given);
    } catch (thrown) {
      return tell(`what came from the air cannot be read: ${asIotError(thrown).message}`);
    }
  };
  // The package takes it from here when it sets its socket up once more.
  hci.onSocketData = guarded;
  hci._socket.removeAllListeners('data');
  hci._socket.on('data', guarded);
  gap.parseServices = (...given) => {
    try {
      return parse.apply(gap, given);
    } catch (thrown) {
      tell(`an advertisement of ${given[0]} cannot be read: ${asIotError(thrown).message}`);
      return { ...NOTHING_SAID, serviceData: [], serviceUuids: [], serviceSolicitationUuids: [] };
    }
  };
}

/** Both packages remember every address that they ever heard, and phones change theirs every few minutes. */
export function forgetStranger(noble: Noble, id: string, address: string): void {
  const inside = noble as Inside;
  const { _bindings: bindings } = inside;
  const tables: readonly Table[] = [
    ...[inside._peripherals, inside._discoveredPeripherals, inside._discoveredPeripheralUUids],
    ...[inside._services, inside._characteristics, inside._descriptors],
    ...[bindings?._addresses, bindings?._addresseTypes, bindings?._connectable, bindings?.scannable],
  ];
  for (const table of tables) drop(table, id);
  drop(bindings?._gap?._discoveries, address);
}

function drop(table: Table, key: string): void {
  if (table instanceof Map || table instanceof Set) table.delete(key);
  else if (table !== undefined) delete table[key];
}
