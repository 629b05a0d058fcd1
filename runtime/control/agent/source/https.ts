import { IotError } from '../../../base/errors.js';
import { CHUNK_BYTES } from '../../../base/limits.js';
import { jittered } from '../../../base/retry.js';
import { pause } from '../../mqtt/link.js';
import { get, Refusal, shown } from './https-get.js';
import type { Puller } from './puller.js';
import type { FetchTiming } from './timing.js';
import { problemOf, type Transfer } from './transfer.js';

/**
 * Reads a module from its `https://` address: what is missing, one range after the other. A server that knows no
 * ranges is read from the beginning as far as needed. The connection proves only who is asked; what came is right
 * when its digest is.
 */
export class HttpsPuller implements Puller {
  constructor(
    private readonly timing: FetchTiming,
    private readonly ca: string | undefined,
  ) {}

  async pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    transfer.spoilt.clear();
    for (let retries = 0; ; ) {
      const before = transfer.accepted;
      try {
        await this.readMissing(transfer, signal);
        return;
      } catch (thrown) {
        transfer.check();
        if (signal.aborted) return;
        transfer.problem = problemOf(thrown);
        transfer.complain(`module ${transfer.name}: ${transfer.problem}`);
        if (thrown instanceof Refusal) return;
        if (transfer.accepted > before) retries = 0;
        const ms = this.timing.retriesMs[retries++];
        if (ms === undefined) return;
        await pause(jittered(ms), signal);
      }
    }
  }

  /** Every run of missing chunks once; what comes spoilt stays missing. */
  private async readMissing(transfer: Transfer, signal: AbortSignal): Promise<void> {
    let from = 0;
    while (!signal.aborted) {
      const [first] = transfer.next(1, CHUNK_BYTES, (offset) => offset >= from);
      if (first === undefined) return;
      let end = first;
      while (end < transfer.request.size && transfer.lacks(end)) end += CHUNK_BYTES;
      end = Math.min(end, transfer.request.size);
      await this.readRun(transfer, first, end, signal);
      from = end;
    }
  }

  private async readRun(transfer: Transfer, first: number, end: number, signal: AbortSignal): Promise<void> {
    const { uri } = transfer.request;
    const options = { first, last: end - 1, silenceMs: this.timing.httpsMs, ca: this.ca, signal };
    const { bytes: body, start } = await get(uri, options);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const from = shown(new URL(uri));
    let at = start;
    try {
      for await (const data of body as AsyncIterable<Buffer>) {
        transfer.count(data.length);
        transfer.check();
        for (let taken = 0; taken < data.length && at < end; ) {
          const offset = at - (at % CHUNK_BYTES);
          const length = Math.min(CHUNK_BYTES, transfer.request.size - offset);
          const copied = data.copy(chunk, at - offset, taken, taken + length - (at - offset));
          at += copied;
          taken += copied;
          if (at < offset + length) continue;
          while (!transfer.hasRoom && !signal.aborted) {
            await transfer.changed.wait(this.timing.silenceMs, signal);
            transfer.check();
          }
          transfer.offer(offset, Uint8Array.from(chunk.subarray(0, length)), from);
        }
        if (at >= end || signal.aborted) return;
      }
    } catch (thrown) {
      transfer.check();
      throw new IotError('E_FETCH', `${from}: broken off after ${at} bytes: ${problemOf(thrown)}`);
    } finally {
      body.destroy();
    }
    if (at < end) throw new IotError('E_FETCH', `${from}: ends after ${at} of ${end} bytes`);
  }
}
