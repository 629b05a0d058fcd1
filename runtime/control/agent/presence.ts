import { type Logger, silentLogger } from '../../base/logger.js';
import type { BrokerLink, Subscription } from '../mqtt/link.js';
import type { Presence } from '../protocol/messages.js';
import { parsePresence } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';

export type PresenceActors = Presence['actors'];
export type DeviceInfo = Omit<Presence, 'v' | 'state' | 'actors'>;

/** What the broker tells everybody when the device is gone without a word. */
export function lastWill(info: DeviceInfo): { topic: string; payload: Uint8Array } {
  return { topic: topics.presence(info.device), payload: encode(info, 'offline', []) };
}

/** Keeps the retained `presence` true while the device is connected. */
export class PresencePublisher {
  /** Resolves when the broker has taken `online` for the first time. */
  readonly announced: Promise<void>;
  private resolveAnnounced: () => void = () => {};
  private subscription: Subscription | undefined;
  private stopListening: (() => void) | undefined;
  private published: string | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly info: DeviceInfo,
    private readonly actors: () => PresenceActors,
    private readonly logger: Logger = silentLogger,
  ) {
    this.announced = new Promise((resolve) => {
      this.resolveAnnounced = resolve;
    });
  }

  async start(): Promise<void> {
    this.stopListening = this.link.onConnect(() => {
      this.published = undefined;
      this.refresh();
    });
    this.subscription = await this.link.subscribe(topics.presence(this.info.device), ({ payload }) =>
      this.observe(payload),
    );
    this.refresh();
  }

  /** Publishes again when something changed: call it whenever actors did. */
  refresh(): void {
    if (!this.link.connected) return;
    const payload = encode(this.info, 'online', this.actors());
    const text = payload.toString();
    if (text === this.published) return;
    this.published = text;
    this.send(payload).then(this.resolveAnnounced, () => {
      this.published = undefined;
    });
  }

  /** Says that the device goes, in its own words instead of the last will's. */
  async stop(): Promise<void> {
    this.stopListening?.();
    await this.subscription?.close();
    if (this.link.connected) await this.send(encode(this.info, 'offline', this.actors())).catch(() => {});
  }

  private send(payload: Uint8Array): Promise<void> {
    return this.link.publish(topics.presence(this.info.device), payload, { retain: true });
  }

  /** The last will of an earlier connection may arrive after this one said `online`: then it is said again. */
  private observe(payload: Uint8Array): void {
    if (Buffer.from(payload).toString() === this.published) return;
    const seen = parsePresence(payload);
    if (seen?.state === 'online' && seen.session > this.info.session) {
      this.logger.warn(`another host is running under the name ${this.info.device}`, {
        session: seen.session,
      });
      return;
    }
    // An own message from before the last change.
    if (seen?.state === 'online' && seen.session === this.info.session) return;
    this.published = undefined;
    this.refresh();
  }
}

function encode(info: DeviceInfo, state: Presence['state'], actors: PresenceActors): Buffer {
  const { device, session, version, board, labels } = info;
  const presence: Presence = { v: 1, state, device, session, version, board, labels, actors };
  return Buffer.from(JSON.stringify(presence));
}
