import type { Board } from '../../base/board.js';
import type { Deliver, Session } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { Registrations, SessionMap, sessionName } from '../../base/sessions.js';
import { checkAgainstBoard } from './against-board.js';
import type { GpioChip } from './chip.js';
import { sameClaim, sharedPins } from './claims.js';
import {
  type Edge,
  type Gpio,
  type Grant,
  grantFor,
  type Level,
  type LineGrant,
  type LineInfo,
  type WatchOptions,
  watchable,
} from './contract.js';
import { parseState, type SessionState } from './state.js';

interface Pulse {
  readonly timeout: NodeJS.Timeout;
  /** `performance.now()` at its end. */
  readonly end: number;
}

interface Watch extends WatchOptions {
  /** Edges told so far. */
  seq: number;
}

/** What one session holds. */
interface Holder {
  session: Session<Grant>;
  deliver: Deliver;
  readonly lines: Map<string, LineGrant>;
  readonly watches: Registrations<Watch>;
  readonly pulses: Map<string, Pulse>;
  /** Nobody is in charge of the lines. */
  down: boolean;
}

/** The rules of `iot:gpio` over any chip: ownership, safe levels, pulses, watches, hand-over. */
export class GpioProvider implements Gpio {
  readonly #holders = new SessionMap<Holder>();
  readonly #owners = new Map<string, Holder>();
  /** State taken over for sessions that are not bound yet. */
  readonly #restored = new SessionMap<SessionState>();

  constructor(
    protected readonly chip: GpioChip,
    private readonly board: Board,
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    for (const holder of this.#holders.values()) this.#free(holder);
    this.#holders.clear();
    this.#restored.clear();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    checkAgainstBoard(session.grant, this.board);
    for (const warning of sharedPins(session.grant, this.board)) {
      this.logger.warn(`${sessionName(session)}: ${warning}`);
    }
    const known = this.#holders.get(session);
    this.#checkOwners(session, known);
    const fresh = { lines: new Map(), watches: new Registrations<Watch>(), pulses: new Map() };
    const holder: Holder = known ?? { session, deliver, ...fresh, down: false };
    this.#claim(holder, session.grant);
    holder.session = session;
    holder.deliver = deliver;
    this.#holders.set(session, holder);
    this.#rewatch(holder);
    const restored = this.#restored.delete(session);
    if (restored !== undefined) this.#restore(holder, restored);
  }

  async unbind(session: Session<Grant>): Promise<void> {
    const holder = this.#holders.delete(session);
    if (holder !== undefined) this.#free(holder);
    this.#restored.delete(session);
  }

  renew(session: Session<Grant>): () => Promise<void> {
    const holder = this.#holders.get(session);
    if (holder === undefined) return async () => {};
    if (holder.down) {
      holder.down = false;
      for (const line of outputs(holder)) this.chip.driveAlone?.(line, false);
    }
    return holder.watches.renew((line) => this.chip.unwatch(line));
  }

  standDown(session: Session<Grant>): void {
    const holder = this.#holders.get(session);
    if (holder === undefined) return;
    holder.down = true;
    eachOf(outputs(holder), (line) => this.#rest(holder, line));
  }

  read(session: Session<Grant>, line: string): Level {
    this.#held(session, line);
    return this.chip.read(line);
  }

  write(session: Session<Grant>, line: string, value: Level): void {
    const holder = this.#held(session, line);
    this.#endPulse(holder, line);
    this.chip.write(line, value);
  }

  toggle(session: Session<Grant>, line: string): Level {
    const value = this.read(session, line) === 1 ? 0 : 1;
    this.write(session, line, value);
    return value;
  }

  pulse(session: Session<Grant>, line: string, ms: number): void {
    this.#startPulse(this.#held(session, line), line, ms);
  }

  watch(session: Session<Grant>, line: string, options: WatchOptions): void {
    const holder = this.#held(session, line);
    const watch: Watch = { ...options, seq: 0 };
    this.#watch(holder, line, watch);
    holder.watches.set(line, watch);
  }

  unwatch(session: Session<Grant>, line: string): void {
    if (this.#held(session, line).watches.delete(line) !== undefined) this.chip.unwatch(line);
  }

  lines(session: Session<Grant>): LineInfo[] {
    const lines = [...(this.#holders.get(session)?.lines ?? [])];
    return lines.map(([name, { direction }]) => ({ name, direction, value: this.chip.read(name) }));
  }

  async exportState(): Promise<unknown> {
    return { sessions: this.#holders.values().map((holder) => this.#export(holder)) };
  }

  async importState(state: unknown): Promise<void> {
    for (const restored of parseState(state)) {
      const session = { actor: restored.actor, binding: restored.binding, grant: undefined };
      const holder = this.#holders.get(session);
      if (holder === undefined) this.#restored.set(session, restored);
      else this.#restore(holder, restored);
    }
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
      }
    } catch (error) {
      for (const line of claimed) this.#release(holder, line);
      throw error;
    }
  }

  /** After a change of the grant: watches of lines that are still granted go on, the others end. */
  #rewatch(holder: Holder): void {
    for (const [line, watch] of holder.watches.entries()) {
      try {
        watchable(holder.session.grant, { line, edge: watch.edge });
        this.#watch(holder, line, watch);
      } catch {
        holder.watches.delete(line);
        if (holder.lines.has(line)) this.chip.unwatch(line);
      }
    }
  }

  #watch(holder: Holder, line: string, watch: Watch): void {
    this.chip.watch(line, watch, (edge, timestampNs, missed) => {
      watch.seq += 1 + missed;
      const message: Edge = { line, edge, timestampNs, seq: watch.seq };
      holder.deliver('Edge', message).catch((thrown: unknown) => {
        const error = asIotError(thrown);
        // What the actor made of it, its slot has told already.
        this.logger.debug(
          `edge ${message.seq} of line ${line} for ${sessionName(holder.session)}: ${error.message}`,
        );
      });
    });
  }

  #startPulse(holder: Holder, line: string, ms: number): void {
    this.#endPulse(holder, line);
    const safe = safeLevel(grantFor(holder.session.grant, line));
    const finish = () => {
      holder.pulses.delete(line);
      this.chip.write(line, safe);
      this.chip.driveAlone?.(line, false);
    };
    this.chip.driveAlone?.(line, true);
    holder.pulses.set(line, { timeout: setTimeout(finish, ms), end: performance.now() + ms });
    this.chip.write(line, safe === 0 ? 1 : 0);
  }

  #endPulse(holder: Holder, line: string): void {
    const pulse = holder.pulses.get(line);
    if (pulse === undefined) return;
    clearTimeout(pulse.timeout);
    holder.pulses.delete(line);
    this.chip.driveAlone?.(line, false);
  }

  /** An output to its safe level, after whatever the actor's own thread still did to it. */
  #rest(holder: Holder, line: string): void {
    this.#endPulse(holder, line);
    this.chip.driveAlone?.(line, true);
    this.chip.write(line, safeLevel(holder.lines.get(line)));
  }

  #free(holder: Holder): void {
    eachOf([...holder.lines.keys()], (line) => this.#release(holder, line));
  }

  #release(holder: Holder, line: string): void {
    const settings = holder.lines.get(line);
    if (settings === undefined) return;
    if (holder.watches.get(line) !== undefined) this.chip.unwatch(line);
    try {
      if (settings.direction === 'out') this.#rest(holder, line);
    } finally {
      this.chip.release(line);
      holder.lines.delete(line);
      this.#owners.delete(line);
    }
  }

  #held(session: Session<Grant>, line: string): Holder {
    const holder = this.#holders.get(session);
    if (holder?.lines.has(line)) return holder;
    throw new IotError('E_NOT_BOUND', `line ${line} is not held by ${sessionName(session)}`);
  }

  #export(holder: Holder): SessionState {
    const { session, pulses, watches } = holder;
    const now = performance.now();
    return {
      actor: session.actor,
      binding: session.binding,
      levels: Object.fromEntries(outputs(holder).map((line) => [line, this.chip.read(line)])),
      pulses: Object.fromEntries([...pulses].map(([line, { end }]) => [line, Math.max(0, end - now)])),
      watches: watches.entries().map(([line, watch]) => ({ line, ...watch })),
    };
  }

  #restore(holder: Holder, { levels, pulses, watches }: SessionState): void {
    for (const [line, level] of Object.entries(levels)) {
      if (holder.lines.get(line)?.direction === 'out') this.chip.write(line, level);
    }
    for (const [line, ms] of Object.entries(pulses)) {
      if (holder.lines.get(line)?.direction === 'out') this.#startPulse(holder, line, ms);
    }
    for (const { line, ...watch } of watches) holder.watches.set(line, watch);
    this.#rewatch(holder);
  }
}

/** One line that fails does not keep the others from their safe level; the first failure is thrown at the end. */
function eachOf(lines: readonly string[], work: (line: string) => void): void {
  const failures: unknown[] = [];
  for (const line of lines) {
    try {
      work(line);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function outputs({ lines }: Holder): string[] {
  return [...lines].filter(([, { direction }]) => direction === 'out').map(([line]) => line);
}

function safeLevel(settings: LineGrant | undefined): Level {
  return settings?.direction === 'out' ? settings.safe : 0;
}
