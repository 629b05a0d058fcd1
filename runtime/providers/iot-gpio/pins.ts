import type { Deliver, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import type { GpioChip } from './chip.js';
import { sameClaim } from './claims.js';
import type { Grant } from './contract.js';
import { type Holder, newHolder, outputs, safeLevel } from './holder.js';
import { endPulse, startPulse } from './pulses.js';
import type { SessionState } from './state.js';
import { rewatch } from './watches.js';

/**
 * The lines of a chip and who holds them. It passes as a whole from one provider to the one that takes its place, so
 * that no line is let go of in between.
 */
export class Pins<C extends GpioChip = GpioChip> {
  readonly #holders = new SessionMap<Holder>();
  readonly #owners = new Map<string, Holder>();

  constructor(
    readonly chip: C,
    private readonly logger: Logger,
  ) {}

  /** Throws E_NOT_BOUND unless that session has the line. */
  held(session: Session<Grant>, line: string): Holder {
    const holder = this.#holders.get(session);
    if (holder?.lines.has(line)) return holder;
    throw new IotError('E_NOT_BOUND', `line ${line} is not held by ${sessionName(session)}`);
  }

  holder(session: Session): Holder | undefined {
    return this.#holders.get(session as Session<Grant>);
  }

  holders(): Holder[] {
    return this.#holders.values();
  }

  /** Throws E_BUSY when a line is somebody else's, or what the chip throws; then no new line is held. */
  take(session: Session<Grant>, deliver: Deliver): Holder {
    const known = this.#holders.get(session);
    this.#checkOwners(session, known);
    const holder = known ?? newHolder(session, deliver);
    this.#claim(holder, session.grant);
    holder.session = session;
    holder.deliver = deliver;
    this.#holders.set(session, holder);
    rewatch(this.chip, this.logger, holder);
    return holder;
  }

  /** Outputs come to their safe level first. */
  drop(session: Session<Grant>): void {
    const holder = this.#holders.delete(session);
    if (holder !== undefined) this.#free(holder);
  }

  dropAll(): void {
    try {
      eachOf(this.#holders.values(), (holder) => this.#free(holder));
    } finally {
      this.#holders.clear();
    }
  }

  /** Nobody is in charge of what the holder has: its outputs come to rest, and no other thread drives them. */
  standDown(holder: Holder): void {
    holder.down = true;
    eachOf(outputs(holder), (line) => this.#rest(holder, line));
  }

  /** Somebody is in charge again. */
  standUp(holder: Holder): void {
    if (!holder.down) return;
    holder.down = false;
    for (const line of outputs(holder)) this.chip.driveAlone?.(line, false);
  }

  /** What was exported by another implementation, as far as it is granted here. */
  restore(holder: Holder, { levels, pulses, watches }: SessionState): void {
    const isOutput = (line: string) => holder.lines.get(line)?.direction === 'out';
    for (const [line, level] of Object.entries(levels)) {
      if (isOutput(line)) this.chip.write(line, level);
    }
    for (const [line, ms] of Object.entries(pulses)) {
      if (isOutput(line)) startPulse(this.chip, this.logger, holder, line, ms);
    }
    for (const { line, ...watch } of watches) holder.watches.set(line, { ...watch, on: false });
    rewatch(this.chip, this.logger, holder);
  }

  #checkOwners(session: Session<Grant>, known: Holder | undefined): void {
    for (const line of Object.keys(session.grant.lines)) {
      const owner = this.#owners.get(line);
      if (owner === undefined || owner === known) continue;
      const who = sessionName(owner.session);
      throw new IotError('E_BUSY', `line ${line} cannot go to ${sessionName(session)}: ${who} holds it`, {
        hint: `take ${line} out of one of the two bindings`,
      });
    }
  }

  /** Gives back what is no longer granted, then takes what is new; a failure gives the new lines back. */
  #claim(holder: Holder, grant: Grant): void {
    for (const [line, old] of [...holder.lines]) {
      if (!sameClaim(old, grant.lines[line])) this.#release(holder, line);
    }
    const claimed: string[] = [];
    try {
      for (const [line, settings] of Object.entries(grant.lines)) {
        const isNew = !holder.lines.has(line);
        if (isNew) this.chip.claim(line, settings, safeLevel(settings), sessionName(holder.session));
        if (isNew) claimed.push(line);
        holder.lines.set(line, settings);
        this.#owners.set(line, holder);
        // The thread of an actor that is down may still run: what is new to it is no more its own than the rest.
        if (isNew && holder.down && settings.direction === 'out') this.#rest(holder, line);
      }
    } catch (error) {
      for (const line of claimed) this.#release(holder, line);
      throw error;
    }
  }

  /** An output to its safe level, after whatever the actor's own thread still did to it. */
  #rest(holder: Holder, line: string): void {
    endPulse(this.chip, holder, line);
    this.chip.driveAlone?.(line, true);
    this.chip.write(line, safeLevel(holder.lines.get(line)));
  }

  #free(holder: Holder): void {
    eachOf([...holder.lines.keys()], (line) => this.#release(holder, line));
  }

  #release(holder: Holder, line: string): void {
    const settings = holder.lines.get(line);
    if (settings === undefined) return;
    const watch = holder.watches.get(line);
    try {
      if (settings.direction === 'out') this.#rest(holder, line);
      if (watch !== undefined) this.chip.unwatch(line);
    } finally {
      if (watch !== undefined) watch.on = false;
      this.chip.release(line);
      holder.lines.delete(line);
      this.#owners.delete(line);
    }
  }
}

/** What fails of one does not keep the others from their safe level; the first failure is thrown at the end. */
function eachOf<T>(all: readonly T[], work: (one: T) => void): void {
  const failures: unknown[] = [];
  for (const one of all) {
    try {
      work(one);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}
