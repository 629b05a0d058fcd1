import { CHUNK_BYTES, CHUNK_WINDOW, PORTION_BYTES } from '../../../base/limits.js';

/** How much is asked for at a time: `count` pieces of `length` bytes. */
export interface Level {
  readonly length: number;
  readonly count: number;
}

/** From a link that hardly works to a good one: portions of 4 KiB, then chunks of 16 KiB, up to a whole window. */
export const LEVELS: readonly Level[] = [
  { length: PORTION_BYTES, count: 1 },
  { length: PORTION_BYTES, count: 2 },
  { length: PORTION_BYTES, count: 4 },
  ...[1, 2, 4, 8, CHUNK_WINDOW].map((count) => ({ length: CHUNK_BYTES, count })),
];

/** Pieces in a row that must come quickly before more is asked for, in windows. */
const STEADY_WINDOWS = 2;

/** Where a transfer stands: a step down with each silence, a step up after a time without. */
export class Ladder {
  private quick = 0;

  /** `index` in `LEVELS`; begins with a whole window. */
  constructor(private index = LEVELS.length - 1) {}

  get level(): Level {
    return LEVELS[this.index] ?? { length: PORTION_BYTES, count: 1 };
  }

  down(): void {
    this.index = Math.max(0, this.index - 1);
    this.quick = 0;
  }

  /** Nothing came at all: the next question is as small as can be. */
  bottom(): void {
    this.index = 0;
    this.quick = 0;
  }

  /** A piece came after `ms`. More takes longer, so it is asked for only where there is time for it. */
  came(ms: number, retryMs: number): void {
    this.quick = ms * 3 < retryMs ? this.quick + 1 : 0;
    if (this.quick < STEADY_WINDOWS * this.level.count || this.index === LEVELS.length - 1) return;
    this.index++;
    this.quick = 0;
  }
}
