import { EventEmitter } from 'node:events';
import { z } from 'zod';
import type { Board } from '../../base/board.js';
import { lineHint } from '../../base/board-lines.js';
import type { Implementation } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { GpioChip, OnEdge } from './chip.js';
import { type Gpio, isActiveLow, type Level, type LineGrant, type WatchOptions } from './contract.js';
import { GpioProvider } from './provider.js';

/** `timestampNs` by the monotonic clock. */
export type OnChange = (line: string, value: Level, timestampNs: bigint) => void;

interface Watch {
  readonly options: WatchOptions;
  readonly onEdge: OnEdge;
  /** The level that was last told. */
  told: Level;
  settling?: NodeJS.Timeout | undefined;
}

/** Pins that exist in memory only. A level that goes back before its debounce time is over was never there. */
export class SimulatedChip implements GpioChip {
  readonly events = new EventEmitter();
  readonly #claims = new Map<string, LineGrant>();
  /** Of the pins, whichever level counts as 1. */
  readonly #levels = new Map<string, Level>();
  readonly #watches = new Map<string, Watch>();
  /** What the world outside drives inputs to; it does so whether anybody looks or not. */
  readonly #driven = new Map<string, Level>();

  claim(line: string, settings: LineGrant, level: Level): void {
    this.#claims.set(line, settings);
    const pulled = settings.direction === 'in' && settings.bias === 'pull-up' ? 1 : 0;
    this.#set(
      line,
      settings.direction === 'out' ? this.#turn(line, level) : (this.#driven.get(line) ?? pulled),
    );
  }

  release(line: string): void {
    this.#claims.delete(line);
  }

  read(line: string): Level {
    return this.#turn(line, this.level(line));
  }

  write(line: string, level: Level): void {
    this.#set(line, this.#turn(line, level));
  }

  /** Of the pin. */
  level(line: string): Level {
    return this.#levels.get(line) ?? 0;
  }

  watch(line: string, options: WatchOptions, onEdge: OnEdge): void {
    this.unwatch(line);
    this.#watches.set(line, { options, onEdge, told: this.read(line) });
  }

  unwatch(line: string): void {
    clearTimeout(this.#watches.get(line)?.settling);
    this.#watches.delete(line);
  }

  drive(line: string, level: Level): void {
    if (this.#claims.get(line)?.direction === 'out') {
      throw new IotError('E_USAGE', `line ${line} is an output, it cannot be pressed`);
    }
    this.#driven.set(line, level);
    this.#set(line, level);
  }

  #turn(line: string, level: Level): Level {
    if (!isActiveLow(this.#claims.get(line))) return level;
    return level === 1 ? 0 : 1;
  }

  #set(line: string, level: Level): void {
    if (this.level(line) === level) {
      this.#levels.set(line, level);
      return;
    }
    this.#levels.set(line, level);
    const now = process.hrtime.bigint();
    this.events.emit('change', line, level, now);
    const watch = this.#watches.get(line);
    if (watch !== undefined) this.#settle(line, watch);
  }

  #settle(line: string, watch: Watch): void {
    clearTimeout(watch.settling);
    const { debounceUs } = watch.options;
    if (debounceUs === 0) this.#tell(watch, this.read(line));
    else watch.settling = setTimeout(() => this.#tell(watch, this.read(line)), debounceUs / 1000);
  }

  #tell(watch: Watch, level: Level): void {
    if (watch.told === level) return;
    watch.told = level;
    const edge = level === 1 ? 'rising' : 'falling';
    const { edge: wanted } = watch.options;
    if (wanted === 'both' || wanted === edge) watch.onEdge(edge, process.hrtime.bigint(), 0);
  }
}

/** The simulated board: same rules as the real one, and a hand to press its buttons. */
export class SimulatedGpio extends GpioProvider<SimulatedChip> {
  readonly #board: Board;

  constructor(board: Board, logger: Logger) {
    super(new SimulatedChip(), board, logger);
    this.#board = board;
  }

  /** Every change of any line, inputs and outputs. */
  on(event: 'change', listener: OnChange): this {
    this.chip.events.on(event, listener);
    return this;
  }

  off(event: 'change', listener: OnChange): this {
    this.chip.events.off(event, listener);
    return this;
  }

  /** Drives an input from outside, held by an actor or not. Throws E_USAGE for an output or an unknown line. */
  press(line: string, value: Level): void {
    if (!Object.hasOwn(this.#board.gpio.lines, line)) {
      const hint = lineHint(this.#board, line);
      throw new IotError('E_USAGE', `board ${this.#board.name} has no line ${line}`, { hint });
    }
    this.chip.drive(line, value);
  }

  /** Of the pin, also where a low one counts as 1. */
  level(line: string): Level {
    return this.chip.level(line);
  }
}

const Settings = z.strictObject({});

export const implementation: Implementation<Gpio, z.infer<typeof Settings>> = {
  settings: Settings,
  create: (_settings, env) => new SimulatedGpio(env.board, env.logger),
};
