/** The same line again within this time is counted, not written, in milliseconds. */
const AGAIN_MS = 60_000;
/** Different lines that are remembered for that; beyond them all is begun anew. */
const MAX_KNOWN = 32;

/** Keeps a log readable in which something fails again and again: one line a minute for each thing that does. */
export class Repeats {
  readonly #known = new Map<string, { readonly at: number; more: number }>();
  readonly #now: () => number;

  /** `now`: milliseconds of any clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `undefined` when the line is not to be written; else what it carries: `again`, how often it was not. */
  admit(line: string): { again?: number } | undefined {
    const before = this.#known.get(line);
    const now = this.#now();
    if (before !== undefined && now - before.at < AGAIN_MS) {
      before.more += 1;
      return undefined;
    }
    if (before === undefined && this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(line, { at: now, more: 0 });
    return before === undefined || before.more === 0 ? {} : { again: before.more };
  }
}
