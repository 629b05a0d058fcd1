import { equalBytes } from '../../trust/cbor/bytes.js';
import { partOffsets } from '../../trust/suit/part-offsets.js';
import { type ChunkRequest, decodeChunkRequest, encodeChunk } from '../mqtt/chunks.js';
import type { BrokerLink, Subscription } from '../mqtt/link.js';
import { topics } from '../protocol/topics.js';

/** Requests that may wait; a device asks again for what it did not get. */
const MAX_WAITING = 4;

/** A module of the deployment; without bytes nothing of it is handed out. */
export interface ServedModule {
  readonly size: number;
  readonly bytes?: Uint8Array | undefined;
}

/** A module, where it begins, and the end of the furthest chunk of it that was sent. */
interface Part {
  readonly bytes: Uint8Array;
  readonly offset: number;
  sent: number;
}

/** Answers a device's `ota/get` for one deployment, and only that one. */
export class ChunkServer {
  private readonly parts: readonly Part[];
  private readonly waiting: ChunkRequest[] = [];
  private working = false;
  private subscription: Subscription | undefined;
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    private readonly deployment: Uint8Array,
    /** In the order of the manifest. */
    modules: readonly ServedModule[],
    private readonly onSent: () => void,
  ) {
    const offsets = partOffsets(modules.map(({ size }) => size));
    this.parts = modules.flatMap(({ bytes }, at) =>
      bytes === undefined ? [] : [{ bytes, offset: offsets[at] ?? 0, sent: 0 }],
    );
  }

  /** Bytes up to the furthest chunk sent, of all modules. */
  get sentBytes(): number {
    return this.parts.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Bytes that there are to send. */
  get totalBytes(): number {
    return this.parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  async start(): Promise<void> {
    if (this.parts.length === 0) return;
    this.subscription = await this.link.subscribe(topics.get(this.device), ({ payload }) => {
      const request = decodeChunkRequest(payload);
      if (request === undefined || !equalBytes(request.deployment, this.deployment)) return;
      if (this.partAt(request.offset) === undefined || this.waiting.length >= MAX_WAITING) return;
      this.waiting.push(request);
      this.work().catch(() => {});
    });
    // A device that has come to rest meanwhile asks again at once.
    this.stopListening = this.link.onConnect(() => this.sayHello());
  }

  /** A chunk without bytes: somebody is there to be asked. */
  private sayHello(): void {
    const nothing = encodeChunk(this.deployment, 0, new Uint8Array(0));
    this.link.publish(topics.data(this.device), nothing).catch(() => {});
  }

  async stop(): Promise<void> {
    this.waiting.length = 0;
    this.stopListening?.();
    await this.subscription?.close();
  }

  private partAt(at: number): Part | undefined {
    return this.parts.find(({ bytes, offset }) => at >= offset && at < offset + bytes.length);
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      // Two answers on their way: a broker that acknowledges late does not hold up the next one.
      let before = Promise.resolve();
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
        // A lost connection loses the answer: the device asks again.
        const answering = this.answer(next).catch(() => {});
        await before;
        before = answering;
      }
    } finally {
      this.working = false;
    }
  }

  private async answer({ offset, length, count }: ChunkRequest): Promise<void> {
    const part = this.partAt(offset);
    if (part === undefined) return;
    const sending: Promise<void>[] = [];
    const first = offset - part.offset;
    const end = Math.min(part.bytes.length, first + length * count);
    for (let at = first; at < end; at += length) {
      const chunk = encodeChunk(
        this.deployment,
        part.offset + at,
        part.bytes.subarray(at, Math.min(at + length, end)),
      );
      // A lost chunk is asked for again. Acknowledged by the broker, it would wait for TCP at the end of each window.
      sending.push(this.link.publish(topics.data(this.device), chunk, { qos: 0 }));
    }
    part.sent = Math.max(part.sent, end);
    this.onSent();
    await Promise.all(sending);
  }
}
