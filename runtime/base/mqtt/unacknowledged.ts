import type { IPublishPacket } from 'mqtt';

/** What a message came on; a new one for every connection. */
export interface Stream {
  write(bytes: Buffer): unknown;
  cork(): void;
  uncork(): void;
}

/** A QoS 1 message that was taken and not acknowledged yet. */
export interface Taken {
  readonly packet: IPublishPacket;
  /** Where it came last. */
  stream: Stream;
  handled: boolean;
}

/** PUBACK, the same in MQTT 3.1.1 (section 3.4) and, without a reason, in MQTT 5. */
const PUBACK = [0x40, 2] as const;

/**
 * The QoS 1 messages of one broker session that were taken and not acknowledged yet. They are acknowledged once they
 * have been handled, in the order in which they came (MQTT 3.1.1 section 4.6) and on the connection on which they came
 * last: a broken connection carries no acknowledgement, and the broker sends the message again on the next one.
 */
export class Unacknowledged {
  #list: Taken[] = [];
  #corked: Stream | undefined;

  /** `live`: the stream of the connection, while there is one. */
  constructor(private readonly live: () => Stream | undefined) {}

  /** Whether that message is in hand already, from a connection that broke: then it is not handed out twice. */
  again(packet: IPublishPacket, stream: Stream): boolean {
    const same = this.#list.findIndex((taken) => taken.stream !== stream && isRepeat(packet, taken.packet));
    // Repetitions come before anything new, in the old order: what was passed over does not come again.
    const passed = same < 0 ? this.#list.length : same;
    const taken = this.#list[same];
    this.#list = this.#list.filter((one, index) => index >= passed || one.stream === stream || !one.handled);
    if (taken === undefined) return false;
    taken.stream = stream;
    this.#acknowledge();
    return true;
  }

  add(packet: IPublishPacket, stream: Stream): Taken {
    const taken = { packet, stream, handled: false };
    this.#list.push(taken);
    return taken;
  }

  handled(taken: Taken): void {
    taken.handled = true;
    this.#acknowledge();
  }

  #acknowledge(): void {
    const stream = this.live();
    if (stream === undefined) return;
    for (const taken of [...this.#list]) {
      if (taken.stream !== stream) continue;
      if (!taken.handled) return;
      this.#list.splice(this.#list.indexOf(taken), 1);
      this.#write(stream, taken.packet.messageId ?? 0);
    }
  }

  /** What is acknowledged in one turn goes out in one piece. */
  #write(stream: Stream, id: number): void {
    if (this.#corked !== stream) {
      this.#corked = stream;
      stream.cork();
      setImmediate(() => {
        stream.uncork();
        if (this.#corked === stream) this.#corked = undefined;
      });
    }
    stream.write(Buffer.from([...PUBACK, id >> 8, id & 0xff]));
  }
}

/** Told by the broker to be a repetition, and the same in all that identifies it. */
function isRepeat(packet: IPublishPacket, before: IPublishPacket): boolean {
  return (
    packet.dup &&
    packet.messageId === before.messageId &&
    packet.topic === before.topic &&
    Buffer.from(packet.payload).equals(Buffer.from(before.payload))
  );
}
