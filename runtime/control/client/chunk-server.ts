import { equalBytes } from '../../trust/cbor/bytes.js';
import { type ChunkRequest, decodeChunkRequest, encodeChunk } from '../mqtt/chunks.js';
import type { BrokerLink, Subscription } from '../mqtt/link.js';
import { topics } from '../protocol/topics.js';

/** Requests that may wait; a device asks again for what it did not get. */
const MAX_WAITING = 4;

/** Answers a device's `ota/get` for one deployment, and only that one. */
export class ChunkServer {
  /** End of the furthest chunk sent, in bytes. */
  sentBytes = 0;
  private readonly waiting: ChunkRequest[] = [];
  private working = false;
  private subscription: Subscription | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    private readonly deployment: Uint8Array,
    private readonly module: Uint8Array,
    private readonly onSent: () => void,
  ) {}

  async start(): Promise<void> {
    this.subscription = await this.link.subscribe(topics.get(this.device), ({ payload }) => {
      const request = decodeChunkRequest(payload);
      if (request === undefined || !equalBytes(request.deployment, this.deployment)) return;
      if (request.offset >= this.module.length || this.waiting.length >= MAX_WAITING) return;
      this.waiting.push(request);
      this.work().catch(() => {});
    });
  }

  async stop(): Promise<void> {
    this.waiting.length = 0;
    await this.subscription?.close();
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
    const sending: Promise<void>[] = [];
    const end = Math.min(this.module.length, offset + length * count);
    for (let at = offset; at < end; at += length) {
      const bytes = this.module.subarray(at, Math.min(at + length, end));
      sending.push(this.link.publish(topics.data(this.device), encodeChunk(this.deployment, at, bytes)));
    }
    this.sentBytes = Math.max(this.sentBytes, end);
    this.onSent();
    await Promise.all(sending);
  }
}
