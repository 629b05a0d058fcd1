import type { ErrorRecord } from '../../base/errors.js';
import type { ActorLimits } from '../../base/limits.js';
import type { LogLevel } from '../../base/logger.js';
import type { HostCallCount } from '../counters.js';

/** Names one engine of one cell for as long as that cell lives; never reused. */
export type EngineId = number & { readonly brand: 'EngineId' };

/** A binding as a cell needs it: only those that the actor claims *and* was granted are ever sent. */
export interface CellBinding {
  readonly contract: string;
  readonly name: string;
  readonly grant: unknown;
  /** The provider that serves it: `contract/name`. */
  readonly provider: string;
}

/** The part of a provider that answers inside the cell. */
export interface CellProvider {
  /** `contract/name`. */
  readonly id: string;
  /** Module that default-exports the contract. */
  readonly contractUrl: string;
  /** None when it answers nothing there: the cell then only tells which requests need no answer. */
  readonly implementation?: string;
  readonly settings: unknown;
  readonly dataDir: string;
  /** What the provider lends to its parts in cells. */
  readonly shared?: unknown;
}

export interface CellCall {
  /** Grows by one with each call sent to the cell: the cell works in this order. */
  readonly id: number;
  readonly engine: EngineId;
  readonly operation: string;
  readonly payload: Uint8Array;
  /** When its sender gives up, by `monotonicMs`, if that may be before the actor's own deadline. */
  readonly until?: number;
}

export type ToCell =
  | {
      readonly type: 'load';
      readonly id: number;
      readonly engine: EngineId;
      readonly actor: string;
      readonly module: Uint8Array;
      readonly limits: ActorLimits;
    }
  | { readonly type: 'calls'; readonly calls: readonly CellCall[] }
  /** Bindings of the engine from now on; `null` makes it stand by: its host calls are refused. */
  | { readonly type: 'bindings'; readonly engine: EngineId; readonly bindings: readonly CellBinding[] | null }
  | { readonly type: 'unload'; readonly engine: EngineId }
  /** The thread ends itself, between two messages. */
  | { readonly type: 'leave' }
  /** `provider: null` closes what runs under `id`. Answered by `ack`. */
  | {
      readonly type: 'provider';
      readonly id: string;
      readonly provider: CellProvider | null;
      readonly token: number;
    };

export type CellResult =
  | { readonly id: number; readonly ok: true; readonly reply: Uint8Array; readonly fuel: number }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: ErrorRecord;
      readonly fatal: boolean;
      readonly started: boolean;
    };

/** One-way host calls in a row; then one is awaited, which the main thread answers after all before it. */
export const MAX_ONE_WAY_CALLS = 63;

export interface HostCall {
  readonly serial: number;
  readonly engine: EngineId;
  readonly binding: string;
  readonly namespace: string;
  readonly operation: string;
  readonly payload: Uint8Array;
  /** Milliseconds for which the cell waits for the answer. */
  readonly waitMs: number;
}

export type OneWayCall = Omit<HostCall, 'serial'>;

export type HostCallReply =
  | { readonly serial: number; readonly reply: Uint8Array }
  | { readonly serial: number; readonly error: ErrorRecord };

export type FromCell =
  | {
      readonly type: 'loaded';
      readonly id: number;
      readonly memoryPages: number;
      readonly error?: ErrorRecord;
    }
  | {
      readonly type: 'results';
      readonly results: readonly CellResult[];
      /** Host calls that were answered in the cell meanwhile. */
      readonly hostCalls?: readonly HostCallCount[];
    }
  | { readonly type: 'hostcall'; readonly call: HostCall }
  /** One-way: nobody waits for an answer. */
  | { readonly type: 'one-way'; readonly calls: readonly OneWayCall[] }
  | { readonly type: 'log'; readonly actor: string; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'ack'; readonly token: number; readonly error?: ErrorRecord };

/** What a cell is started with. */
export interface CellStart {
  readonly engine: WebAssembly.Module;
  readonly shared: SharedArrayBuffer;
  readonly replies: import('node:worker_threads').MessagePort;
}

/** Int32 slots in the memory that a cell shares with the main thread. */
export const SHARED_BYTES = 16;
/** Id of the call or load that is running, 0 for none: what the watchdog looks at. */
export const RUNNING = 0;
/** Id of the last call that ended: what is known of a cell that had to be killed. */
export const FINISHED = 1;
/** Counts the answers to awaited host calls. */
export const ANSWERED = 2;
/** 1 from the moment at which the main thread gives the cell up: nothing may begin in it any more. */
export const STOPPED = 3;
