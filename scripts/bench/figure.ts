import type { Comparison } from './rounds.js';

/** How much work a figure does; 1 for the table, less with `--quick`. */
export type Scale = number;

/** One line of the table. */
export interface Row extends Comparison {
  readonly what: string;
  readonly unit: string;
  /** What this line is compared with, when it is not what the figure says. */
  readonly against?: string;
  /** Which way is good, for the ratio ours / reference. */
  readonly better: 'higher' | 'lower';
}

export interface Figure {
  /** What `npm run bench -- NAME` takes. */
  readonly name: string;
  /** What ours is compared with. */
  readonly reference: string;
  run(scale: Scale): Promise<Row[]>;
}

/** `count` at this scale, at least `least`. */
export function scaled(count: number, scale: Scale, least = 1): number {
  return Math.max(least, Math.round(count * scale));
}
