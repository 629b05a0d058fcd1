import { z } from 'zod';
import { SIMULATED_CHIP } from '../../base/board.js';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { checkAgainstBoard } from './against-board.js';

export type Level = 0 | 1;
const LevelValue = z.union([z.literal(0), z.literal(1)]);
const EdgeKind = z.enum(['rising', 'falling', 'both']);
export type EdgeKind = z.infer<typeof EdgeKind>;

/** Longest pulse, in milliseconds. */
export const MAX_PULSE_MS = 3_600_000;
export const MAX_DEBOUNCE_MS = 10_000;

/**
 * Level of the pin that counts as 1; default high. With `low` every level and edge that is told, written or called safe is
 * the opposite of the pin's: for what switches when its input is pulled to ground.
 */
const Active = z.enum(['high', 'low']).optional();

const Output = z.strictObject({
  direction: z.literal('out'),
  active: Active,
  /** Level while no actor is in charge of the line. */
  safe: LevelValue.default(0),
  /** How the pin is driven: `open-drain` only pulls to 0, `open-source` only to 1. */
  drive: z.enum(['push-pull', 'open-drain', 'open-source']).default('push-pull'),
});

const Input = z.strictObject({
  direction: z.literal('in'),
  active: Active,
  bias: z.enum(['none', 'pull-up', 'pull-down']).default('none'),
  /** Which edges may be watched; without it the line can only be read. */
  edge: EdgeKind.optional(),
  /** Shortest time a level must last to count as an edge. */
  debounceMs: z.number().min(0).max(MAX_DEBOUNCE_MS).default(0),
});

/** Lines by the names the board gives them. A line that is not here does not exist for the actor. */
const Grant = z.strictObject({
  lines: z.record(z.string(), z.discriminatedUnion('direction', [Output, Input])).default({}),
});
export type Grant = z.infer<typeof Grant>;
export type LineGrant = Grant['lines'][string];

export interface WatchOptions {
  readonly edge: EdgeKind;
  /** The longer of what the actor asks for and what the binding demands, in microseconds. */
  readonly debounceUs: number;
}

export interface LineInfo {
  readonly name: string;
  readonly direction: 'in' | 'out';
  readonly value: Level;
}

/** What the actor gets. `timestampNs`: monotonic; `seq` counts the edges of this watch from 1: a gap is a lost one. */
export interface Edge {
  readonly line: string;
  readonly edge: 'rising' | 'falling';
  readonly timestampNs: bigint;
  readonly seq: number;
}

/**
 * `iot:gpio`: ← `Edge {line, edge, timestampNs, seq}`.
 *
 * A line belongs to one actor binding at a time, from `bind` to `unbind`; a second one is refused and told whose it
 * is. An output starts at its safe level and returns to it at `standDown`, `unbind` and `stop`; it keeps its level
 * while the actor's code or the provider is swapped. A pulse drives an output to the opposite of its safe level and back, without
 * keeping the caller waiting; a further pulse begins the time anew, and a write or toggle ends it.
 */
export interface Gpio extends Provider<Grant> {
  read(session: Session<Grant>, line: string): MaybePromise<Level>;
  write(session: Session<Grant>, line: string, value: Level): MaybePromise<void>;
  /** Returns the new level. */
  toggle(session: Session<Grant>, line: string): MaybePromise<Level>;
  pulse(session: Session<Grant>, line: string, ms: number): MaybePromise<void>;
  /** Replaces an earlier watch of the line. */
  watch(session: Session<Grant>, line: string, options: WatchOptions): MaybePromise<void>;
  /** A line that is not watched is no error. */
  unwatch(session: Session<Grant>, line: string): MaybePromise<void>;
  lines(session: Session<Grant>): MaybePromise<LineInfo[]>;
}

/** Whether a 1 of the line is a low level of its pin. */
export const isActiveLow = (settings: LineGrant | undefined): boolean => settings?.active === 'low';

/** The grant for `line`. Throws E_NOT_GRANTED. */
export function grantFor(grant: Grant, line: string): LineGrant {
  const found = Object.hasOwn(grant.lines, line) ? grant.lines[line] : undefined;
  if (found !== undefined) return found;
  throw new IotError('E_NOT_GRANTED', `line ${line} is not granted`, {
    hint: `add ${line} to lines: of the binding`,
  });
}

const LineOnly = z.object({ line: z.string().max(64) });
type LineOnly = z.infer<typeof LineOnly>;

function readable(grant: Grant, { line }: LineOnly): void {
  grantFor(grant, line);
}

function writable(grant: Grant, { line }: LineOnly): void {
  if (grantFor(grant, line).direction === 'out') return;
  throw new IotError('E_NOT_GRANTED', `line ${line} is granted as an input, not to be driven`);
}

const Watch = LineOnly.extend({
  edge: EdgeKind,
  debounceUs: z
    .int()
    .min(0)
    .max(MAX_DEBOUNCE_MS * 1000)
    .optional(),
});

/** Throws E_NOT_GRANTED unless the binding lets `line` be watched for `edge`. */
export function watchable(grant: Grant, { line, edge }: { line: string; edge: EdgeKind }): void {
  const found = grantFor(grant, line);
  const allowed = found.direction === 'in' ? found.edge : undefined;
  if (allowed === 'both' || allowed === edge) return;
  const why = allowed === undefined ? 'to be watched' : `for ${edge} edges, only ${allowed}`;
  throw new IotError('E_NOT_GRANTED', `line ${line} is not granted ${why}`);
}

function debounce(grant: Grant, line: string, asked: number | undefined): number {
  const found = grantFor(grant, line);
  return Math.max(asked ?? 0, found.direction === 'in' ? found.debounceMs * 1000 : 0);
}

export default defineContract<Gpio, Grant>({
  id: 'iot:gpio',
  codec: 'cbor',
  summary: 'pins: read, write, pulse, edges',
  grant: Grant,
  checkGrant: checkAgainstBoard,
  resources: ({ lines }) =>
    Object.entries(lines).map(([name, line]) => {
      const how = line.direction === 'out' ? line.drive : line.bias;
      const unusual = how === 'push-pull' || how === 'none' ? [] : [how];
      const low = line.active === 'low' ? ['active-low'] : [];
      return { kind: 'line', name, use: [line.direction, ...unusual, ...low].join(' ') };
    }),
  operations: {
    Read: operation({
      request: LineOnly,
      authorize: (grant: Grant, request) => readable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line }) =>
        reply(provider.read(session, line), (value) => ({ value })),
    }),
    Write: operation({
      request: LineOnly.extend({ value: LevelValue }),
      authorize: (grant: Grant, request) => writable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line, value }) =>
        provider.write(session, line, value),
    }),
    Toggle: operation({
      request: LineOnly,
      authorize: (grant: Grant, request) => writable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line }) =>
        reply(provider.toggle(session, line), (value) => ({ value })),
    }),
    Pulse: operation({
      request: LineOnly.extend({ ms: z.int().min(1).max(MAX_PULSE_MS) }),
      authorize: (grant: Grant, request) => writable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line, ms }) => provider.pulse(session, line, ms),
    }),
    Watch: operation({
      request: Watch,
      authorize: (grant: Grant, request) => watchable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line, edge, debounceUs }) =>
        provider.watch(session, line, { edge, debounceUs: debounce(session.grant, line, debounceUs) }),
    }),
    Unwatch: operation({
      request: LineOnly,
      authorize: (grant: Grant, request) => readable(grant, request),
      perform: (provider: Gpio, session: Session<Grant>, { line }) => provider.unwatch(session, line),
    }),
    Lines: operation({
      request: z.object({}),
      authorize() {},
      perform: (provider: Gpio, session: Session<Grant>) =>
        reply(provider.lines(session), (lines) => ({ lines })),
    }),
  },
  implementations: {
    sim: async () => (await import('./sim.js')).implementation,
    chardev: async () => (await import('./chardev/index.js')).implementation,
  },
  defaultImplementation: ({ gpio }) => (gpio.chip === SIMULATED_CHIP ? 'sim' : 'chardev'),
});

/** Wraps an answer, without making a promise of one that is there. */
function reply<T>(value: MaybePromise<T>, wrap: (value: T) => unknown): MaybePromise<unknown> {
  return value instanceof Promise ? value.then(wrap) : wrap(value);
}
