import type { GuestClock } from '../engine.js';
import type { GuestMemory } from './guest-memory.js';
import type { Lines } from './lines.js';

/** What a WASI function works on. */
export interface WasiGuest {
  readonly memory: GuestMemory;
  readonly clock: GuestClock;
  random(into: Uint8Array): void;
  /** Where a file descriptor is written to; `undefined`: it is not open for writing. */
  output(fd: number): Lines | undefined;
  /** Bytes that one `fd_write` takes; the guest is told how many it were. */
  readonly writeBytes: number;
  /** Milliseconds left of the present call. */
  remainingMs(): number;
}
