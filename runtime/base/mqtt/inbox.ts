import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket } from 'mqtt';
import { asIotError } from '../errors.js';

/** Pauses before a message that the actor could not take is offered again, in milliseconds. */
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 1_000;

/** Hands one message to the actor; rejects as `Deliver` says. */
export type Handle = (packet: IPublishPacket) => Promise<unknown>;

export interface InboxEvents {
  /** Whether the actor may see `topic`. */
  allows(topic: string): boolean;
  /** A message came that will not be offered again although the actor did not handle it well. */
  dropped(topic: string, why: string): void;
  /** The actor had it and failed. */
  failed(topic: string, why: string): void;
}

/** Hands messages to one actor, one at a time, until each has been handled. */
export class Inbox {
  readonly #closing = new AbortController();
  #inHand: { packet: IPublishPacket; handled: Promise<boolean> } | undefined;

  constructor(
    private handle: Handle,
    private readonly events: InboxEvents,
  ) {}

  redirect(handle: Handle): void {
    this.handle = handle;
  }

  get busy(): boolean {
    return this.#inHand !== undefined;
  }

  /**
   * Resolves with true once the packet has been handled and may be acknowledged, with false when the inbox closed
   * before. A packet that comes again because the connection broke while it was in hand is not handed out twice.
   */
  take(packet: IPublishPacket): Promise<boolean> {
    if (this.#closing.signal.aborted) return Promise.resolve(false);
    if (this.#inHand !== undefined && isRepeat(packet, this.#inHand.packet)) return this.#inHand.handled;
    const handled = this.#offer(packet);
    this.#inHand = { packet, handled };
    return handled;
  }

  /** The packet that was in hand has been acknowledged. */
  release(): void {
    this.#inHand = undefined;
  }

  /** Takes nothing more, and waits at most `ms` for the actor to finish with what it has. */
  async close(ms: number): Promise<void> {
    this.#closing.abort();
    const late = new AbortController();
    const timeout = sleep(ms, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([this.#inHand?.handled, timeout]);
    late.abort();
  }

  async #offer(packet: IPublishPacket): Promise<boolean> {
    const { topic } = packet;
    if (!this.events.allows(topic)) {
      this.events.dropped(topic, 'not granted');
      return true;
    }
    for (let pause = MIN_RETRY_MS; ; pause = Math.min(pause * 2, MAX_RETRY_MS)) {
      try {
        await this.handle(packet);
        return true;
      } catch (thrown) {
        const { code, message: why } = asIotError(thrown);
        if (code !== 'E_QUEUE_FULL' && code !== 'E_NOT_RUNNING') {
          this.events.failed(topic, why);
          return true;
        }
      }
      const { signal } = this.#closing;
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) return false;
    }
  }
}

/** Told by the broker to be a repetition, and the same in all that identifies it. */
function isRepeat(packet: IPublishPacket, before: IPublishPacket): boolean {
  return (
    packet.dup &&
    packet.qos > 0 &&
    packet.messageId === before.messageId &&
    packet.topic === before.topic &&
    Buffer.from(packet.payload).equals(Buffer.from(before.payload))
  );
}
