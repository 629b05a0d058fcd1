/** Counters remembered for each key. */
const WINDOW = 1_024;

/**
 * Which request counters of the current session were used, by key. Two clients may share a key, and their clocks
 * and their messages may come out of order: so not only the highest is remembered but a window of them; below the
 * window everything counts as used.
 */
export class ReplayWindow {
  private readonly used = new Map<string, Set<number>>();
  private readonly floors = new Map<string, number>();

  /** All counters up to this one count as used. */
  floor(kid: string): number | undefined {
    return this.floors.get(kid);
  }

  /** False when the counter was used before. */
  take(kid: string, counter: number): boolean {
    const used = this.used.get(kid) ?? new Set<number>();
    if (used.has(counter) || counter <= (this.floors.get(kid) ?? -1)) return false;
    this.used.set(kid, used.add(counter));
    if (used.size > WINDOW) this.forgetLowest(kid, used);
    return true;
  }

  private forgetLowest(kid: string, used: Set<number>): void {
    const lowest = [...used].sort((a, b) => a - b).slice(0, WINDOW / 2);
    for (const counter of lowest) used.delete(counter);
    const floor = lowest.at(-1);
    if (floor !== undefined) this.floors.set(kid, floor);
  }
}
