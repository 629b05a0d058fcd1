import type { IotError } from '../base/errors.js';

/**
 * What one actor's code may reach. Both functions are closures already bound to that actor's identity: nothing
 * that comes out of a guest names an actor, a handle or a right.
 */
export interface GuestHost {
  /**
   * Answers one waPC `__host_call`, synchronously. A returned `IotError` becomes the guest's host error
   * (its message, code in front); it must not throw.
   * `payload` is a view into engine memory, valid only during the call.
   */
  hostCall(binding: string, namespace: string, operation: string, payload: Uint8Array): Uint8Array | IotError;
  /** `__console_log` and WASI stdout/stderr, a line at a time. */
  log(text: string): void;
  /**
   * Where WASI takes time from, default the machine's. A host that records or replays its actors gives its own:
   * with that and `random` a guest sees nothing that could not be repeated.
   */
  readonly clock?: GuestClock;
  /** Fills `into` for WASI's `random_get`, default from the machine. `into` is a view into engine memory. */
  random?(into: Uint8Array): void;
}

export interface GuestClock {
  /** Nanoseconds since 1970-01-01. */
  realtime(): bigint;
  /** Nanoseconds since some moment; never goes back. */
  monotonic(): bigint;
  /** Blocks the thread; never asked for more than is left of a call's deadline. */
  sleep(milliseconds: number): void;
}

export interface EngineLimits {
  /** Linear memory in 64 KiB pages; growth beyond it is refused. */
  readonly memoryPages: number;
  readonly fuelPerCall: number;
  /** Fuel for all start functions together. */
  readonly startFuel: number;
  /** Largest payload, reply or host-call payload in bytes. */
  readonly payloadBytes: number;
  /** Milliseconds of one call, as far as the guest may sleep through it (WASI); default 200. */
  readonly deadlineMs?: number;
}

/** Guest faults are values. `fatal`: the instance is spent (trap, fuel, engine fault) and must be disposed. */
export type CallResult =
  | { readonly ok: true; readonly reply: Uint8Array }
  | { readonly ok: false; readonly error: IotError; readonly fatal: boolean };

/** The seam behind which an interpreter or compiler stands (`wasm3/`, later `v8/`). */
export interface Engine {
  readonly name: string;
  /**
   * Parses, links and compiles every function of `module`; runs nothing of it.
   * Throws `IotError`: E_MODULE, E_FEATURE, E_IMPORT, E_EXPORT, E_LIMIT, E_MEMORY.
   */
  load(module: Uint8Array, host: GuestHost, limits: EngineLimits): Instance;
  /** A plain module, without waPC: only its own exports, no imports. Throws as `load` does. */
  loadPlain(module: Uint8Array, limits: EngineLimits): PlainInstance;
}

/** One loaded actor. Calls never overlap (waPC: no re-entry); the owner disposes it exactly once. */
export interface Instance extends Disposable {
  /** Runs `_start`, `_initialize`, `wapc_init` in that order, each if exported. Throws E_START, E_FUEL, E_TRAP. */
  start(): void;
  /** One waPC call. The reply is a copy that the caller owns. */
  call(operation: string, payload: Uint8Array): CallResult;
  /** Fuel burnt by the last call: the same call burns the same fuel on every machine. */
  readonly fuelUsed: number;
  /** Current size of the guest's memory in pages. */
  readonly memoryPages: number;
}

export type PlainValue = number | bigint;

export interface PlainInstance extends Disposable {
  /**
   * Calls an export with arguments as text (`i32`/`i64` decimal or 0x hex, `f32`/`f64` as JavaScript writes them).
   * Throws E_USAGE for an unknown name, a wrong count or an argument that does not fit its type; E_TRAP, E_FUEL.
   */
  invoke(name: string, args: readonly string[]): readonly PlainValue[];
}
