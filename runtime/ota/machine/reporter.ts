import type { ErrorRecord } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { InstalledVersion, UpdateState, UpdateStatus } from '../../control/protocol/messages.js';
import type { Signer } from '../../trust/cose/signer.js';
import { URI_MQTT } from '../../trust/suit/labels.js';
import { createReport } from '../../trust/suit/report.js';
import type { StatusSink } from '../ports.js';
import type { ComponentRecord, InstalledRecord } from '../storage/record.js';

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
}

/** Tells the outside how updates go. Never waits for it: a broker that is gone must not stop an update. */
export class Reporter {
  private readonly sending = new Set<Promise<void>>();

  constructor(
    private readonly sink: StatusSink,
    private readonly device: string,
    private readonly key: Signer,
    private readonly log: Logger,
  ) {}

  status(step: Step, record: ComponentRecord): void {
    const installed = record.active === undefined ? undefined : versionOf(record.active);
    const previous = record.previous === undefined ? undefined : versionOf(record.previous);
    const status: UpdateStatus = { v: 1, ...step, floor: record.floor, installed, previous };
    this.log.info(
      () => `update of ${step.component}: ${step.state}${step.reason ? ` (${step.reason.code})` : ''}`,
      {
        component: step.component,
        deployment: step.deployment,
      },
    );
    this.send(() => this.sink.status(status));
  }

  /** The last status of a deployment, and the signed report of it. */
  ended(step: Step, record: ComponentRecord): void {
    this.status(step, record);
    const report = createReport(
      {
        uri: URI_MQTT,
        manifestDigest: Uint8Array.from(Buffer.from(step.deployment, 'hex')),
        device: this.device,
        state: step.state,
        outcome: step.reason?.code ?? 'done',
      },
      this.key,
    );
    this.send(() => this.sink.report(report));
  }

  /** Resolves when everything handed over so far has been taken or refused. */
  async flushed(): Promise<void> {
    while (this.sending.size > 0) await Promise.all(this.sending);
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
