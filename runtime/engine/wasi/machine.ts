import { randomFillSync } from 'node:crypto';
import type { GuestClock } from '../engine.js';

const NS_PER_MS = 1_000_000;
const nobodyWakes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** The clock of this machine. `sleep` blocks the thread, as a synchronous guest wants it to. */
export const machineClock: GuestClock = {
  realtime: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * NS_PER_MS)),
  monotonic: () => process.hrtime.bigint(),
  sleep: (milliseconds) => void Atomics.wait(nobodyWakes, 0, 0, milliseconds),
};

/** Randomness of this machine, fit for keys. */
export function machineRandom(into: Uint8Array): void {
  randomFillSync(into);
}
