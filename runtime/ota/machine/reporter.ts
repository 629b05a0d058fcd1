import type { ErrorRecord } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import {
  FINAL_STATES,
  type InstalledVersion,
  type UpdateState,
  type UpdateStatus,
} from '../../control/protocol/messages.js';
import type { Signer } from '../../trust/cose/signer.js';
import { URI_MQTT } from '../../trust/suit/labels.js';
import { createReport } from '../../trust/suit/report.js';
import type { StatusSink } from '../ports.js';
import type { ComponentRecord, InstalledRecord, ReportEntry } from '../storage/record.js';
import type { Store } from '../storage/store.js';
import { Outbox } from './outbox.js';

/** What of a status is not in the record. */
export interface Step {
  readonly component: string;
  readonly deployment: string;
  readonly state: UpdateState;
  /** Unknown until the manifest has been read. */
  readonly sequence?: number | undefined;
  readonly percent?: number | undefined;
  readonly reason?: ErrorRecord | undefined;
  readonly pending?: InstalledVersion | undefined;
  readonly unbound?: readonly string[] | undefined;
  readonly grown?: readonly string[] | undefined;
}

/** Statuses of one deployment, as fleet services count them; what is left out says less than what follows it. */
export const MAX_STATUSES = 64;
/** Deployments whose statuses are counted; the oldest is forgotten. */
const MAX_COUNTED = 64;

/** Tells the outside how updates go. Never waits for it: a broker that is gone must not stop an update. */
export class Reporter {
  private readonly sending = new Set<Promise<void>>();
  private readonly counts = new Map<string, number>();
  private readonly outbox: Outbox;
  private lastLine = '';

  constructor(
    store: Store,
    private readonly sink: StatusSink,
    private readonly device: string,
    private readonly key: Signer,
    private readonly log: Logger,
  ) {
    this.outbox = new Outbox(store, (entry) => this.sink.report(this.sign(entry)), log);
  }

  /**
   * Not counted are `received`, the answer to a message that anybody may send under the name of a deployment, and the
   * end, which is always told. `slots` are those of the component, for the log.
   */
  status(step: Step, record: ComponentRecord, slots: readonly string[] = [step.component]): void {
    if (step.state !== 'received' && !FINAL_STATES.includes(step.state) && !this.count(step.deployment))
      return;
    const installed = record.active === undefined ? undefined : versionOf(record.active);
    const previous = record.previous === undefined ? undefined : versionOf(record.previous);
    const status: UpdateStatus = { v: 1, ...step, floor: record.floor, installed, previous };
    this.write(step, slots);
    this.send(() => this.sink.status(status));
  }

  /** The last status of a deployment whose report is in the record. */
  ended(step: Step, record: ComponentRecord, slots: readonly string[]): void {
    this.status(step, record, slots);
    this.outbox.drain();
  }

  /** The last status, and the report, of what is not worth a place in the record. */
  refused(step: Step, record: ComponentRecord): void {
    this.status(step, record);
    const { deployment, state, reason } = step;
    this.outbox.postVolatile({ deployment, state, ...(reason === undefined ? {} : { code: reason.code }) });
  }

  /** Sends the reports that wait: call it when somebody may take them. */
  sendReports(): void {
    this.outbox.drain();
  }

  /** Resolves when everything handed over so far has been taken or refused. */
  async flushed(): Promise<void> {
    while (this.sending.size > 0) await Promise.all(this.sending);
    await this.outbox.idle();
  }

  /** A line for each new state: how far a module has come is no news of its own. */
  private write({ component, deployment, state, reason }: Step, slots: readonly string[]): void {
    const why = reason === undefined ? '' : `, ${reason.code}: ${reason.message}`;
    const line = `update of ${component}: ${state}${why}`;
    const key = `${deployment} ${line}`;
    if (key === this.lastLine) return;
    this.lastLine = key;
    const of = slots.length === 1 && slots[0] === component ? {} : { actors: slots };
    const isBad = reason !== undefined && state !== 'received';
    this.log[isBad ? 'warn' : 'info'](line, { component, deployment, ...of });
  }

  private sign({
    deployment,
    state,
    code,
    timeUnverified,
    component,
    grown,
    attempt,
  }: ReportEntry): Uint8Array {
    const report = {
      uri: URI_MQTT,
      manifestDigest: Uint8Array.from(Buffer.from(deployment, 'hex')),
      device: this.device,
      state,
      outcome: code ?? 'done',
      timeUnverified,
      componentIndex: component,
      grown,
      attempt,
    } as const;
    return createReport(report, this.key);
  }

  /** False when the deployment has had its share but for how it ends. */
  private count(deployment: string): boolean {
    const count = (this.counts.get(deployment) ?? 0) + 1;
    if (count >= MAX_STATUSES) return false;
    this.counts.delete(deployment);
    this.counts.set(deployment, count);
    const [oldest] = this.counts.keys();
    if (this.counts.size > MAX_COUNTED && oldest !== undefined) this.counts.delete(oldest);
    return true;
  }

  private send(publish: () => Promise<void>): void {
    const sent: Promise<void> = Promise.resolve()
      .then(publish)
      .catch((thrown: unknown) => this.log.warn(`update status was not sent: ${String(thrown)}`))
      .finally(() => this.sending.delete(sent));
    this.sending.add(sent);
  }
}

export function versionOf(installed: InstalledRecord): InstalledVersion {
  const { digest, size, sequence, key, version } = installed;
  return {
    digest,
    ...(size === undefined ? {} : { size }),
    ...{ sequence, key },
    ...(version === undefined ? {} : { version }),
  };
}
