/** Milliseconds since some moment, the same one for all threads of this process; never goes back. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
