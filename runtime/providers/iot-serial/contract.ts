import { z } from 'zod';
import { SIMULATED_CHIP } from '../../base/board.js';
import { PathError } from '../../base/config/path-error.js';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';

/** Largest frame that can be asked for, and what one gets without asking, in bytes. */
const MAX_FRAME_BYTES = 65_536;
const DEFAULT_FRAME_BYTES = 4_096;
export const MAX_WRITE_BYTES = 65_536;

/** A delimiter: text, where `\n` and the like have been read by YAML already, or bytes as a list of numbers. */
const Delimiter = z.union([z.string().min(1).max(16), z.array(z.int().min(0).max(255)).min(1).max(16)]);

const Framing = z.union([
  z.literal('raw'),
  /** A frame ends with these bytes, which are not part of it. */
  z.strictObject({ delimiter: Delimiter }),
  /** A frame ends when nothing has come for so long. */
  z.strictObject({ gapMs: z.number().min(1).max(10_000) }),
  z.strictObject({
    /** A frame begins with its length. */
    lengthPrefix: z.strictObject({
      /** Bytes of the length itself. */
      bytes: z.union([z.literal(1), z.literal(2), z.literal(4)]),
      endian: z.enum(['big', 'little']).default('big'),
      /** Added to the length that is written to get the bytes that follow: -2 where it counts itself, too. */
      adjust: z.int().min(-16).max(256).default(0),
    }),
    /** The rest of a frame that has not come by then is given up. */
    timeoutMs: z.number().min(1).max(60_000).default(1_000),
  }),
]);
export type Framing = z.infer<typeof Framing>;

const Rs485 = z.strictObject({
  /** Level of RTS while sending. */
  rtsOnSend: z.boolean().default(true),
  delayBeforeMs: z.int().min(0).max(100).default(0),
  delayAfterMs: z.int().min(0).max(100).default(0),
  receiveWhileSending: z.boolean().default(false),
});
export type Rs485 = z.infer<typeof Rs485>;

const Port = z.strictObject({
  baudRate: z.int().min(50).max(4_000_000).default(9_600),
  dataBits: z.union([z.literal(5), z.literal(6), z.literal(7), z.literal(8)]).default(8),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  flow: z.enum(['none', 'rtscts', 'xonxoff']).default('none'),
  framing: Framing.default('raw'),
  /** Longest frame in bytes; what is longer is dropped and logged. */
  maxFrame: z.int().min(1).max(MAX_FRAME_BYTES).default(DEFAULT_FRAME_BYTES),
  /** Half-duplex transceivers that the driver switches; refused where the driver does not. */
  rs485: Rs485.optional(),
});
export type PortGrant = z.infer<typeof Port>;

/** Ports by the names of the board or of the provider's settings. A port that is not here does not exist. */
const Grant = z.strictObject({ ports: z.record(z.string(), Port).default({}) });
export type Grant = z.infer<typeof Grant>;

export interface PortInfo {
  readonly name: string;
  /** Device node; empty while it is not there. */
  readonly path: string;
  readonly open: boolean;
}

/**
 * `iot:serial`: ← `Opened {port}`, `Data {port, data, at}` (a frame; `at`: Unix milliseconds), `Closed {port, reason}`.
 *
 * A port belongs to one actor binding at a time, from `bind` to `unbind`, and is opened exclusively. One that is not
 * there, or is unplugged, is opened as soon as it comes; the actor is told both. Frames reach the actor in order, one
 * after the other; while it cannot keep up the port is not read, and the kernel or the other side holds the rest.
 */
export interface Serial extends Provider<Grant> {
  /**
   * Resolves when the system has taken all of it. Rejects with E_PROVIDER while the port is not open, E_QUEUE_FULL while
   * it does not take what was written before.
   */
  write(session: Session<Grant>, port: string, data: Uint8Array): MaybePromise<void>;
  /** Resolves when all that was written has left the port. */
  drain(session: Session<Grant>, port: string): MaybePromise<void>;
  ports(session: Session<Grant>): MaybePromise<PortInfo[]>;
}

/** Throws E_NOT_GRANTED. */
export function grantFor(grant: Grant, port: string): PortGrant {
  const found = Object.hasOwn(grant.ports, port) ? grant.ports[port] : undefined;
  if (found !== undefined) return found;
  throw new IotError('E_NOT_GRANTED', `port ${port} is not granted`, {
    hint: `add ${port} to ports: of the binding`,
  });
}

/** Throws E_CONFIG for a port that is not among those `names`. */
export function checkPorts({ ports }: Grant, names: readonly string[]): void {
  const unknown = Object.keys(ports).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const error = new IotError('E_CONFIG', `there is no serial port ${unknown}`, {
    hint: names.length === 0 ? 'name it under ports: of the provider' : `the ports are ${names.join(', ')}`,
  });
  throw new PathError(['ports', unknown], error);
}

/** Names that the settings of a provider add: a mapping to devices, or with simulated ports a list. */
function namedPorts({ ports }: Readonly<Record<string, unknown>>): string[] {
  if (Array.isArray(ports)) return ports.map(String);
  return typeof ports === 'object' && ports !== null ? Object.keys(ports) : [];
}

const PortOnly = z.object({ port: z.string().max(64) });
type PortOnly = z.infer<typeof PortOnly>;
const granted = (grant: Grant, { port }: PortOnly): void => {
  grantFor(grant, port);
};

const Write = PortOnly.extend({
  /** Text goes out as UTF-8. */
  data: z
    .union([z.instanceof(Uint8Array), z.string()])
    .refine((data) => data.length <= MAX_WRITE_BYTES, `more than ${MAX_WRITE_BYTES} bytes at once`),
});

export default defineContract<Serial, Grant>({
  id: 'iot:serial',
  codec: 'cbor',
  summary: 'serial ports: frames in, bytes out, unplug and replug',
  grant: Grant,
  resources: ({ ports }) =>
    Object.entries(ports).map(([name, { baudRate, dataBits, parity, stopBits }]) => ({
      kind: 'port',
      name,
      use: `${baudRate} ${dataBits}${parity.charAt(0).toUpperCase()}${stopBits}`,
    })),
  checkGrant: (grant, board, settings) =>
    checkPorts(grant, [...Object.keys(board.ports), ...namedPorts(settings)]),
  operations: {
    Write: operation({
      request: Write,
      authorize: (grant: Grant, request) => granted(grant, request),
      perform: (provider: Serial, session: Session<Grant>, { port, data }) =>
        // The payload may be a view into the guest's memory, good for this call only.
        provider.write(session, port, Uint8Array.from(Buffer.from(data as Uint8Array))),
    }),
    Drain: operation({
      request: PortOnly,
      authorize: granted,
      perform: (provider: Serial, session: Session<Grant>, { port }) => provider.drain(session, port),
    }),
    Ports: operation({
      request: z.object({}),
      authorize() {},
      perform: async (provider: Serial, session: Session<Grant>) => ({
        ports: await provider.ports(session),
      }),
    }),
  },
  implementations: {
    sim: async () => (await import('./sim.js')).implementation,
    serialport: async () => (await import('./serialport/index.js')).implementation,
  },
  // A simulated board has no ports of its own, unless somebody has given it some.
  defaultImplementation: ({ gpio, ports }) =>
    gpio.chip === SIMULATED_CHIP && Object.keys(ports).length === 0 ? 'sim' : 'serialport',
});
