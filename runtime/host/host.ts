import { join } from 'node:path';
import type { Board } from '../base/board.js';
import { type Where, withPlace } from '../base/config/line.js';
import { type BindingConfig, type HostConfig, SlotConfig } from '../base/config/schema.js';
import type { Contract } from '../base/contract.js';
import { asIotError, IotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { BrokerAccess } from '../base/mqtt/connection.js';
import type { ActorStatus } from '../control/protocol/messages.js';
import { ACTOR_CALLS, ActorCalls } from './actors/actor-calls.js';
import { ActorSlot } from './actors/actor-slot.js';
import { Cells } from './cell/cells.js';
import { type HostClock, machineClock } from './clock.js';
import { HostCallCounters, type HostCounters } from './counters.js';
import { FirstModules, type FirstModulesParts } from './first-modules.js';
import { Grants } from './grants.js';
import { endsWithin } from './patience.js';
import { Providers } from './providers/providers.js';
import { QuarantineStore } from './quarantine-store.js';
import { StoppedStore } from './stopped-store.js';
import type { Candidate, CheckedModule, UpdateTarget } from './update.js';

export interface HostParts extends FirstModulesParts {
  readonly config: HostConfig;
  /** Slots beyond those of the configuration: a push has made them. */
  readonly pushed?: readonly string[];
  /** Default: nobody knows where. */
  readonly where?: Where | undefined;
  /** Writable folder of the host. */
  readonly dataDir: string;
  readonly brokerUrl: string;
  readonly brokerAccess?: BrokerAccess | undefined;
  readonly board: Board;
  readonly logger: Logger;
  /** The compiled engine, shared by all cells. */
  readonly engine: WebAssembly.Module;
  readonly contracts: ReadonlyMap<string, { readonly contract: Contract; readonly url: string }>;
  /** Default: that of the machine. */
  readonly clock?: HostClock;
}

/** An actor is kept down: its module had too many faults. */
export type QuarantineListener = (slot: string, module: CheckedModule, error: IotError) => void;

/** How long `stop` waits for calls under way, and then for providers, in milliseconds. */
const STOP_CALLS_MS = 2_000;
const STOP_PROVIDERS_MS = 10_000;

/** Actors in their slots, providers in theirs, and the cells they run in. It knows no broker and no update. */
export class Host implements UpdateTarget {
  readonly providers: Providers;
  readonly #parts: HostParts;
  readonly #cells: Cells;
  readonly #grants: Grants;
  readonly #stopped: StoppedStore;
  readonly #quarantines: QuarantineStore;
  readonly #slots = new Map<string, ActorSlot>();
  readonly #firstModules: FirstModules;
  readonly #listeners = new Set<() => void>();
  readonly #quarantineListeners = new Set<QuarantineListener>();
  readonly #hostCalls: HostCallCounters;
  readonly #actorCalls = new ActorCalls(() => this.#slots.values());
  #stopping = false;

  constructor(parts: HostParts) {
    const { config, logger } = parts;
    this.#parts = parts;
    this.#hostCalls = new HostCallCounters((id) => id === ACTOR_CALLS || parts.contracts.has(id));
    this.#grants = new Grants(parts);
    this.#firstModules = new FirstModules(parts);
    this.#stopped = new StoppedStore(join(parts.dataDir, 'stopped.json'));
    this.#quarantines = new QuarantineStore(join(parts.dataDir, 'quarantined.json'), logger);
    this.#cells = new Cells(parts.engine, config.cells, {
      log: (actor, level, message) => logger.child({ actor })[level](message),
      hostCalls: (counts) => {
        for (const [contract, outcome, count] of counts) this.#hostCalls.add(contract, outcome, count);
      },
      ended: (cell, why) => {
        if (!this.#stopping) logger.warn(`cell ${cell.name} ended: ${why.message}`, { code: why.code });
        // Nothing is begun anew while the host goes down.
        if (this.#stopping) return;
        for (const slot of this.#slots.values()) slot.cellEnded(cell);
      },
    });
    this.providers = new Providers({
      contracts: parts.contracts,
      device: config.device,
      dataDir: parts.dataDir,
      brokerUrl: parts.brokerUrl,
      brokerAccess: parts.brokerAccess,
      board: parts.board,
      logger,
      clock: parts.clock ?? machineClock,
      setInCells: (id, provider) => this.#cells.setProvider(id, provider),
    });
  }

  /** Providers first, then bindings, then actors. Throws E_CONFIG; a bad actor or provider is a problem, not an end. */
  async start(): Promise<void> {
    const { config, pushed = [], where } = this.#parts;
    await this.#grants.load();
    await this.#stopped.load();
    await this.#quarantines.load();
    for (const [index, provider] of config.providers.entries()) {
      const placed = (error: unknown) => withPlace(asIotError(error), ['providers', index], where);
      await this.providers.add(provider, placed).catch(async (thrown: unknown) => {
        throw await placed(thrown);
      });
    }
    for (const slot of config.actors) this.#makeSlot(slot);
    for (const name of [...pushed, ...this.#grants.slots()]) this.ensureSlot(name);
    const slots = [...this.#slots.values()];
    const modules = await Promise.all(slots.map((slot) => this.#firstModule(slot)));
    // What comes with the first binding, or from another actor's `Start`, waits in the queue instead of being refused.
    for (const [index, slot] of slots.entries()) {
      if (modules[index] !== undefined && !this.#stopped.has(slot.name)) slot.expectStart();
    }
    for (const slot of slots) await this.#grants.bindAll(slot);
    await Promise.all(slots.map((slot, index) => this.#startSlot(slot, modules[index])));
  }

  /** Ends in bounded time, whatever actors and providers are doing. Trials end undecided. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const grants = this.#grants.stop();
    const slots = this.#quiesce().then(() =>
      Promise.all([...this.#slots.values()].map((slot) => slot.stop())),
    );
    // Calls under way may end by themselves; those that do not end with their cell.
    if (!(await endsWithin(slots, STOP_CALLS_MS))) await this.#cells.stop();
    const { logger } = this.#parts;
    const all = Promise.all([slots, grants, this.providers.stop()]);
    if (!(await endsWithin(all, STOP_PROVIDERS_MS))) logger.warn('stopped without waiting for all providers');
    await this.#cells.stop();
    await this.#quarantines.flushed();
  }

  /** Ends what is under way, calls from actor to actor with it: none of them fails because its target went first. */
  async #quiesce(): Promise<void> {
    const slots = [...this.#slots.values()];
    for (const slot of slots) slot.hold();
    for (;;) {
      const busy = slots.filter((slot) => slot.busy);
      if (busy.length === 0) return;
      await Promise.race(busy.map((slot) => slot.idle()));
    }
  }

  /** `listener` is told when an actor changed state or module; the result ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `listener` is told of every actor that is put into quarantine; the result ends that. */
  onQuarantine(listener: QuarantineListener): () => void {
    this.#quarantineListeners.add(listener);
    return () => this.#quarantineListeners.delete(listener);
  }

  actors(): ActorStatus[] {
    return [...this.#slots.values()].map((slot) => {
      const refused = this.#firstModules.refused().get(slot.name)?.message;
      return {
        ...slot.status(),
        ...(slot.state === 'empty' && refused !== undefined ? { problem: refused } : {}),
      };
    });
  }

  has(actor: string): boolean {
    return this.#slots.has(actor);
  }

  /** How many actors wait for another one right now. */
  get callsBetweenActors(): number {
    return this.#actorCalls.waiting;
  }

  /** For whoever makes metrics of it. */
  counters(): HostCounters {
    return {
      actors: [...this.#slots.values()].map((slot) => slot.counters()),
      hostCalls: this.#hostCalls.list(),
    };
  }

  /** Throws E_NO_ACTOR naming those there are. */
  actor(name: string): ActorSlot {
    const slot = this.#slots.get(name);
    if (slot !== undefined) return slot;
    const known = [...this.#slots.keys()].join(', ') || 'none';
    throw new IotError('E_NO_ACTOR', `${this.#parts.config.device} has no actor "${name}"`, {
      hint: `actors there: ${known}`,
    });
  }

  call(actor: string, operation: string, payload: Uint8Array): Promise<Uint8Array> {
    return this.actor(actor).call(operation, payload);
  }

  /** Why the device is not ready; empty when it is. */
  problems(): string[] {
    const refused = [...this.#firstModules.refused()].filter(
      ([name]) => this.#slots.get(name)?.state === 'empty',
    );
    return [
      ...this.providers.problems(),
      ...this.#grants.problems(),
      ...[...this.#slots.values()].flatMap((slot) => slot.problem() ?? []),
      ...refused.map(([name, error]) => `actor ${name} was refused: ${error.message}`),
    ];
  }

  /** Grants a resource, durably. Throws E_NO_ACTOR, E_CONFIG, E_NO_SPACE: then what was granted before still is. */
  async bind(actor: string, binding: BindingConfig): Promise<ActorStatus> {
    const slot = this.actor(actor);
    await this.#grants.add(slot, binding);
    return slot.status();
  }

  /** Takes back a grant that `bind` made, durably. Throws E_NO_ACTOR, E_NOT_FOUND, E_CONFIG (it is of the file). */
  async unbind(actor: string, contract: string, name = 'default'): Promise<ActorStatus> {
    const slot = this.actor(actor);
    await this.#grants.remove(slot, { contract, name });
    return slot.status();
  }

  /** Starts an actor that was stopped. Throws E_NO_ACTOR, E_NOT_RUNNING (empty), E_BUSY (during an update). */
  async startActor(name: string): Promise<ActorStatus> {
    const slot = this.actor(name);
    await slot.resume();
    await this.#stopped.set(name, false);
    return slot.status();
  }

  /** Stops an actor: it stays so when the host starts again, until `startActor` or a push. Throws as `startActor`. */
  async stopActor(name: string): Promise<ActorStatus> {
    const slot = this.actor(name);
    await slot.halt();
    await this.#stopped.set(name, true);
    return slot.status();
  }

  /** Starts the same module afresh. Throws as `startActor`. */
  async restartActor(name: string): Promise<ActorStatus> {
    const slot = this.actor(name);
    await slot.restart();
    await this.#stopped.set(name, false);
    return slot.status();
  }

  /**
   * Forgets what pushes and `bind` made of a slot, after its pushed module was forgotten; providers let go of its
   * sessions. A slot of the configuration goes back to what stands there, any other is gone: then `undefined`.
   */
  async removeActor(name: string): Promise<ActorStatus | undefined> {
    const slot = this.actor(name);
    await this.clear(name);
    await this.#grants.removeAll(slot);
    if (this.#grants.configured(name) === undefined) {
      this.#slots.delete(name);
      await this.#stopped.set(name, false);
      this.#changed();
      return undefined;
    }
    await this.#grants.bindAll(slot);
    await this.#startSlot(slot, await this.#firstModule(slot));
    if (slot.state === 'empty') await this.#stopped.set(name, false);
    return slot.status();
  }

  identity(slot: string): string | undefined {
    return this.#slots.get(slot)?.module?.key;
  }

  ensureSlot(name: string): void {
    if (this.#slots.has(name)) return;
    this.#makeSlot(SlotConfig.parse({ name }));
    this.#changed();
  }

  missingBindings(name: string, capabilities: readonly string[]): string[] {
    return this.#grants.missing(this.#slots.get(name), name, capabilities);
  }

  prepare(slot: string, module: CheckedModule): Promise<Candidate> {
    return this.actor(slot).prepare(module);
  }

  fallBack(slot: string, module: CheckedModule): Promise<void> {
    return this.actor(slot).fallBack(module);
  }

  async clear(slot: string): Promise<void> {
    await this.#slots.get(slot)?.clear();
    this.#firstModules.forget(slot);
  }

  #makeSlot(config: SlotConfig): void {
    const { logger } = this.#parts;
    const slot = new ActorSlot(config, {
      cells: this.#cells,
      providers: this.providers,
      logger: logger.child({ actor: config.name }),
      hostCalls: this.#hostCalls,
      actorCalls: this.#actorCalls,
      clock: this.#parts.clock ?? machineClock,
      changed: () => this.#changed(),
      quarantines: {
        level: (digest) => this.#quarantines.level(config.name, digest),
        keep: (digest, level) => this.#quarantines.keep(config.name, digest, level),
        forget: () => this.#quarantines.forget(config.name),
      },
      quarantined: (module, error) => {
        for (const listener of this.#quarantineListeners) listener(config.name, module, error);
      },
      resumed: () =>
        this.#stopped.set(config.name, false).catch((thrown: unknown) => {
          const why = asIotError(thrown).message;
          logger.error(`will be stopped again: ${why}`, { actor: config.name });
        }),
    });
    this.#slots.set(config.name, slot);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #firstModule({ name }: ActorSlot): Promise<CheckedModule | undefined> {
    return this.#firstModules.find(this.#grants.configured(name) ?? SlotConfig.parse({ name }));
  }

  async #startSlot(slot: ActorSlot, module: CheckedModule | undefined): Promise<void> {
    if (module === undefined) return;
    await (this.#stopped.has(slot.name) ? slot.keepStopped(module) : slot.start(module));
  }
}
