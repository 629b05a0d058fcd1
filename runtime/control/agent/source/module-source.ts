import { IotError } from '../../../base/errors.js';
import { type Logger, silentLogger } from '../../../base/logger.js';
import { delayOf, jittered } from '../../../base/retry.js';
import type { FetchRequest, ModuleSource, Sink } from '../../../ota/ports.js';
import { equalBytes, toHex } from '../../../trust/cbor/bytes.js';
import { URI_HTTPS } from '../../../trust/suit/labels.js';
import { decodeChunk } from '../../mqtt/chunks.js';
import type { BrokerLink, Subscription } from '../../mqtt/link.js';
import { topics } from '../../protocol/topics.js';
import { BlobPuller } from './blobs.js';
import { HttpsPuller } from './https.js';
import type { Puller } from './puller.js';
import { Rate } from './rate.js';
import { SenderPuller } from './sender.js';
import { DEFAULT_FETCH_TIMING, type FetchTiming } from './timing.js';
import { Transfer } from './transfer.js';

export interface SourceOptions {
  readonly timing?: Partial<FetchTiming> | undefined;
  readonly logger?: Logger;
  /** PEM: an authority that HTTPS servers may have their certificate from, beside those that Node knows. */
  readonly ca?: string | undefined;
}

/**
 * Pulls modules from wherever they are: for the uri `mqtt:` from a sender that answers on `ota/get`, or from the
 * retained `iot/blobs/…` that one left behind; for `https://…` from there, and from those two while it fails. The
 * device asks, nobody pushes. Restarting it with another `have` resumes.
 */
export class DeviceModuleSource implements ModuleSource {
  private readonly transfers = new Set<Transfer>();
  private readonly timing: FetchTiming;
  private readonly logger: Logger;
  private readonly https: Puller;
  private readonly overMqtt: readonly Puller[];
  private subscription: Subscription | undefined;
  private stopListening: (() => void) | undefined;
  /** Counts the signs that somebody may have come: a pause that began before one is cut short. */
  private calls = 0;

  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    options: SourceOptions = {},
  ) {
    this.timing = { ...DEFAULT_FETCH_TIMING, ...options.timing };
    this.logger = options.logger ?? silentLogger;
    this.https = new HttpsPuller(this.timing, options.ca);
    this.overMqtt = [new SenderPuller(link, device, this.timing), new BlobPuller(link, this.timing)];
  }

  async start(): Promise<void> {
    this.subscription = await this.link.subscribe(topics.data(this.device), ({ topic, payload }) =>
      this.receive(topic, payload),
    );
    this.stopListening = this.link.onConnect(() => {
      this.calls++;
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
    sink: Sink,
    signal: AbortSignal,
  ): Promise<void> {
    const transfer = new Transfer(request, have, sink, new Rate(this.timing), this.logger);
    this.transfers.add(transfer);
    try {
      await this.pull(transfer, signal);
      await transfer.stored();
    } finally {
      this.transfers.delete(transfer);
    }
  }

  private async pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const { uri, spoilt = 0 } = transfer.request;
    const pullers = uri.startsWith(URI_HTTPS) ? [this.https, ...this.overMqtt] : this.overMqtt;
    let movedAt = performance.now();
    let fruitless = 0;
    let calls = this.calls;
    // After wrong bytes another source is the first.
    for (let turn = spoilt; !transfer.complete; turn++) {
      const before = transfer.accepted;
      await this.ask(transfer, pullers[turn % pullers.length], signal);
      this.check(transfer, signal);
      if (transfer.accepted > before) {
        movedAt = performance.now();
        fruitless = 0;
        continue;
      }
      const idleMs = performance.now() - movedAt;
      if (idleMs > this.timing.giveUpMs) throw nothingCame(transfer, idleMs);
      if (++fruitless >= pullers.length) {
        if (calls === this.calls) await this.rest(transfer, fruitless - pullers.length, signal);
        calls = this.calls;
      }
      this.check(transfer, signal);
    }
  }

  /** Visits one source; one that a lost connection cut short is visited once more. */
  private async ask(transfer: Transfer, puller: Puller | undefined, signal: AbortSignal): Promise<void> {
    if (puller === this.https) return puller?.pull(transfer, signal);
    for (let visits = 0; visits < 2 && (await this.isConnected(transfer, signal)); visits++) {
      const { connection } = this.link;
      await puller?.pull(transfer, signal);
      if (transfer.complete || (connection === this.link.connection && this.link.connected)) return;
      this.check(transfer, signal);
    }
  }

  /** Waits for the broker, unless the module may come from elsewhere meanwhile. */
  private async isConnected(transfer: Transfer, signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + this.timing.giveUpMs;
    const elsewhere = transfer.request.uri.startsWith(URI_HTTPS);
    while (!this.link.connected && !elsewhere && !signal.aborted && performance.now() < until) {
      await transfer.changed.wait(until - performance.now(), signal);
      transfer.rate.restart();
    }
    return this.link.connected;
  }

  private check(transfer: Transfer, signal: AbortSignal): void {
    transfer.check();
    if (signal.aborted) throw new IotError('E_CANCELLED', `fetching ${transfer.name} was cancelled`);
  }

  private async rest(transfer: Transfer, round: number, signal: AbortSignal): Promise<void> {
    const ms = jittered(delayOf(this.timing.pausesMs, round));
    this.logger.debug(`no source has module ${transfer.name}, next try in ${ms} ms`);
    await transfer.changed.wait(ms, signal);
    transfer.rate.restart();
  }

  private receive(topic: string, message: Uint8Array): void {
    if (this.transfers.size === 0) return;
    const chunk = decodeChunk(message);
    if (chunk === undefined) return;
    const { deployment, offset, bytes, intact } = chunk;
    for (const transfer of this.transfers) {
      const { deployment: wanted, base = 0 } = transfer.request;
      if (!equalBytes(deployment, wanted)) continue;
      transfer.count(message.length);
      if (bytes.length === 0) {
        // A sender says that it is there.
        this.calls++;
        transfer.changed.wake();
      } else if (intact) transfer.offer(offset - base, bytes, topic);
      else transfer.markSpoilt(offset - base, topic, 'its checksum is wrong');
    }
  }
}

function nothingCame(transfer: Transfer, idleMs: number): IotError {
  const { problem } = transfer;
  return new IotError(
    'E_FETCH',
    `module ${transfer.name} of deployment ${toHex(transfer.request.deployment).slice(0, 12)}: ` +
      `${transfer.missingChunks} chunks are missing, nothing came for ${Math.round(idleMs / 1000)} s` +
      (problem === undefined ? '' : `; ${problem}`),
    { hint: 'push it again, and keep the sender running until the outcome' },
  );
}
