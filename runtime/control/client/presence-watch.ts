import { IotError } from '../../base/errors.js';
import type { BrokerLink } from '../mqtt/link.js';
import { readRetained } from '../mqtt/retained.js';
import type { Presence } from '../protocol/messages.js';
import { parsePresence } from '../protocol/parse.js';
import { level, topics } from '../protocol/topics.js';

/** Milliseconds that a broker gets to hand out what it keeps of a device. */
export const PRESENCE_TIMEOUT_MS = 1_500;
/** Names in a hint. */
const MAX_NAMES = 5;

/** Follows the `presence` of one device. */
export class PresenceWatch {
  private latest: Presence | undefined;
  private readonly listeners = new Set<(presence: Presence) => void>();

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
  ) {}

  async start(): Promise<void> {
    await this.link.subscribe(topics.presence(this.device), ({ payload }) => this.receive(payload));
  }

  /** What is known right now. */
  get current(): Presence | undefined {
    return this.latest;
  }

  /** Called with every change. Returns what removes the listener. */
  listen(listener: (presence: Presence) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The device's presence, online or not. Rejects with E_DEVICE_NOT_FOUND when the broker knows none. */
  async known(timeoutMs: number = PRESENCE_TIMEOUT_MS): Promise<Presence> {
    if (this.latest !== undefined) return this.latest;
    const found = await new Promise<Presence | undefined>((resolve) => {
      const done = (presence?: Presence): void => {
        clearTimeout(timer);
        stop();
        resolve(presence);
      };
      const stop = this.listen(done);
      const timer = setTimeout(done, timeoutMs);
    });
    if (found !== undefined) return found;
    throw await this.notFound();
  }

  private receive(payload: Uint8Array): void {
    const presence = parsePresence(payload);
    if (presence === undefined || presence.device !== this.device) return;
    // The last will of an earlier run may come after the next run has said `online`.
    if (this.latest !== undefined && presence.session < this.latest.session) return;
    this.latest = presence;
    for (const listener of [...this.listeners]) listener(presence);
  }

  private async notFound(): Promise<IotError> {
    const { url } = this.link.address;
    const others = await listDevices(this.link).catch(() => []);
    const names = others.slice(0, MAX_NAMES).map((other) => other.device);
    const more = others.length > MAX_NAMES ? `, and ${others.length - MAX_NAMES} more` : '';
    const here =
      names.length === 0 ? 'no device has ever been there' : `there are: ${names.join(', ')}${more}`;
    return new IotError(
      'E_DEVICE_NOT_FOUND',
      `device ${this.device} was not found: looked at ${topics.presence(this.device)} on ${url}; ${here}`,
      { hint: `iot-host devices add ${this.device} --broker mqtt://HOST:1883` },
    );
  }
}

/** Every device that the broker knows, by name. Rejects with E_BROKER_UNREACHABLE. */
export async function listDevices(link: BrokerLink): Promise<Presence[]> {
  const found = await readRetained(link, topics.presence('+'));
  return [...found]
    .flatMap(([topic, payload]) => {
      const presence = parsePresence(payload);
      return presence !== undefined && presence.device === level(topic, 1) ? [presence] : [];
    })
    .sort((a, b) => (a.device < b.device ? -1 : 1));
}
