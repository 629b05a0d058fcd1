import type { Level, LineGrant, WatchOptions } from './contract.js';

/** `missed`: edges right before this one that came too fast to be kept. */
export type OnEdge = (edge: 'rising' | 'falling', timestampNs: bigint, missed: number) => void;

/**
 * The pins themselves, by the board's line names: all that an implementation of `iot:gpio` has to bring. Who may touch
 * which line, and what happens to it when, is decided in front of it.
 */
export interface GpioChip {
  /** Takes a line for `owner`; an output is at `level` from then on. Throws E_BUSY when another process holds it. */
  claim(line: string, settings: LineGrant, level: Level, owner: string): void;
  /** Gives a line back, in whatever state it is in. */
  release(line: string): void;
  read(line: string): Level;
  write(line: string, level: Level): void;
  /** Replaces an earlier watch of the line. */
  watch(line: string, options: WatchOptions, onEdge: OnEdge): void;
  unwatch(line: string): void;
  /**
   * Whether the provider alone drives the line (a pulse runs, or nobody else is in charge of it). Once this has
   * returned, whatever another thread still did to the line is done.
   */
  driveAlone?(line: string, alone: boolean): void;
  /** What is wrong with lines that are held: their chip has gone. */
  problem?(): string | undefined;
}
