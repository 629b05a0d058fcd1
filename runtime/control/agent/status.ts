import { type Logger, silentLogger } from '../../base/logger.js';
import type { StatusSink } from '../../ota/ports.js';
import type { BrokerLink } from '../mqtt/link.js';
import type { UpdateStatus } from '../protocol/messages.js';
import { topics } from '../protocol/topics.js';

/** Components whose last status is kept to be sent again: slots and releases of this device, and some more. */
const MAX_KEPT = 128;

/**
 * Retained `ota/state/<component>` and `ota/report`. An update goes on without a broker: a status that cannot be
 * sent is kept (the last one of each component) and sent with the next connection.
 */
export class MqttStatusSink implements StatusSink {
  private readonly latest = new Map<string, UpdateStatus>();
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    private readonly logger: Logger = silentLogger,
  ) {}

  start(): void {
    this.stopListening = this.link.onConnect(() => {
      for (const status of this.latest.values()) this.publish(status).catch(() => {});
    });
  }

  stop(): void {
    this.stopListening?.();
  }

  /** Never rejects. */
  async status(status: UpdateStatus): Promise<void> {
    this.keep(status);
    try {
      await this.publish(status);
    } catch {
      this.logger.debug(`state ${status.state} of ${status.component} waits for the broker`);
    }
  }

  /** Rejects with E_BROKER_UNREACHABLE when nobody took it: it must stay in the outbox. */
  report(report: Uint8Array): Promise<void> {
    return this.link.publish(topics.report(this.device), report);
  }

  private keep(status: UpdateStatus): void {
    this.latest.delete(status.component);
    this.latest.set(status.component, status);
    if (this.latest.size <= MAX_KEPT) return;
    // Anybody at the broker may make up components: theirs go first, for they hold nothing.
    const empty = [...this.latest.values()].find(({ installed }) => installed === undefined);
    const [oldest] = this.latest.keys();
    this.latest.delete(empty?.component ?? oldest ?? '');
  }

  private publish(status: UpdateStatus): Promise<void> {
    const topic = topics.state(this.device, status.component);
    return this.link.publish(topic, JSON.stringify(status), { retain: true });
  }
}
