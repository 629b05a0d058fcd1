/** Time as supervision sees it; tests move it by hand. */
export interface HostClock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds; the result takes that back. */
  after(ms: number, run: () => void): () => void;
}

export const machineClock: HostClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
