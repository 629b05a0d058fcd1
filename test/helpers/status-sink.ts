import type { UpdateStatus } from '#runtime/control/protocol/messages.js';
import type { StatusSink } from '#runtime/ota/index.js';

/** Collects statuses and reports as a broker would see them. */
export class MemorySink implements StatusSink {
  readonly statuses: UpdateStatus[] = [];
  readonly reports: Uint8Array[] = [];
  /** Nobody takes reports. */
  deaf = false;
  private waiting: { matches: (status: UpdateStatus) => boolean; resolve: () => void }[] = [];

  async status(status: UpdateStatus): Promise<void> {
    this.statuses.push(status);
    for (const { matches, resolve } of this.waiting) if (matches(status)) resolve();
  }

  async report(report: Uint8Array): Promise<void> {
    if (this.deaf) throw new Error('the broker is gone');
    this.reports.push(report);
  }

  /** Resolves with the next status of that name from now on. */
  next(state: UpdateStatus['state']): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ matches: (status) => status.state === state, resolve });
    });
  }

  get last(): UpdateStatus | undefined {
    return this.statuses.at(-1);
  }

  /** `fetching 50`, `rejected E_OLDER`, `active`: all, or those of one sequence number, of one component. */
  lines(sequence?: number, component?: string): string[] {
    return this.statuses
      .filter((status) => sequence === undefined || status.sequence === sequence)
      .filter((status) => component === undefined || status.component === component)
      .map(({ state, percent, reason }) =>
        [state, percent, reason?.code].filter((part) => part !== undefined).join(' '),
      );
  }

  clear(): void {
    this.statuses.length = 0;
    this.reports.length = 0;
  }
}
