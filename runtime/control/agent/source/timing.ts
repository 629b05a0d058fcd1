import { BACKOFF_MS, RETRIES_MS } from '../../../base/retry.js';

/** How patient a fetch is. Milliseconds unless named otherwise; all can be set for tests and for other networks. */
export interface FetchTiming {
  /** Silence after which a source that has said nothing yet is left. Default 1500. */
  readonly silenceMs: number;
  /** Silences after which a source that has answered is asked again, one after the other. Default 1, 2, 4 s. */
  readonly retriesMs: readonly number[];
  /** Pauses while no source has anything, the last one over and over. Default 5, 10, 20, … 300 s. */
  readonly pausesMs: readonly number[];
  /** Time without one new piece after which the fetch fails. Default 300 000. */
  readonly giveUpMs: number;
  /** Bytes per second, averaged over `rateMs`, below which a source that does answer is too slow. Default 512. */
  readonly minRate: number;
  /** Default 60 000. */
  readonly rateMs: number;
  /** Silence after which an HTTPS connection is given up. Default 20 000. */
  readonly httpsMs: number;
}

export const DEFAULT_FETCH_TIMING: FetchTiming = {
  silenceMs: 1_500,
  retriesMs: RETRIES_MS,
  pausesMs: BACKOFF_MS,
  giveUpMs: 300_000,
  minRate: 512,
  rateMs: 60_000,
  httpsMs: 20_000,
};
