import type { Scan } from './contract.js';
import { type Holder, SCAN } from './holder.js';
import type { Advert, Radio } from './radio.js';
import { ActorScan, advertisement } from './scans.js';
import type { Clock } from './timing.js';

/** The one scan of the radio, as all sessions together wish it, and who is told what. */
export class Scanning {
  constructor(
    private readonly radio: Radio,
    private readonly clock: Clock,
    private readonly holders: () => readonly Holder[],
  ) {}

  /** Replaces an earlier scan of the same session. */
  begin(holder: Holder, wish: Scan): void {
    holder.scan.delete(SCAN)?.end();
    const scan = new ActorScan(wish, this.clock, () => {
      if (holder.scan.get(SCAN) === scan) holder.scan.delete(SCAN);
      this.end(scan);
    });
    holder.scan.set(SCAN, scan);
    this.#tune();
  }

  /** One that its session does not have any more. */
  end(scan: ActorScan): void {
    scan.end();
    // The others go on as they are; only the last one switches it off.
    if (this.#scans().length === 0) this.#tune();
  }

  stop(holder: Holder): void {
    const scan = holder.scan.delete(SCAN);
    if (scan !== undefined) this.end(scan);
  }

  heard(advert: Advert): void {
    for (const { session, scan, outbox } of this.holders()) {
      if (scan.get(SCAN)?.lets(advert, session.grant.services) === true) outbox.advert(advertisement(advert));
    }
  }

  #scans(): ActorScan[] {
    return this.holders().flatMap(({ scan }) => scan.entries().map(([, one]) => one));
  }

  #tune(): void {
    const scans = this.#scans();
    const duplicates = scans.some(({ wish }) => wish.duplicates);
    this.radio.scan(scans.length === 0 ? undefined : { duplicates });
  }
}
