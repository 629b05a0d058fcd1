import type { z } from 'zod';
import type { Board } from './board.js';
import { type Codec, decodePayload, encodePayload } from './codec.js';
import { checkShape } from './config/shape.js';
import { asIotError, IotError } from './errors.js';
import type { Logger, LogLevel } from './logger.js';
import type { BrokerAccess } from './mqtt/connection.js';
import { Recent } from './recent.js';
import { named } from './wascc.js';

/** One actor's standing with one provider: who it is, through which binding, and what it may touch there. */
export interface Session<Grant = unknown> {
  /** Name of the actor's slot: stays the same when the module in it is swapped. */
  readonly actor: string;
  /** The waPC binding name, `default` unless the configuration names another. */
  readonly binding: string;
  readonly grant: Grant;
}

/**
 * Hands a message to the actor; resolves with its decoded reply once it has been handled. Rejects with E_GUEST,
 * E_TRAP, E_FUEL, E_DEADLINE (handled, badly) or E_QUEUE_FULL, E_NOT_RUNNING (not handled: may be offered again).
 */
export type Deliver = (operation: string, message: unknown) => Promise<unknown>;

/**
 * What a binding has to do with: a line of the GPIO or a serial port, which are its own; a peripheral that it may
 * connect to, or the radio that it may listen with, which others may, too.
 */
export interface Resource {
  readonly kind: 'line' | 'port' | 'peripheral' | 'radio';
  /** As the board names it, or the provider's settings; of a peripheral the address or name in the grant. */
  readonly name: string;
  /** `out`, `in pull-up`, `9600 8N1`, `read and write`: for people. */
  readonly use: string;
}

export type MaybePromise<T> = T | Promise<T>;

/** What a part inside a cell answers when it cannot: the main thread is asked then, and the actor waits for that. */
export const IN_MAIN_THREAD: Promise<never> = new Promise(() => {});

/**
 * What every implementation of every contract does. Constructors only assign; `start` works and `stop` undoes it.
 * Sessions outlive providers: when one implementation takes another's place the host binds them all again.
 */
export interface Provider<Grant = unknown> {
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /** Idempotent: a second `bind` of the same actor and binding replaces the grant. */
  bind(session: Session<Grant>, deliver: Deliver): Promise<void>;
  /** Frees everything held for that session: lines, subscriptions, timers. */
  unbind(session: Session<Grant>): Promise<void>;
  /**
   * The actor's code is about to change. What it registers from now on (timers, subscriptions, watches) is its own;
   * calling the returned function drops older registrations that it has not renewed.
   */
  renew?(session: Session<Grant>): () => Promise<void>;
  /**
   * Nobody is in charge of what the session holds: its actor was stopped or has crashed. What it had set going comes
   * to rest (outputs at their safe level); it stays bound, and nothing more is asked in its name until `renew`.
   * Idempotent.
   */
  standDown?(session: Session<Grant>): MaybePromise<void>;
  /** Everything another implementation of the contract needs to go on: stored values, registrations. CBOR-able. */
  exportState?(): Promise<unknown>;
  importState?(state: unknown): Promise<void>;
  /**
   * Takes from a running provider of the same implementation and place all that it has, what must not be let go of in
   * between included: lines and their levels. Comes after `start`, in place of `exportState` and `importState`; the
   * sessions are still bound afterwards. Whoever gave may take back in the same way, if this one fails. A provider
   * without it is stopped before another of its kind starts.
   */
  takeOver?(from: Provider<Grant>): void;
  /** True when the state is still there after `stop` and a new `start` of the same implementation. */
  readonly durable?: boolean;
  /** What its parts inside cells get as `CellEnv.shared`: anything that can be posted to a thread. */
  readonly shared?: unknown;
  /** What is wrong right now, for `/readyz`; `undefined` when all is well. */
  problem?(): string | undefined;
}

/** What the host lends a provider. */
export interface ProviderEnv {
  /** Name of the device. */
  readonly device: string;
  /** Folder of this provider's own files; made before `start`. */
  readonly dataDir: string;
  /** The device's broker, for contracts that use it by default. */
  readonly brokerUrl: string;
  /** How the device gets in there, where that needs more than the address. */
  readonly brokerAccess?: BrokerAccess | undefined;
  readonly board: Board;
  readonly logger: Logger;
}

/** What a cell (worker thread) lends a provider's part that runs inside it. */
export interface CellEnv {
  readonly dataDir: string;
  /** `Provider.shared`. */
  readonly shared?: unknown;
  /** Writes to the host's log in the name of the calling actor. */
  log(actor: string, level: LogLevel, message: string): void;
}

/**
 * One module per implementation. `createInCell` makes the part that answers in the actor's own thread, without a
 * round trip; it handles `cellOperations` only and must be synchronous.
 */
export interface Implementation<P = unknown, Settings = unknown> {
  /** Settings of a `providers:` entry, besides `contract`, `use` and `name`. */
  readonly settings: z.ZodType<Settings>;
  create(settings: Settings, env: ProviderEnv): P;
  createInCell?(settings: Settings, env: CellEnv): Partial<P> & { close?(): void };
  readonly cellOperations?: readonly string[];
}

/** One operation that actors may call. `authorize` throws E_NOT_GRANTED; it runs before every `perform`. */
export interface Operation<P, Grant, Request = unknown> {
  readonly request: z.ZodType<Request>;
  /**
   * Members of the request in declaration order, where actors of the first waSCC generation write the struct as an
   * array. Elements beyond them are ignored.
   */
  readonly fields?: readonly string[];
  authorize(grant: Grant, request: Request): void;
  /** True for a request whose answer says nothing, whatever becomes of it: the actor does not wait for that. */
  oneWay?(request: Request): boolean;
  perform(provider: P, session: Session<Grant>, request: Request): MaybePromise<unknown>;
}

export interface ContractDefinition<P extends Provider<Grant>, Grant> {
  /** Capability id as it stands in claims: `vendor:thing`. */
  readonly id: string;
  readonly codec: Codec;
  /** One line for `iot-host providers list`. */
  readonly summary: string;
  /** What a binding in the configuration may say under this contract. */
  readonly grant: z.ZodType<Grant>;
  /** What a binding with that grant has for itself; default: nothing. */
  resources?(grant: Grant): Resource[];
  /**
   * Throws E_CONFIG for a grant that a provider with those settings could never give on that board, as far as that can
   * be told without starting one.
   */
  checkGrant?(grant: Grant, board: Board, settings: Readonly<Record<string, unknown>>): void;
  readonly operations: Readonly<Record<string, Operation<P, Grant, never>>>;
  /** By name, loaded only when configured. */
  readonly implementations: Readonly<Record<string, () => Promise<Implementation<P>>>>;
  /** What the configuration gets that names none; where that depends on the board, a function of it. */
  readonly defaultImplementation: string | ((board: Board) => string);
}

/** A contract as the host sees it: payloads are bytes, providers and grants are opaque. */
export interface Contract {
  readonly id: string;
  readonly codec: Codec;
  readonly summary: string;
  readonly operations: readonly string[];
  readonly implementations: readonly string[];
  /** Name of the implementation that a configuration gets on that board when it names none. */
  defaultImplementation(board: Board): string;
  /** Checks a binding's settings. Throws `ShapeError`; `beside` are keys that belong to the binding itself. */
  parseGrant(settings: unknown, beside?: readonly string[]): unknown;
  /** What a binding with that (checked) grant has for itself. */
  resources(grant: unknown): Resource[];
  /** Throws E_CONFIG when a (checked) grant cannot be given on that board by a provider with those settings. */
  checkGrant(grant: unknown, board: Board, settings: Readonly<Record<string, unknown>>): void;
  /** Throws E_CONFIG for a name this contract does not have, E_UNAVAILABLE when a package it needs is not there. */
  loadImplementation(name: string): Promise<Implementation<Provider>>;
  /** Whether any operation has requests that are one-way. */
  readonly hasOneWay: boolean;
  /** Whether this request is one-way. Throws as `handle` does when it is not acceptable. */
  isOneWay(session: Session, operation: string, payload: Uint8Array): boolean;
  /** Decodes, checks shape and grant, performs, encodes: the whole way of one host call on the provider's side. */
  handle(
    provider: unknown,
    session: Session,
    operation: string,
    payload: Uint8Array,
  ): MaybePromise<Uint8Array>;
}

type AnyOperation = Operation<unknown, unknown>;

/** For the type checker: ties an operation's request type to its handlers. */
export function operation<P, Grant, Request>(op: Operation<P, Grant, Request>): Operation<P, Grant, never> {
  return op as unknown as Operation<P, Grant, never>;
}

/** Closes a typed definition into the form the host works with. */
export function defineContract<P extends Provider<Grant>, Grant>(
  definition: ContractDefinition<P, Grant>,
): Contract {
  const { id, codec, implementations, defaultImplementation: byDefault } = definition;
  const operations = new Map(Object.entries(definition.operations) as [string, AnyOperation][]);
  const recent = new Recent();
  const read = (op: AnyOperation, name: string, payload: Uint8Array): unknown => {
    const request = named(decodePayload(codec, payload) ?? {}, op.fields);
    return checkShape(op.request, request, { code: 'E_PAYLOAD', context: `${id} ${name}` });
  };
  /** Finds the operation, and what it is asked: decoded, of the right shape, and granted. */
  const accept = (session: Session, name: string, payload: Uint8Array) => {
    const op = operations.get(name);
    if (op === undefined) {
      const hint = `${id} knows: ${[...operations.keys()].join(', ')}`;
      throw new IotError('E_OPERATION', `${id} has no operation "${name}"`, { hint });
    }
    const request = recent.get(name, payload, () => read(op, name, payload));
    op.authorize(session.grant, request);
    return { op, request };
  };
  return {
    id,
    codec,
    summary: definition.summary,
    operations: [...operations.keys()],
    implementations: Object.keys(implementations),
    defaultImplementation: (board) => (typeof byDefault === 'string' ? byDefault : byDefault(board)),
    parseGrant: (settings, beside) => checkShape(definition.grant, settings, { beside }),
    resources: (grant) => definition.resources?.(grant as Grant) ?? [],
    checkGrant: (grant, board, settings) => definition.checkGrant?.(grant as Grant, board, settings),
    async loadImplementation(name) {
      const load = Object.hasOwn(implementations, name) ? implementations[name] : undefined;
      if (load !== undefined)
        return (await loadOr(load, `${id} ${name}`)) as unknown as Implementation<Provider>;
      const known = Object.keys(implementations).join(', ');
      throw new IotError('E_CONFIG', `${id} has no implementation "${name}"`, {
        hint: `use one of: ${known}`,
      });
    },
    hasOneWay: [...operations.values()].some(({ oneWay }) => oneWay !== undefined),
    isOneWay(session, name, payload) {
      if (operations.get(name)?.oneWay === undefined) return false;
      const { op, request } = accept(session, name, payload);
      return op.oneWay?.(request) === true;
    },
    handle(provider, session, name, payload) {
      const { op, request } = accept(session, name, payload);
      const answer = op.perform(provider, session, request);
      return answer instanceof Promise
        ? answer.then((value) => encodePayload(codec, value))
        : encodePayload(codec, answer);
    },
  };
}

async function loadOr<T>(load: () => Promise<T>, what: string): Promise<T> {
  try {
    return await load();
  } catch (thrown) {
    throw new IotError('E_UNAVAILABLE', `${what} cannot be loaded: ${asIotError(thrown).message}`, {
      hint: 'run npm install, or configure another implementation',
      cause: thrown,
    });
  }
}
