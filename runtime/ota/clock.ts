/** Time as updates see it; tests move it by hand. */
export interface Clock {
  /** Unix milliseconds as the system has them, right or not. */
  now(): number;
  /** Whether the system's time has been set by something that knows it (NTP, a clock with a battery). */
  trusted(): boolean;
  /** Milliseconds since some moment, however the time is set meanwhile. Default: it stands still. */
  uptime?(): number;
  /** Calls `run` once after `ms` milliseconds; the result takes that back. */
  after(ms: number, run: () => void): () => void;
}

/** The largest delay that Node's timers know; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** `trusted`: asked each time; default: the time is believed. */
export function systemClock(trusted: () => boolean = () => true): Clock {
  return {
    now: () => Date.now(),
    trusted,
    uptime: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, Math.min(ms, MAX_DELAY_MS));
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `ms`; rejects with the reason of `signal` when that is aborted before. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  let cancel = () => {};
  const elapsed = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  return abortable(elapsed, signal).finally(() => cancel());
}

/** What `promise` comes to, unless `signal` is aborted first: then its reason, at once. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) {
      promise.catch(() => undefined);
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
