import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { addressOf, names, peripheralId, shortUuid, UUID_TEXT } from './names.js';
import type { Place, ServiceInfo } from './radio.js';

/** Longest attribute value there is, in bytes (Core specification, Vol 3 Part F 3.2.9). */
const MAX_VALUE_BYTES = 512;
const MAX_SCAN_MS = 86_400_000;

const Uuid = z.string().regex(UUID_TEXT, 'not a UUID: 180d, or 128 bits in hex').transform(shortUuid);

/** What the actor may hear and whom it may talk to. What is missing means no. */
const Grant = z.strictObject({
  /** Whether it may listen to advertisements. */
  scan: z.boolean().default(false),
  /** Only advertisements of one of these services are told. */
  services: z.array(Uuid).min(1).max(64).optional(),
  /**
   * Peripherals it may connect to: addresses (`a4:c1:38:00:00:01`) or advertised names, either with `*` in place of
   * its end. Anybody may advertise any name; an address takes more effort to forge.
   */
  peripherals: z.array(z.string().min(1).max(64)).max(64).default([]),
  /** Whether it may write characteristics. */
  write: z.boolean().default(false),
});
export type Grant = z.infer<typeof Grant>;

/** `services`: of these only; `durationMs`: until `StopScan` without it. */
const Scan = z.object({
  services: z.array(Uuid).max(64).optional(),
  durationMs: z.int().min(1).max(MAX_SCAN_MS).optional(),
  /** Each advertisement of a peripheral, not the first one only. */
  duplicates: z.boolean().default(false),
});
export type Scan = z.infer<typeof Scan>;

/** What the actor gets. An empty list or text is left out. */
export interface Advertisement {
  /** Names the peripheral in every operation; its address does, too. */
  readonly id: string;
  readonly address: string;
  readonly name?: string | undefined;
  /** dBm. */
  readonly rssi: number;
  readonly manufacturerData?: Uint8Array | undefined;
  readonly serviceData?: readonly { readonly uuid: string; readonly data: Uint8Array }[] | undefined;
  readonly services?: readonly string[] | undefined;
}

/**
 * `iot:ble`: ← `Advertisement {id, address, name?, rssi, manufacturerData?, serviceData?, services?}`,
 * `Notification {id, service, characteristic, value}`, `Disconnected {id, reason}`. UUIDs are told in lower case,
 * without dashes, and short where they can be (`180d`); they may be given in any spelling.
 *
 * A peripheral belongs to one actor binding at a time, from `Connect` to `Disconnect` or `unbind`; a second one is
 * refused and told whose it is. One that is lost is connected to again by itself, after 1, 2, 5, 10, 30 and 60 seconds
 * and every 60 seconds from then on, until `Disconnect`; the actor is told once, its subscriptions are restored, and
 * what it asks meanwhile fails with E_PROVIDER. `Connect` in that time tries at once. A request under way when the
 * peripheral vanishes fails at once; one that is not answered in time fails with E_TIMEOUT and ends the connection, as
 * nothing may follow it there.
 * Several actors scan at the same time; each hears what its grant and its own `Scan` let through.
 * While an actor cannot keep up, of each peripheral only the newest advertisement waits, of notifications the newest
 * 256; what is dropped is counted and logged.
 * The actor's code may be swapped: connections, subscriptions and the scan stay for the new code to take up, by
 * asking for them again; what it has not taken up is ended.
 */
export interface Ble extends Provider<Grant> {
  /** Replaces an earlier scan of the same binding. */
  scan(session: Session<Grant>, scan: Scan): MaybePromise<void>;
  stopScan(session: Session<Grant>): MaybePromise<void>;
  /** Resolves when connected; at once when it is already. Rejects with E_NOT_GRANTED, E_BUSY, E_TIMEOUT, E_PROVIDER. */
  connect(session: Session<Grant>, id: string): Promise<void>;
  discover(session: Session<Grant>, id: string): Promise<ServiceInfo[]>;
  read(session: Session<Grant>, id: string, at: Place): Promise<Uint8Array>;
  write(
    session: Session<Grant>,
    id: string,
    at: Place,
    value: Uint8Array,
    withoutResponse: boolean,
  ): Promise<void>;
  subscribe(session: Session<Grant>, id: string, at: Place): Promise<void>;
  /** One that is not there is no error. */
  unsubscribe(session: Session<Grant>, id: string, at: Place): Promise<void>;
  /** A peripheral that is not connected is no error. */
  disconnect(session: Session<Grant>, id: string): Promise<void>;
}

/** Throws E_NOT_GRANTED unless the grant names the peripheral; `name`: as it advertises itself, if it has been heard. */
export function checkPeripheral(grant: Grant, id: string, name: string | undefined): void {
  const address = addressOf(id) ?? id;
  if (grant.peripherals.some((pattern) => names(pattern, address, name))) return;
  const who = name === undefined ? address : `${address} (${JSON.stringify(name)})`;
  throw new IotError('E_NOT_GRANTED', `peripheral ${who} is not granted`, {
    hint:
      name === undefined && grant.peripherals.length > 0
        ? 'one that is granted by its name has to be heard first: Scan, then Connect'
        : `add ${address} to peripherals: of the binding`,
  });
}

function mayScan({ scan }: Grant): void {
  if (scan) return;
  throw new IotError('E_NOT_GRANTED', 'scanning is not granted', { hint: 'scan: true in the binding' });
}

/** Names are known to the provider only, which asks `checkPeripheral`. */
function mayConnect({ peripherals }: Grant): void {
  if (peripherals.length > 0) return;
  throw new IotError('E_NOT_GRANTED', 'no peripheral is granted', {
    hint: 'name them under peripherals: of the binding',
  });
}

function mayWrite(grant: Grant): void {
  mayConnect(grant);
  if (grant.write) return;
  throw new IotError('E_NOT_GRANTED', 'writing is not granted', { hint: 'write: true in the binding' });
}

const Peripheral = z.object({ id: z.string().min(1).max(64).transform(peripheralId) });
const Characteristic = Peripheral.extend({ service: Uuid, characteristic: Uuid });
const Write = Characteristic.extend({
  /** Text goes out as UTF-8. */
  value: z
    .union([z.instanceof(Uint8Array), z.string()])
    // The payload may be a view into the guest's memory, good for this call only.
    .transform((value) => Uint8Array.from(Buffer.from(value as Uint8Array)))
    .refine(({ length }) => length <= MAX_VALUE_BYTES, `more than ${MAX_VALUE_BYTES} bytes`),
  withoutResponse: z.boolean().default(false),
});

const onPeripheral = <T>(work: (provider: Ble, session: Session<Grant>, id: string) => Promise<T>) =>
  operation({
    request: Peripheral,
    authorize: (grant: Grant) => mayConnect(grant),
    perform: (provider: Ble, session: Session<Grant>, { id }) => work(provider, session, id),
  });

const onCharacteristic = <T>(
  work: (provider: Ble, session: Session<Grant>, id: string, at: Place) => Promise<T>,
) =>
  operation({
    request: Characteristic,
    authorize: (grant: Grant) => mayConnect(grant),
    perform: (provider: Ble, session: Session<Grant>, { id, ...at }) => work(provider, session, id, at),
  });

export default defineContract<Ble, Grant>({
  id: 'iot:ble',
  codec: 'cbor',
  summary: 'Bluetooth LE: advertisements, connections, characteristics',
  grant: Grant,
  resources: ({ scan, services = [], peripherals, write }) => [
    ...(scan
      ? [{ kind: 'radio' as const, name: 'scan', use: services.length === 0 ? 'all' : services.join(' ') }]
      : []),
    ...peripherals.map((name) => ({
      ...{ kind: 'peripheral' as const, name, use: write ? 'read and write' : 'read' },
    })),
  ],
  operations: {
    Scan: operation({
      request: Scan,
      authorize: (grant: Grant) => mayScan(grant),
      perform: (provider: Ble, session: Session<Grant>, scan) => provider.scan(session, scan),
    }),
    StopScan: operation({
      request: z.object({}),
      authorize() {},
      perform: (provider: Ble, session: Session<Grant>) => provider.stopScan(session),
    }),
    Connect: onPeripheral((provider, session, id) => provider.connect(session, id)),
    Discover: onPeripheral(async (provider, session, id) => ({
      services: await provider.discover(session, id),
    })),
    Read: onCharacteristic(async (provider, session, id, at) => ({
      value: await provider.read(session, id, at),
    })),
    Write: operation({
      request: Write,
      authorize: (grant: Grant) => mayWrite(grant),
      perform: (provider: Ble, session: Session<Grant>, { id, value, withoutResponse, ...at }) =>
        provider.write(session, id, at, value, withoutResponse),
    }),
    Subscribe: onCharacteristic((provider, session, id, at) => provider.subscribe(session, id, at)),
    Unsubscribe: onCharacteristic((provider, session, id, at) => provider.unsubscribe(session, id, at)),
    Disconnect: onPeripheral((provider, session, id) => provider.disconnect(session, id)),
  },
  implementations: {
    sim: async () => (await import('./sim.js')).implementation,
    noble: async () => (await import('./noble/noble.js')).implementation,
    stoprocent: async () => (await import('./noble/stoprocent.js')).implementation,
  },
  defaultImplementation: 'stoprocent',
});
