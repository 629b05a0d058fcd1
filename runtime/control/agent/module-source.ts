import { IotError } from '../../base/errors.js';
import { CHUNK_BYTES, CHUNK_WINDOW } from '../../base/limits.js';
import { type Logger, silentLogger } from '../../base/logger.js';
import type { FetchRequest, ModuleSource } from '../../ota/ports.js';
import { equalBytes, toHex } from '../../trust/cbor/bytes.js';
import { decodeChunk, encodeChunkRequest } from '../mqtt/chunks.js';
import type { BrokerLink, Subscription } from '../mqtt/link.js';
import { level, topics } from '../protocol/topics.js';
import { Transfer } from './transfer.js';

/** Milliseconds; all can be set for tests and for slow networks. */
export interface FetchTiming {
  /** Silence after which another source is tried. Default 1500. */
  readonly silenceMs: number;
  /** A chunk that was asked for is asked for again after this. Default 1000. */
  readonly retryMs: number;
  /** Time without one new chunk after which the fetch fails. Default 300 000. */
  readonly giveUpMs: number;
  /** Pauses while no source has anything, the last one over and over. */
  readonly pausesMs: readonly number[];
}

/** The last pause is short: one small question every 5 s, and a sender that returns is found soon. */
export const DEFAULT_FETCH_TIMING: FetchTiming = {
  silenceMs: 1_500,
  retryMs: 1_000,
  giveUpMs: 300_000,
  pausesMs: [500, 1_000, 2_000, 4_000, 5_000],
};

/** Checksums of one chunk that may be wrong before another source is tried. */
const MAX_SPOILT = 3;

/**
 * Pulls modules over MQTT: from a sender that answers on `ota/get`, or from the retained `iot/blobs/…` that one
 * left behind, whichever has them; the device asks, nobody pushes. Restarting it with another `have` resumes.
 */
export class MqttModuleSource implements ModuleSource {
  private readonly transfers = new Set<Transfer>();
  private readonly timing: FetchTiming;
  private subscription: Subscription | undefined;
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    timing: Partial<FetchTiming> = {},
    private readonly logger: Logger = silentLogger,
  ) {
    this.timing = { ...DEFAULT_FETCH_TIMING, ...timing };
  }

  async start(): Promise<void> {
    this.subscription = await this.link.subscribe(topics.data(this.device), ({ payload }) =>
      this.receive(payload),
    );
    this.stopListening = this.link.onConnect(() => {
      for (const transfer of this.transfers) transfer.changed.wake();
    });
  }

  async stop(): Promise<void> {
    this.stopListening?.();
    await this.subscription?.close();
  }

  async fetch(
    request: FetchRequest,
    have: (chunk: number) => boolean,
    sink: (offset: number, bytes: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const transfer = new Transfer(request, have, sink);
    this.transfers.add(transfer);
    try {
      await this.pull(transfer, signal);
      await transfer.written();
    } finally {
      this.transfers.delete(transfer);
    }
  }

  private async pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    let movedAt = performance.now();
    let fruitless = 0;
    for (let turn = 0; !transfer.complete; turn++) {
      const before = transfer.accepted;
      if (turn % 2 === 0) await this.askSender(transfer, signal);
      else await this.readBlobs(transfer, signal);
      this.check(transfer, signal);
      if (transfer.accepted > before) {
        movedAt = performance.now();
        fruitless = 0;
        continue;
      }
      const idleMs = performance.now() - movedAt;
      if (idleMs > this.timing.giveUpMs) throw nothingCame(transfer, idleMs);
      if (++fruitless >= 2) await this.rest(transfer, fruitless - 2, signal);
      this.check(transfer, signal);
    }
  }

  private check(transfer: Transfer, signal: AbortSignal): void {
    transfer.check();
    if (!signal.aborted) return;
    throw new IotError('E_CANCELLED', `fetching ${transfer.request.digest.slice(0, 12)} was cancelled`);
  }

  private async rest(transfer: Transfer, round: number, signal: AbortSignal): Promise<void> {
    const { pausesMs } = this.timing;
    const ms = pausesMs[Math.min(round, pausesMs.length - 1)] ?? 0;
    this.logger.debug(`no source has module ${transfer.request.digest.slice(0, 12)}, next try in ${ms} ms`);
    await transfer.changed.wait(ms, signal);
  }

  /** Asks on `ota/get` until all is there or nothing has come for `silenceMs`. */
  private async askSender(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const { retryMs, silenceMs } = this.timing;
    const asked = new Map<number, Asked>();
    let window = CHUNK_WINDOW;
    let accepted = transfer.accepted;
    let movedAt = performance.now();
    let unsent = false;
    transfer.spoilt.clear();
    while (!transfer.complete && !signal.aborted && !unsent) {
      const now = performance.now();
      if (transfer.accepted > accepted) movedAt = now;
      accepted = transfer.accepted;
      if (now - movedAt >= silenceMs) return;
      if ([...transfer.spoilt.values()].some((times) => times >= MAX_SPOILT)) return;
      const late = forget(asked, (chunk, { at }) => transfer.isMissing(chunk) && now - at >= retryMs);
      // What was lost or is slow is asked for in smaller portions: a narrow link is not made narrower.
      if (late > 0) window = Math.max(1, window >> 1);
      forget(
        asked,
        (chunk, { spoilt }) => !transfer.isMissing(chunk) || transfer.spoiltTimes(chunk) > spoilt,
      );
      const free = window - asked.size - transfer.unwritten;
      if (free >= window >> 1 && free > 0) {
        const chunks = transfer.next(free, (chunk) => !asked.has(chunk));
        for (const chunk of chunks) asked.set(chunk, { at: now, spoilt: transfer.spoiltTimes(chunk) });
        // Not waited for: brokers take their time to acknowledge, and the chunks are the better answer.
        this.ask(transfer, chunks).catch(() => {
          unsent = true;
          transfer.changed.wake();
        });
      }
      await transfer.changed.wait(Math.min(retryMs, silenceMs) / 4, signal);
      transfer.check();
    }
  }

  /** One request for each run of neighbours. Rejects with E_BROKER_UNREACHABLE. */
  private async ask(transfer: Transfer, chunks: readonly number[]): Promise<void> {
    const { deployment, base = 0 } = transfer.request;
    const requests = [...runs(chunks)].map(({ first, count }) => {
      const request = { deployment, offset: base + first * CHUNK_BYTES, length: CHUNK_BYTES, count };
      return this.link.publish(topics.get(this.device), encodeChunkRequest(request));
    });
    await Promise.all(requests);
  }

  /** Reads retained chunks, one window of topics at a time, until all is there or nothing comes for `silenceMs`. */
  private async readBlobs(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const { digest } = transfer.request;
    while (!transfer.complete && !signal.aborted) {
      const chunks = transfer.next(CHUNK_WINDOW);
      const subscription = await this.link.subscribe(
        chunks.map((chunk) => topics.blob(digest, chunk)),
        ({ topic, payload }) => transfer.offer(Number(level(topic, 3)) * CHUNK_BYTES, payload),
      );
      try {
        if (!(await this.settled(transfer, chunks, signal))) return;
      } finally {
        await subscription.close();
      }
    }
  }

  /** Whether all of `chunks` came before a silence of `silenceMs`. */
  private async settled(
    transfer: Transfer,
    chunks: readonly number[],
    signal: AbortSignal,
  ): Promise<boolean> {
    let accepted = transfer.accepted;
    let movedAt = performance.now();
    while (chunks.some((chunk) => transfer.isMissing(chunk))) {
      const left = movedAt + this.timing.silenceMs - performance.now();
      if (left <= 0 || signal.aborted) return false;
      await transfer.changed.wait(left, signal);
      transfer.check();
      if (transfer.accepted === accepted) continue;
      accepted = transfer.accepted;
      movedAt = performance.now();
    }
    return true;
  }

  private receive(message: Uint8Array): void {
    if (this.transfers.size === 0) return;
    const chunk = decodeChunk(message);
    if (chunk === undefined) return;
    for (const transfer of this.transfers) {
      const { deployment, base = 0 } = transfer.request;
      if (!equalBytes(chunk.deployment, deployment)) continue;
      if (chunk.intact) transfer.offer(chunk.offset - base, chunk.bytes);
      else transfer.markSpoilt(chunk.offset - base);
    }
  }
}

/** When a chunk was asked for, and how often it had come with a wrong checksum by then. */
interface Asked {
  readonly at: number;
  readonly spoilt: number;
}

function forget(asked: Map<number, Asked>, test: (chunk: number, asked: Asked) => boolean): number {
  const gone = [...asked].filter(([chunk, entry]) => test(chunk, entry));
  for (const [chunk] of gone) asked.delete(chunk);
  return gone.length;
}

function* runs(chunks: readonly number[]): Generator<{ first: number; count: number }> {
  for (let at = 0; at < chunks.length; ) {
    const first = chunks[at] ?? 0;
    let count = 1;
    while (chunks[at + count] === first + count) count++;
    yield { first, count };
    at += count;
  }
}

function nothingCame(transfer: Transfer, idleMs: number): IotError {
  const { deployment, digest } = transfer.request;
  return new IotError(
    'E_FETCH',
    `module ${digest.slice(0, 12)} of deployment ${toHex(deployment).slice(0, 12)}: ` +
      `${transfer.missingChunks} chunks are missing, nothing came for ${Math.round(idleMs / 1000)} s`,
    { hint: 'push it again, and keep the sender running until the outcome' },
  );
}
