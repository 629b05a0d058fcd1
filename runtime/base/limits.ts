/** Every bound of the host, in one place; configuration overrides those that say so. Bytes unless named otherwise. */
export const KIB = 1024;
export const MIB = 1024 * KIB;

/** What one actor may use; each can be set under `limits:` in its slot. */
export interface ActorLimits {
  /** Linear memory in 64 KiB pages. A module that declares a larger maximum is refused; none declared is clamped. */
  readonly memoryPages: number;
  /** Fuel units for one call: every back-edge and every call costs one. */
  readonly fuelPerCall: number;
  /** Wall-clock milliseconds for one call, host calls included; enforced from outside the engine. */
  readonly deadlineMs: number;
  /** Messages that may wait for the actor. */
  readonly queue: number;
  /** Largest request, reply or host-call payload. */
  readonly payloadBytes: number;
}

export const DEFAULT_ACTOR_LIMITS: ActorLimits = {
  memoryPages: 64,
  fuelPerCall: 5_000_000,
  deadlineMs: 200,
  queue: 1024,
  payloadBytes: 1 * MIB,
};

/** Fuel for `_start`, `_initialize` and `wapc_init` together: start-up may do more than one call. */
export const START_FUEL = 50_000_000;
/** Milliseconds a module may take to be compiled and started. */
export const START_DEADLINE_MS = 5_000;

/** Admission (`runtime/engine/admission`). */
export const MAX_MODULE_BYTES = 4 * MIB;
export const MAX_FUNCTIONS = 20_000;
export const MAX_LOCALS = 10_000;
export const MAX_BLOCK_NESTING = 256;
export const MAX_TABLE_ENTRIES = 20_000;
export const MAX_DATA_SEGMENTS = 10_000;
export const MAX_ELEMENT_SEGMENTS = 10_000;

/** Claims of one module (`runtime/trust/wascap`). */
export const MAX_TOKEN_BYTES = 64 * KIB;

/** Updates (`runtime/trust`, `runtime/ota`). */
export const MAX_ENVELOPE_BYTES = 8 * KIB;
export const MAX_SIGNATURES = 8;
export const MAX_COMPONENTS = 8;
export const MAX_CBOR_DEPTH = 16;
export const CHUNK_BYTES = 16 * KIB;
export const CHUNK_WINDOW = 16;
/** What is asked for at a time on a link that is too small for chunks. */
export const PORTION_BYTES = 4 * KIB;
/**
 * One deployment may cost so many times the size of its module, and one window more, in bytes that come for it: the
 * module itself, what is repeated, and what somebody sends in its name.
 */
export const MAX_FETCH_FACTOR = 4;
