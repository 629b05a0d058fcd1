import { KIB, MIB } from '../base/limits.js';
import type { Renderer } from './render.js';

const BAR_CELLS = 24;

/** Bytes on their way: a bar that redraws itself on a terminal, a line for each quarter elsewhere. */
export class Progress {
  readonly #output: Renderer;
  readonly #what: string;
  readonly #started = performance.now();
  #quarter = 0;

  constructor(output: Renderer, what: string) {
    this.#output = output;
    this.#what = what;
  }

  /** `sent` of `total` bytes. */
  update(sent: number, total: number): void {
    const share = total === 0 ? 1 : Math.min(sent / total, 1);
    if (this.#output.live) {
      this.#output.status(progressLine(this.#what, sent, total, (performance.now() - this.#started) / 1000));
      return;
    }
    const quarter = Math.floor(share * 4);
    if (quarter <= this.#quarter) return;
    this.#quarter = quarter;
    this.#output.note(`${this.#what}: ${quarter * 25} % of ${bytes(total)}`);
  }

  end(): void {
    this.#output.clearStatus();
  }
}

/** `pi-01 [####----]  50 %  0.5 of 1.0 MiB  1.2 MiB/s  0.4 s left`. */
export function progressLine(what: string, sent: number, total: number, seconds: number): string {
  const share = total === 0 ? 1 : Math.min(sent / total, 1);
  const filled = Math.round(share * BAR_CELLS);
  const rate = seconds > 0 ? sent / seconds : 0;
  const left = rate > 0 && share < 1 ? `  ${((total - sent) / rate).toFixed(1)} s left` : '';
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_CELLS - filled);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${what} [${bar}] ${percent} %  ${bytes(sent)} of ${bytes(total)}  ${bytes(rate)}/s${left}`;
}

/** `512 B`, `1.5 KiB`, `4.0 MiB`. */
export function bytes(count: number): string {
  if (count < KIB) return `${Math.round(count)} B`;
  return count < MIB ? `${(count / KIB).toFixed(1)} KiB` : `${(count / MIB).toFixed(1)} MiB`;
}
