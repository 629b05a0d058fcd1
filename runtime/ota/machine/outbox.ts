import { asIotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import {
  MAX_GROWN,
  MAX_GROWN_CHARACTERS,
  MAX_REPORTS,
  type ReportEntry,
  type StateRecord,
} from '../storage/record.js';
import type { Store } from '../storage/store.js';

/** What is reported, before it has got its number. */
export type Ended = Omit<ReportEntry, 'attempt'>;

/** The part of a report that says which module of a release was the cause: none for the first, or where it is not known. */
export function causedBy(index: number | undefined): Pick<Ended, 'component'> {
  return index === undefined || index <= 0 ? {} : { component: index };
}

/** The part of a report that says what modules may use now; cut, since the record has little room. */
export function grownBy(grown: readonly string[]): Pick<Ended, 'grown'> {
  if (grown.length === 0) return {};
  return { grown: grown.slice(0, MAX_GROWN).map((one) => one.slice(0, MAX_GROWN_CHARACTERS)) };
}

/** The record with one more report to be sent; the oldest one gives way when there are too many. */
export function post(state: StateRecord, ended: Ended): StateRecord {
  const reports = state.reports + 1;
  const outbox = [...state.outbox, { ...ended, attempt: reports }];
  const dropped = Math.max(0, outbox.length - MAX_REPORTS);
  return { ...state, reports, outbox: outbox.slice(dropped), reportsDropped: state.reportsDropped + dropped };
}

const without = (state: StateRecord, attempt: number): StateRecord => ({
  ...state,
  outbox: state.outbox.filter((entry) => entry.attempt !== attempt),
});

/**
 * Reports on their way to the fleet. How a deployment ended is written in the same record as the ending itself and
 * stays there until somebody took it, over restarts too. Refusals of what was never authentic are kept in memory only:
 * whoever can publish could wear out the disk otherwise.
 */
export class Outbox {
  private readonly volatile: ReportEntry[] = [];
  /** Taken, but still in the record, because the disk did not let go of it. */
  private readonly sent = new Set<number>();
  private draining: Promise<void> | undefined;
  private again = false;

  constructor(
    private readonly store: Store,
    /** Signs and publishes; rejects when nobody took it. */
    private readonly publish: (entry: ReportEntry) => Promise<void>,
    private readonly log: Logger,
  ) {}

  /** One that is not worth a write. */
  postVolatile(ended: Ended): void {
    this.volatile.push({ ...ended, attempt: 0 });
    if (this.volatile.length > MAX_REPORTS) this.volatile.shift();
    this.drain();
  }

  /** Sends what there is, oldest first: call it when there is more, and when there is a broker again. */
  drain(): void {
    this.again = true;
    this.draining ??= this.run().finally(() => {
      this.draining = undefined;
    });
  }

  /** Resolves when nothing is being sent. */
  async idle(): Promise<void> {
    await this.draining;
  }

  private async run(): Promise<void> {
    while (this.again) {
      this.again = false;
      try {
        await this.sendStored();
        await this.sendVolatile();
      } catch (thrown) {
        this.log.debug(`update reports wait for the broker: ${asIotError(thrown).message}`);
      }
    }
  }

  private async sendStored(): Promise<void> {
    for (const entry of this.store.current.outbox) {
      if (this.sent.has(entry.attempt)) continue;
      await this.publish(entry);
      this.sent.add(entry.attempt);
      try {
        await this.store.change((state) => without(state, entry.attempt));
        this.sent.delete(entry.attempt);
      } catch (thrown) {
        // It comes again after a restart, under the same number.
        this.log.warn(`a report that was taken stays in the record: ${asIotError(thrown).message}`);
      }
    }
  }

  private async sendVolatile(): Promise<void> {
    for (let entry = this.volatile[0]; entry !== undefined; entry = this.volatile[0]) {
      await this.publish(entry);
      // It may have given way to newer ones meanwhile.
      if (this.volatile[0] === entry) this.volatile.shift();
    }
  }
}
