import type { Resource } from '../../base/contract.js';
import type { ErrorRecord } from '../../base/errors.js';
import type { LogLevel } from '../../base/logger.js';

/** Life of an actor's slot. */
export type ActorState = 'empty' | 'starting' | 'running' | 'backoff' | 'stopped' | 'quarantined';

export interface InstalledVersion {
  /** SHA-256 of the module, hex. */
  readonly digest: string;
  /** Bytes of the module; unknown of what older hosts installed. */
  readonly size?: number | undefined;
  readonly sequence: number;
  /** `M…` key. */
  readonly key: string;
  /** Human version from the claims. */
  readonly version?: string | undefined;
}

export interface ActorStatus {
  readonly name: string;
  readonly state: ActorState;
  readonly key?: string | undefined;
  readonly digest?: string | undefined;
  readonly version?: string | undefined;
  readonly sequence?: number | undefined;
  /** Contracts that its module may use where they are bound: what it claims, cut to what its signers may grant. */
  readonly capabilities?: readonly string[] | undefined;
  readonly bindings: readonly {
    readonly contract: string;
    readonly name: string;
    /** Lines and ports that it has for itself. */
    readonly resources?: readonly Resource[] | undefined;
  }[];
  readonly queued: number;
  readonly handled: number;
  readonly failed: number;
  readonly restarts: number;
  readonly memoryPages?: number | undefined;
  /** Why it is not running. */
  readonly problem?: string | undefined;
}

export interface ProviderStatus {
  readonly contract: string;
  readonly name: string;
  readonly implementation: string;
  readonly state: 'running' | 'removed' | 'swapping' | 'failed';
  readonly bindings: number;
  readonly problem?: string | undefined;
}

/** Retained on `presence`, and the last will with `state: 'offline'`. Ignore lower session numbers. */
export interface Presence {
  readonly v: 1;
  readonly state: 'online' | 'offline';
  readonly device: string;
  /** Counts the starts of the host; a signed request names it. */
  readonly session: number;
  readonly version: string;
  readonly board: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly actors: readonly {
    name: string;
    state: ActorState;
    key?: string;
    digest?: string;
    version?: string;
    sequence?: number;
  }[];
}

export const UPDATE_STATES = [
  'received',
  'verified',
  'fetching',
  'staged',
  'probation',
  'active',
  'rolled-back',
  'rejected',
  'failed',
  'cancelled',
] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];
export const FINAL_STATES: readonly UpdateState[] = [
  'active',
  'rolled-back',
  'rejected',
  'failed',
  'cancelled',
];

/** Retained on `ota/state/<component>`. */
export interface UpdateStatus {
  readonly v: 1;
  readonly component: string;
  /** SHA-256 of the manifest, hex: names the deployment. */
  readonly deployment: string;
  readonly state: UpdateState;
  /** 0 to 100 while fetching. */
  readonly percent?: number | undefined;
  readonly reason?: ErrorRecord | undefined;
  readonly sequence?: number | undefined;
  /** The floor: a new manifest needs a larger sequence number. */
  readonly floor: number;
  readonly installed?: InstalledVersion | undefined;
  readonly pending?: InstalledVersion | undefined;
  /** On the device's disk: a manifest with a larger number may name it again, and nothing is sent. */
  readonly previous?: InstalledVersion | undefined;
  /** With `staged`: contracts that the new module may use and the one before it did not, as `blink iot:gpio`. */
  readonly grown?: readonly string[] | undefined;
  /** `iot-host bind …` lines that the new actor will need. */
  readonly unbound?: readonly string[] | undefined;
}

/** How a device stands to what its fleet last told it (`ota/fresh`). It changes nothing, it is only shown. */
export interface FreshnessState {
  /** `stale`: nothing was heard for too long. `behind`: a deployment has not come through to the device. */
  readonly state: 'fresh' | 'stale' | 'behind';
  /** Unix seconds: until when it is fresh, or since when it is not. */
  readonly at: number;
  /** Unix seconds from which the index says nothing any more. */
  readonly until: number;
  /** Components whose newest deployment has not come through. */
  readonly missing: readonly string[];
}

/** The trust document of a device. */
export interface TrustState {
  readonly version: number;
  /** Nothing new may be done by it: its date has passed, or it stands in for a damaged one. */
  readonly expired: boolean;
}

/** Signed requests: operation → arguments and result (CBOR maps). */
export interface RpcOperations {
  ps: {
    args: Record<string, never>;
    result: {
      device: string;
      version: string;
      /** Not said by older hosts. */
      board?: string;
      /** Names that its configuration gives to lines of the board; absent where there are none. */
      lines?: Readonly<Record<string, string>>;
      session: number;
      ready: boolean;
      problems: string[];
      actors: ActorStatus[];
      providers: ProviderStatus[];
      /** Absent while the device trusts nobody. */
      trust?: TrustState;
      /** Absent while the fleet has told the device nothing. */
      freshness?: FreshnessState;
    };
  };
  call: { args: { actor: string; operation: string; payload: Uint8Array }; result: { reply: Uint8Array } };
  /** Recent lines, and lines on the `log` topic for `leaseMs` more when given. */
  logs: { args: LogSelection & { leaseMs?: number }; result: { lines: LogLine[] } };
  /** Stopped by `actors.stop`, or waiting for its next try: started now. */
  'actors.start': { args: { actor: string }; result: ActorStatus };
  /** Stays stopped, over restarts of the host too, until `actors.start`, `actors.restart` or a push. */
  'actors.stop': { args: { actor: string }; result: ActorStatus };
  'actors.restart': { args: { actor: string }; result: ActorStatus };
  /** Forgets the pushed module and what `bind` granted. A slot of the configuration stays: `actor` is what it is now. */
  'actors.remove': { args: { actor: string }; result: { actor?: ActorStatus } };
  'providers.list': {
    args: Record<string, never>;
    result: {
      providers: ProviderStatus[];
      contracts: { id: string; summary: string; implementations: string[] }[];
    };
  };
  'providers.remove': { args: { contract: string; name?: string }; result: ProviderStatus };
  'providers.start': { args: { contract: string; name?: string }; result: ProviderStatus };
  'providers.swap': {
    args: { contract: string; name?: string; to: string; settings?: Record<string, unknown> };
    result: ProviderStatus;
  };
  bind: {
    args: { actor: string; contract: string; name?: string; settings: Record<string, unknown> };
    result: ActorStatus;
  };
  /** Takes back what `bind` granted; what the configuration grants is taken back there. */
  unbind: { args: { actor: string; contract: string; name?: string }; result: ActorStatus };
  /**
   * The trust documents that follow the one in force, oldest first; older ones are passed over. The version that is in
   * force then. Each is judged by its root signatures.
   */
  'trust.update': { args: { documents: Uint8Array[] }; result: { version: number } };
  /** Takes back the update of a slot, or of a release by its name, on probation too. Whether there was one. */
  abort: { args: { component: string }; result: { aborted: boolean } };
}
export type RpcOperation = keyof RpcOperations;

/** Operations that change nothing on the device: a configuration may open these to whoever reaches the broker. */
export const READING: ReadonlySet<string> = new Set<RpcOperation>(['ps', 'logs', 'providers.list']);

/** Which lines of the log. */
export interface LogSelection {
  readonly actor?: string;
  /** This level and worse ones. */
  readonly level?: LogLevel;
  /** Not before: Unix milliseconds. */
  readonly since?: number;
  /** Not older than so many milliseconds, by the clock of the device. */
  readonly sinceMs?: number;
}

export interface LogLine {
  /** Unix milliseconds. */
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly actor?: string | undefined;
  readonly [field: string]: unknown;
}

/** What a device must be able to answer; the composition root fills it from the host. */
export type RpcHandlers = {
  readonly [K in RpcOperation]: (args: RpcOperations[K]['args']) => Promise<RpcOperations[K]['result']>;
};
