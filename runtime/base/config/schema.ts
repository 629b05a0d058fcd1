import { z } from 'zod';
import { isBoardFile, ResourceName } from '../board.js';
import { DEFAULT_ACTOR_LIMITS, MAX_MODULE_BYTES } from '../limits.js';
import { SECRET_REFERENCE } from '../secret.js';

/** Names that become topic levels, folder names and MQTT client ids. */
export const Name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'use 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit');
const ContractId = z.string().regex(/^[a-z0-9]+:[a-z0-9_]+$/, 'a contract id looks like iot:gpio');
const Broker = z.string().refine((text) => {
  const protocol = text === 'embedded' ? 'embedded:' : URL.canParse(text) ? new URL(text).protocol : '';
  return ['embedded:', 'mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(protocol);
}, 'expected embedded, embedded://127.0.0.1:PORT or a URL like mqtt://broker.example:1883');
/** A secret is never in the file itself: a file is copied, committed and shown. */
export const SecretReference = z
  .string()
  .regex(SECRET_REFERENCE, 'a secret is given by reference: secret://NAME');
/** PEM files; relative to the configuration file. */
const Certificate = { cert: z.string(), key: z.string() };
const count = (fallback: number) => z.number().int().positive().default(fallback);

const Limits = z.strictObject({
  memoryPages: count(DEFAULT_ACTOR_LIMITS.memoryPages).refine((pages) => pages <= 192, 'at most 192 pages'),
  fuelPerCall: count(DEFAULT_ACTOR_LIMITS.fuelPerCall),
  deadlineMs: count(DEFAULT_ACTOR_LIMITS.deadlineMs),
  queue: count(DEFAULT_ACTOR_LIMITS.queue),
  payloadBytes: count(DEFAULT_ACTOR_LIMITS.payloadBytes).refine((n) => n <= 2 ** 21, 'at most 2 MiB'),
});

/** One binding: `contract` and `name` are ours, everything else is the contract's own grant. */
export const BindingConfig = z.looseObject({ contract: ContractId, name: Name.default('default') });

export const SlotConfig = z.strictObject({
  name: Name,
  /** A signed module to start from when nothing was pushed; relative to the configuration file. */
  path: z.string().optional(),
  limits: Limits.prefault({}),
  /** Cell (worker thread) of its own for an actor that is slow or impatient. */
  cell: Name.optional(),
  bindings: z.array(BindingConfig).default([]),
});

/** One provider: `contract`, `use` and `name` are ours, everything else is the implementation's own settings. */
export const ProviderConfig = z.looseObject({
  contract: ContractId,
  /** Implementation; the contract's default when left out. */
  use: z.string().optional(),
  name: Name.default('default'),
});

export const HostConfig = z.strictObject({
  device: Name,
  /**
   * A board of `iot-host board list`, a file of one's own (`./my-board.yaml`, relative to the configuration file), or
   * `auto`: what this machine is by its device tree, `sim` where it has none.
   */
  board: z
    .string()
    .refine((board) => Name.safeParse(board).success || isBoardFile(board), {
      error: 'expected auto, the name of a board, or a file that ends in .yaml',
    })
    .default('auto'),
  /** Names of one's own for lines of the board: `{LED: GPIO17}`. A line that is named here has that name only. */
  lines: z.record(ResourceName, z.string()).default({}),
  /** Default: the XDG state folder. */
  dataDir: z.string().optional(),
  /** `embedded`, `embedded://127.0.0.1:PORT`, or the URL of an MQTT broker. */
  broker: Broker.default('embedded'),
  /**
   * Embedded broker: `cert` and `key` that it shows. Outside broker: `ca` that its certificate must come from, and
   * `cert` and `key` where it asks for those of the device.
   */
  brokerTls: z
    .strictObject({ ca: z.string(), ...Certificate })
    .partial()
    .optional(),
  /** Who may use the embedded broker over TLS, with which password. */
  brokerUsers: z.record(z.string().min(1), SecretReference).optional(),
  /** As whom the device logs in at an outside broker. */
  brokerLogin: z.strictObject({ username: z.string().min(1), password: SecretReference }).optional(),
  trust: z
    .strictObject({
      document: z.string().optional(),
      issuers: z.array(z.string()).default([]),
      /** A device of developers: keys of the role push may sign updates here. */
      development: z.boolean().default(false),
    })
    .prefault({}),
  control: z
    .strictObject({
      /** Whether whoever reaches the broker may read (ps, logs) without a key of the role control. */
      openReading: z.boolean().default(false),
    })
    .prefault({}),
  labels: z.record(z.string(), z.string()).default({}),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535),
      /** What a request must bring as `Authorization: Bearer …`; `/livez` needs none. */
      token: SecretReference.optional(),
      tls: z.strictObject(Certificate).optional(),
    })
    .optional(),
  /**
   * Whether the device makes itself known on the local network (`_iot-host._tcp`), and on which interface (an IPv4
   * address). Default: where others can reach its broker; a device that nobody can reach has nothing to offer.
   */
  mdns: z.union([z.boolean(), z.strictObject({ interface: z.ipv4() })]).optional(),
  /**
   * When the system's time counts as right. `auto`: once a time server has set it or a clock with a battery confirms
   * it; `trusted`: always; `{file: PATH}`: once that file is there.
   */
  clock: z
    .union([z.enum(['auto', 'trusted']), z.strictObject({ file: z.string().startsWith('/') })])
    .default('auto'),
  /** Worker threads that run actors. Two, so that a swap is prepared beside the running actor. */
  cells: z.number().int().min(1).max(16).default(2),
  logLevel: z.enum(['error', 'warn', 'info', 'debug', 'trace']).default('info'),
  updates: z
    .strictObject({
      /** Time a new module must live before it is kept, in milliseconds. */
      dwellMs: z.number().int().min(0).default(5_000),
      /** One deployment must have ended by then, in milliseconds. */
      deadlineMs: count(600_000),
      maxModuleBytes: count(MAX_MODULE_BYTES),
      /** Refuse what has a date while the clock is not to be trusted; default: accept and mark it. */
      strictTime: z.boolean().default(false),
      /** Authority (PEM) of HTTPS servers that modules come from, beside the usual ones. */
      ca: z.string().optional(),
    })
    .prefault({}),
  providers: z.array(ProviderConfig).default([]),
  actors: z.array(SlotConfig).default([]),
});

export type HostConfig = z.infer<typeof HostConfig>;
export type SlotConfig = z.infer<typeof SlotConfig>;
export type BindingConfig = z.infer<typeof BindingConfig>;
export type ProviderConfig = z.infer<typeof ProviderConfig>;
