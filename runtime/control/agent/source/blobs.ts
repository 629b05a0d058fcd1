import { CHUNK_BYTES, CHUNK_WINDOW } from '../../../base/limits.js';
import type { BrokerLink } from '../../mqtt/link.js';
import { level, topics } from '../../protocol/topics.js';
import type { Puller } from './puller.js';
import type { FetchTiming } from './timing.js';
import type { Transfer } from './transfer.js';

/** Reads the retained `iot/blobs/…` that a sender has left behind, one window of topics at a time. */
export class BlobPuller implements Puller {
  constructor(
    private readonly link: BrokerLink,
    private readonly timing: FetchTiming,
  ) {}

  async pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    transfer.spoilt.clear();
    while (!transfer.complete && !signal.aborted) {
      const offsets = transfer.next(CHUNK_WINDOW);
      const subscription = await this.link.subscribe(
        offsets.map((offset) => topics.blob(transfer.request.digest, offset / CHUNK_BYTES)),
        ({ topic, payload }) => {
          transfer.count(payload.length);
          transfer.offer(Number(level(topic, 3)) * CHUNK_BYTES, payload, topic);
        },
      );
      try {
        if (!(await this.settled(transfer, offsets, signal))) return;
      } finally {
        await subscription.close();
      }
      if (transfer.spoilt.size > 0) return;
      await transfer.flush();
    }
  }

  /** Whether all came, right or spoilt, before a silence of `silenceMs`. */
  private async settled(
    transfer: Transfer,
    offsets: readonly number[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const open = () => offsets.filter((at) => transfer.lacks(at) && transfer.spoiltTimes(at) === 0).length;
    let left = open();
    let movedAt = performance.now();
    while (left > 0) {
      const patience = movedAt + this.timing.silenceMs - performance.now();
      if (patience <= 0 || signal.aborted) return false;
      await transfer.changed.wait(patience, signal);
      transfer.check();
      const now = open();
      if (now === left) continue;
      left = now;
      movedAt = performance.now();
    }
    return true;
  }
}
