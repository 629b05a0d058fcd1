/** Wakes whoever waits: for a change, for a time, or for an abort, whichever comes first. */
export class Wakeup {
  private readonly sleepers = new Set<() => void>();

  wake(): void {
    for (const wake of [...this.sleepers]) wake();
  }

  /** Resolves on `wake`, after `ms`, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        this.sleepers.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.sleepers.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
