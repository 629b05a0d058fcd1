import type { Board } from '../../../base/board.js';
import { lineOf } from '../../../base/board-lines.js';
import { counted } from '../../../base/counted.js';
import { IotError } from '../../../base/errors.js';
import { errnoName } from '../../../base/linux/errno.js';
import { type Libc, libc } from '../../../base/linux/libc.js';
import type { Logger } from '../../../base/logger.js';
import type { GpioChip, OnEdge } from '../chip.js';
import { isActiveLow, type Level, type LineGrant, type WatchOptions } from '../contract.js';
import { Chip } from './chips.js';
import { Line } from './line.js';
import { LineTable } from './line-table.js';
import { FLAG, type LineConfig } from './uapi.js';
import { type OnEvents, Waiter } from './waiter.js';

interface Held {
  readonly index: number;
  readonly line: Line;
  readonly base: LineConfig;
  /** Number of the last edge that was read; the kernel numbers those of a line from 1, as long as it is held. */
  lastSeq: number;
  /** The watch under way. */
  watch: Watch | undefined;
}

interface Watch extends WatchOptions {
  onEdge: OnEdge;
}

/** The pins of a board through the kernel's character device. */
export class CharacterDeviceChip implements GpioChip {
  readonly table: LineTable;
  readonly #names: readonly string[];
  readonly #chips = new Map<string, Chip>();
  readonly #held = new Map<string, Held>();
  /** Lines that were watched until their chip went away, and what was said of it. */
  readonly #deaf = new Map<string, string>();
  readonly #waiter: Waiter;
  readonly #system: Libc;
  readonly #folder: string;

  /** Loads koffi: throws E_UNAVAILABLE when it is not installed. `consumer`: what other programs see as the holder. */
  constructor(
    private readonly board: Board,
    private readonly consumer: string,
    private readonly logger: Logger,
    { system = libc(), folder = '/dev' }: { system?: Libc; folder?: string } = {},
  ) {
    this.#system = system;
    this.#folder = folder;
    this.#names = Object.keys(board.gpio.lines);
    this.table = LineTable.of(this.#names.length);
    this.#waiter = new Waiter(system);
  }

  /** Throws E_UNAVAILABLE when a chip of the board is not on this machine, or not for this user. */
  start(): void {
    this.#chip(this.board.gpio.chip);
  }

  stop(): void {
    this.#waiter.stop();
    for (const chip of this.#chips.values()) chip.close();
    this.#chips.clear();
  }

  claim(name: string, settings: LineGrant, level: Level, owner: string): void {
    const { offset, chip: label = this.board.gpio.chip, activeLow } = lineOf(this.board, name);
    const base = configOf(settings, activeLow);
    const config = settings.direction === 'out' ? { ...base, level } : base;
    const what = `line ${name} (${offset} of ${label})`;
    const take = () => new Line(this.#chip(label), what, offset, this.consumer, config, this.#system);
    const line = this.#orAgain(label, take);
    const index = this.#names.indexOf(name);
    this.#held.set(name, { index, line, base, lastSeq: 0, watch: undefined });
    this.table.open(index, line.fd, settings.direction === 'out', owner);
  }

  release(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#deaf.delete(name);
    this.table.close(held.index);
    if (held.watch !== undefined) this.#waiter.remove(held.line.fd);
    held.line.close();
  }

  read(name: string): Level {
    return this.#line(name).line.read();
  }

  write(name: string, level: Level): void {
    this.#line(name).line.write(level);
  }

  driveAlone(name: string, alone: boolean): void {
    this.table.driveAlone(this.#line(name).index, alone);
  }

  watch(name: string, { edge, debounceUs }: WatchOptions, onEdge: OnEdge): void {
    const held = this.#line(name);
    if (held.watch?.edge === edge && held.watch.debounceUs === debounceUs) {
      // Nothing changes for the kernel: what nobody has read yet is not lost, as when an actor's code is swapped.
      held.watch.onEdge = onEdge;
      return;
    }
    this.unwatch(name);
    const edges = { rising: FLAG.rising, falling: FLAG.falling, both: FLAG.rising | FLAG.falling }[edge];
    held.line.configure({ flags: held.base.flags | edges, debounceUs });
    const watch: Watch = { edge, debounceUs, onEdge };
    const onEvents: OnEvents = (events) => {
      for (const { edge: kind, timestampNs, seq } of events) {
        // Where the kernel's buffer was full the oldest are gone, and their numbers with them.
        const missed = since(held.lastSeq, seq) - 1;
        if (missed >= 0) held.lastSeq = seq;
        if (held.watch !== watch || this.#held.get(name) !== held) continue;
        if (missed > 0)
          this.logger.warn(`line ${name}: ${counted(missed, 'edge')} came faster than could be read`);
        watch.onEdge(kind, timestampNs, Math.max(0, missed));
      }
    };
    this.#waiter.add(held.line.fd, onEvents, (errno) => {
      if (held.watch === watch) held.watch = undefined;
      const why = `line ${name}: edges are not told any more (${errnoName(errno)})`;
      this.#deaf.set(name, why);
      this.logger.error(why);
    });
    held.watch = watch;
    this.#deaf.delete(name);
  }

  problem(): string | undefined {
    return this.#deaf.size === 0 ? undefined : [...this.#deaf.values()].join('; ');
  }

  unwatch(name: string): void {
    const held = this.#held.get(name);
    if (held?.watch === undefined) return;
    this.#waiter.remove(held.line.fd);
    held.watch = undefined;
    held.line.configure(held.base);
    // Edges that nobody waits for any more.
    const last = held.line.drain();
    if (last !== undefined && since(held.lastSeq, last) > 0) held.lastSeq = last;
  }

  /** A chip on a cable may have been unplugged and come back since it was opened. */
  #orAgain<T>(label: string, take: () => T): T {
    const wasOpen = this.#chips.get(label);
    try {
      return take();
    } catch (thrown) {
      if (wasOpen === undefined || wasOpen.lineInfo(0) !== undefined) throw thrown;
      this.#chips.delete(label);
      wasOpen.close();
      return take();
    }
  }

  #chip(label: string): Chip {
    const open = this.#chips.get(label) ?? Chip.open(label, this.#system, this.#folder);
    this.#chips.set(label, open);
    return open;
  }

  #line(name: string): Held {
    const held = this.#held.get(name);
    if (held !== undefined) return held;
    throw new IotError('E_NOT_BOUND', `line ${name} is not held by anybody`);
  }
}

/** How far `seq` is beyond `last`, both unsigned numbers of 32 bits that begin again. */
function since(last: number, seq: number): number {
  return (seq - last) | 0;
}

/** What the kernel is asked for, without edges and without a level. */
function configOf(settings: LineGrant, boardActiveLow = false): LineConfig {
  // What hangs on a line that the board turns round may turn it round once more.
  const low = isActiveLow(settings) !== boardActiveLow ? FLAG.activeLow : 0n;
  if (settings.direction === 'in') {
    const bias = { 'pull-up': FLAG.pullUp, 'pull-down': FLAG.pullDown, none: 0n }[settings.bias];
    return { flags: FLAG.input | bias | low };
  }
  const drive = { 'push-pull': 0n, 'open-drain': FLAG.openDrain, 'open-source': FLAG.openSource }[
    settings.drive
  ];
  return { flags: FLAG.output | drive | low };
}
