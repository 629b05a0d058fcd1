import type { BrokerLink } from '../mqtt/link.js';
import { MAX_LOG_LEASE_MS } from '../protocol/arguments.js';
import type { LogLine } from '../protocol/messages.js';
import { topics } from '../protocol/topics.js';

/** Lines on their way to the broker; more are dropped and counted, so that logging never fills the memory. */
const MAX_IN_FLIGHT = 256;

/** The `log` topic: JSON lines, only while somebody's lease is alive. */
export class LogStream {
  private aliveUntil = 0;
  private inFlight = 0;
  private dropped = 0;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
  ) {}

  get alive(): boolean {
    return performance.now() < this.aliveUntil;
  }

  /** Extends the lease to `ms` from now, at most `MAX_LOG_LEASE_MS`; a shorter one never cuts a longer. */
  lease(ms: number): void {
    this.aliveUntil = Math.max(this.aliveUntil, performance.now() + Math.min(ms, MAX_LOG_LEASE_MS));
  }

  publish(line: LogLine): void {
    if (!this.alive || !this.link.connected) return;
    if (this.inFlight >= MAX_IN_FLIGHT) {
      this.dropped++;
      return;
    }
    const missed = this.dropped === 0 ? {} : { dropped: this.dropped };
    this.dropped = 0;
    this.inFlight++;
    this.link
      .publish(topics.log(this.device), JSON.stringify({ ...line, ...missed }), { qos: 0 })
      .catch(() => {})
      .finally(() => {
        this.inFlight--;
      });
  }
}
