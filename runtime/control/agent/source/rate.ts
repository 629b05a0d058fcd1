import { IotError } from '../../../base/errors.js';
import type { FetchTiming } from './timing.js';

/** Finds out a source that answers, but so slowly that an update would never end. Silence is not its business. */
export class Rate {
  private since = performance.now();
  private bytes = 0;

  constructor(private readonly timing: Pick<FetchTiming, 'minRate' | 'rateMs'>) {}

  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** After a time in which nobody was asked. */
  restart(): void {
    this.since = performance.now();
    this.bytes = 0;
  }

  /** Throws E_FETCH when less than `minRate` came over the last `rateMs`. */
  check(): void {
    const { minRate, rateMs } = this.timing;
    const ms = performance.now() - this.since;
    if (ms < rateMs) return;
    const bytes = this.bytes;
    this.restart();
    if (bytes * 1000 >= minRate * ms) return;
    throw new IotError(
      'E_FETCH',
      `${bytes} bytes in ${Math.round(ms / 1000)} s, less than ${minRate} a second`,
    );
  }
}
