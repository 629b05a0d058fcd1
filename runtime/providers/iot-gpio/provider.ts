import type { Board } from '../../base/board.js';
import type { Deliver, Provider, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import { checkAgainstBoard } from './against-board.js';
import type { GpioChip } from './chip.js';
import { sharedPins } from './claims.js';
import type { Gpio, Grant, Level, LineInfo, WatchOptions } from './contract.js';
import type { Watch } from './holder.js';
import { Pins } from './pins.js';
import { endPulse, startPulse } from './pulses.js';
import { exported, parseState, type SessionState } from './state.js';
import { beginWatch } from './watches.js';

/** The rules of `iot:gpio` over any chip: ownership, safe levels, pulses, watches, hand-over. */
export class GpioProvider<C extends GpioChip = GpioChip> implements Gpio {
  #pins: Pins<C>;
  /** State taken over for sessions that are not bound yet. */
  #restored = new SessionMap<SessionState>();

  constructor(
    chip: C,
    private readonly board: Board,
    private readonly logger: Logger,
  ) {
    this.#pins = new Pins(chip, logger);
  }

  protected get chip(): C {
    return this.#pins.chip;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#pins.dropAll();
    this.#restored.clear();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    checkAgainstBoard(session.grant, this.board);
    for (const warning of sharedPins(session.grant, this.board)) {
      this.logger.warn(`${sessionName(session)}: ${warning}`);
    }
    const holder = this.#pins.take(session, deliver);
    const restored = this.#restored.delete(session);
    if (restored !== undefined) this.#pins.restore(holder, restored);
  }

  async unbind(session: Session<Grant>): Promise<void> {
    this.#pins.drop(session);
    this.#restored.delete(session);
  }

  renew(session: Session<Grant>): () => Promise<void> {
    const holder = this.#pins.holder(session);
    if (holder === undefined) return async () => {};
    this.#pins.standUp(holder);
    // Another provider may have taken the chip over by the time that the rest is dropped.
    const { chip } = this.#pins;
    return holder.watches.renew((line) => chip.unwatch(line));
  }

  standDown(session: Session<Grant>): void {
    const holder = this.#pins.holder(session);
    if (holder !== undefined) this.#pins.standDown(holder);
  }

  read(session: Session<Grant>, line: string): Level {
    this.#pins.held(session, line);
    return this.chip.read(line);
  }

  write(session: Session<Grant>, line: string, value: Level): void {
    const holder = this.#pins.held(session, line);
    endPulse(this.chip, holder, line);
    this.chip.write(line, value);
  }

  toggle(session: Session<Grant>, line: string): Level {
    const value = this.read(session, line) === 1 ? 0 : 1;
    this.write(session, line, value);
    return value;
  }

  pulse(session: Session<Grant>, line: string, ms: number): void {
    startPulse(this.chip, this.logger, this.#pins.held(session, line), line, ms);
  }

  watch(session: Session<Grant>, line: string, options: WatchOptions): void {
    const holder = this.#pins.held(session, line);
    const watch: Watch = { ...options, seq: 0, on: false };
    beginWatch(this.chip, this.logger, holder, line, watch);
    holder.watches.set(line, watch);
  }

  unwatch(session: Session<Grant>, line: string): void {
    if (this.#pins.held(session, line).watches.delete(line) !== undefined) this.chip.unwatch(line);
  }

  lines(session: Session<Grant>): LineInfo[] {
    const lines = [...(this.#pins.holder(session)?.lines ?? [])];
    return lines.map(([name, { direction }]) => ({ name, direction, value: this.chip.read(name) }));
  }

  async exportState(): Promise<unknown> {
    return { sessions: this.#pins.holders().map((holder) => exported(holder, this.chip)) };
  }

  async importState(state: unknown): Promise<void> {
    for (const restored of parseState(state)) {
      const session = { actor: restored.actor, binding: restored.binding, grant: undefined };
      const holder = this.#pins.holder(session);
      if (holder === undefined) this.#restored.set(session, restored);
      else this.#pins.restore(holder, restored);
    }
  }

  problem(): string | undefined {
    return this.chip.problem?.();
  }

  /** The chip with its open lines changes hands, and nothing on it changes: watches and pulses go on as well. */
  takeOver(from: Provider<Grant>): void {
    if (!(from instanceof GpioProvider)) throw new IotError('E_PROVIDER', 'only pins can be taken over');
    [this.#pins, from.#pins] = [from.#pins, this.#pins];
    [this.#restored, from.#restored] = [from.#restored, this.#restored];
  }
}
