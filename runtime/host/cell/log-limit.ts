import type { LogLevel } from '../../base/logger.js';

/** Lines that an actor may write at once, and how many more every second. */
const BURST = 200;
const PER_SECOND = 50;
/** Longest line in UTF-16 units; the rest is cut off. */
export const MAX_LINE_CHARACTERS = 4_096;
/** How long after the first dropped line the number of those is reported, in milliseconds. */
const REPORT_MS = 1_000;

interface Bucket {
  lines: number;
  filledAt: number;
  dropped: number;
}

/** Cuts a line that somebody outside the host has worded. */
export function clipLine(text: string): string {
  if (text.length <= MAX_LINE_CHARACTERS) return text;
  return `${text.slice(0, MAX_LINE_CHARACTERS)}… (${text.length} characters)`;
}

/**
 * What leaves a cell as log lines: a guest that writes in a loop fills neither the main thread's memory nor its time.
 * Lines beyond the bound are dropped and counted, for each actor by itself.
 */
export class LogLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #write: (actor: string, level: LogLevel, message: string) => void;
  readonly #now: () => number;

  constructor(
    write: (actor: string, level: LogLevel, message: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#write = write;
    this.#now = now;
  }

  write(actor: string, level: LogLevel, message: string): void {
    const bucket = this.#bucket(actor);
    if (bucket.lines < 1) {
      if (bucket.dropped === 0) setTimeout(() => this.#report(actor, bucket), REPORT_MS).unref();
      bucket.dropped += 1;
      return;
    }
    bucket.lines -= 1;
    this.#write(actor, level, clipLine(message));
  }

  #bucket(actor: string): Bucket {
    const now = this.#now();
    const known = this.#buckets.get(actor);
    if (known === undefined) {
      const fresh = { lines: BURST, filledAt: now, dropped: 0 };
      this.#buckets.set(actor, fresh);
      return fresh;
    }
    known.lines = Math.min(BURST, known.lines + ((now - known.filledAt) / 1_000) * PER_SECOND);
    known.filledAt = now;
    return known;
  }

  #report(actor: string, bucket: Bucket): void {
    const { dropped } = bucket;
    bucket.dropped = 0;
    this.#write(actor, 'warn', `${dropped} log lines were dropped: more than ${PER_SECOND} a second`);
  }
}
