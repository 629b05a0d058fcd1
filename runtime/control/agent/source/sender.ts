import { CHUNK_BYTES } from '../../../base/limits.js';
import { jittered } from '../../../base/retry.js';
import { encodeChunkRequest } from '../../mqtt/chunks.js';
import type { BrokerLink } from '../../mqtt/link.js';
import { topics } from '../../protocol/topics.js';
import { MAX_SPOILT, type Puller } from './puller.js';
import type { FetchTiming } from './timing.js';
import type { Transfer } from './transfer.js';

/** When a piece was asked for, and how often its chunk had come spoilt by then. */
interface Asked {
  readonly length: number;
  readonly at: number;
  readonly spoilt: number;
}

/**
 * Asks whoever answers on `ota/get`, so that at most one window is on its way or not yet safe on the disk: so much is
 * sent again after a broken connection, a killed host or a power cut, and no more.
 */
export class SenderPuller implements Puller {
  constructor(
    private readonly link: BrokerLink,
    private readonly device: string,
    private readonly timing: FetchTiming,
  ) {}

  async pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const turn = new Turn(transfer, this.timing, this.link);
    let unsent = false;
    transfer.spoilt.clear();
    while (!transfer.complete && !signal.aborted && !unsent && turn.goesOn()) {
      const offsets = turn.next();
      if (offsets.length > 0) {
        // Not waited for: brokers take their time to acknowledge, and the chunks are the better answer.
        this.ask(transfer, offsets).catch(() => {
          unsent = true;
          transfer.changed.wake();
        });
      } else if (turn.waitsForDisk) {
        await transfer.flush();
        continue;
      }
      await transfer.changed.wait(turn.patience / 4, signal);
      transfer.check();
    }
  }

  /** One request for each run of neighbours. Rejects with E_BROKER_UNREACHABLE. */
  private async ask(transfer: Transfer, offsets: readonly number[]): Promise<void> {
    const { deployment, base = 0 } = transfer.request;
    const { length } = transfer.ladder.level;
    const requests = [...runs(offsets, length)].map(({ offset, count }) =>
      this.link.publish(
        topics.get(this.device),
        encodeChunkRequest({ deployment, offset: base + offset, length, count }),
      ),
    );
    await Promise.all(requests);
  }
}

/** One visit to the sender: what was asked for, and for how long there has been silence. */
class Turn {
  private readonly asked = new Map<number, Asked>();
  private accepted: number;
  private connection: number;
  private movedAt = performance.now();
  private answered = false;
  private retries = 0;
  /** Milliseconds of silence that are borne now. */
  patience: number;

  constructor(
    private readonly transfer: Transfer,
    private readonly timing: FetchTiming,
    private readonly link: Pick<BrokerLink, 'connection' | 'connected'>,
  ) {
    this.connection = link.connection;
    this.accepted = transfer.accepted;
    this.patience = timing.silenceMs;
  }

  /** Looks at what came; false when this source is to be left. */
  goesOn(): boolean {
    const { transfer, asked, timing } = this;
    const { ladder } = transfer;
    const now = performance.now();
    if (transfer.accepted > this.accepted) {
      this.accepted = transfer.accepted;
      this.answered = true;
      this.retries = 0;
      this.moved(now);
    }
    for (const [offset, { length, at, spoilt }] of asked) {
      const came = !transfer.lacks(offset, length);
      if (came) ladder.came(now - at, timing.retriesMs[0] ?? timing.silenceMs);
      if (came || transfer.spoiltTimes(offset) > spoilt) asked.delete(offset);
    }
    // Before the subscriptions stand again an answer would go nowhere.
    if (!this.link.connected) return false;
    if (this.connection !== this.link.connection) {
      // What was on its way in the old connection was lost with it.
      this.connection = this.link.connection;
      asked.clear();
    }
    if ([...transfer.spoilt.values()].some((times) => times >= MAX_SPOILT)) return false;
    if (asked.size === 0) this.movedAt = now;
    if (now - this.movedAt < this.patience) return true;
    // What was lost or is slow is asked for in smaller pieces: a narrow link is not made narrower.
    if (this.answered) ladder.down();
    else ladder.bottom();
    if (!this.answered || this.retries >= timing.retriesMs.length) return false;
    this.retries++;
    asked.clear();
    this.moved(now);
    return true;
  }

  /** What is to be asked for now. */
  next(): number[] {
    const { transfer, asked } = this;
    const { length, count } = transfer.ladder.level;
    const free = count - asked.size - (length < CHUNK_BYTES ? 0 : transfer.unsafe);
    if (free <= 0 || free < count >> 1) return [];
    const offsets = transfer.next(free, length, (offset) => !asked.has(offset));
    for (const offset of offsets) {
      asked.set(offset, { length, at: performance.now(), spoilt: transfer.spoiltTimes(offset) });
    }
    return offsets;
  }

  /** Nothing is on its way, and what came must be safe before more is asked for. */
  get waitsForDisk(): boolean {
    return this.asked.size === 0 && this.transfer.unsafe > 0;
  }

  private moved(now: number): void {
    const { retriesMs, silenceMs } = this.timing;
    this.movedAt = now;
    this.patience = this.answered ? jittered(retriesMs[this.retries] ?? silenceMs) : silenceMs;
  }
}

function* runs(offsets: readonly number[], length: number): Generator<{ offset: number; count: number }> {
  for (let at = 0; at < offsets.length; ) {
    const offset = offsets[at] ?? 0;
    let count = 1;
    while (offsets[at + count] === offset + count * length) count++;
    yield { offset, count };
    at += count;
  }
}
