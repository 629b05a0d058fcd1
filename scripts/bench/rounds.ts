/** Rounds of each comparison; the table has medians. */
export const ROUNDS = 5;

/** Medians of what was measured, and of the ratios of each round. */
export interface Comparison {
  readonly ours: number;
  readonly reference: number;
  readonly ratio: number;
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number];
}

export type Measure = () => number | Promise<number>;

/** Measures ours and the reference by turns, so that whatever else the machine does meets both. */
export async function alternate(ours: Measure, reference: Measure, rounds = ROUNDS): Promise<Comparison> {
  const pairs: { ours: number; reference: number }[] = [];
  for (let round = 0; round < rounds; round++)
    pairs.push({ ours: await ours(), reference: await reference() });
  return compare(pairs);
}

export function compare(pairs: readonly { ours: number; reference: number }[]): Comparison {
  const ratios = pairs.map((pair) => pair.ours / pair.reference);
  return {
    ours: median(pairs.map((pair) => pair.ours)),
    reference: median(pairs.map((pair) => pair.reference)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Processor seconds of this process, all its threads. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
