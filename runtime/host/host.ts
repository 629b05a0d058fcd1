import { join } from 'node:path';
import type { Board } from '../base/board.js';
import { BindingConfig, type HostConfig, SlotConfig } from '../base/config/schema.js';
import type { Contract } from '../base/contract.js';
import { asIotError, IotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { ActorStatus } from '../control/protocol/messages.js';
import { ActorSlot } from './actors/actor-slot.js';
import { BindingStore } from './binding-store.js';
import { Cells } from './cell/cells.js';
import { endsWithin } from './patience.js';
import { Providers } from './providers/providers.js';
import type { Candidate, CheckedModule, UpdateTarget } from './update.js';

export interface HostParts {
  readonly config: HostConfig;
  /** Writable folder of the host. */
  readonly dataDir: string;
  readonly brokerUrl: string;
  readonly board: Board;
  readonly logger: Logger;
  /** The compiled engine, shared by all cells. */
  readonly engine: WebAssembly.Module;
  readonly contracts: ReadonlyMap<string, { readonly contract: Contract; readonly url: string }>;
  /** The module that a slot starts with; asked once for each slot. A throw keeps the slot empty. */
  firstModule(slot: SlotConfig): Promise<CheckedModule | undefined>;
}

/** How long `stop` waits for calls under way, and then for providers, before it ends what is left. Milliseconds. */
const STOP_MS = 5_000;

/** Actors in their slots, providers in theirs, and the cells they run in. It knows no broker and no update. */
export class Host implements UpdateTarget {
  readonly providers: Providers;
  readonly #parts: HostParts;
  readonly #cells: Cells;
  readonly #store: BindingStore;
  readonly #slots = new Map<string, ActorSlot>();
  readonly #refused = new Map<string, IotError>();
  /** Bindings that a provider would not take at the start. */
  readonly #unbound = new Map<string, string>();
  readonly #listeners = new Set<() => void>();
  #stopping = false;

  constructor(parts: HostParts) {
    const { config, logger } = parts;
    this.#parts = parts;
    this.#store = new BindingStore(join(parts.dataDir, 'bindings.json'));
    this.#cells = new Cells(parts.engine, config.cells, {
      log: (actor, level, message) => logger.child({ actor })[level](message),
      ended: (cell, why) => {
        if (!this.#stopping) logger.warn(`cell ${cell.name} ended: ${why.message}`, { code: why.code });
        for (const slot of this.#slots.values()) slot.cellEnded(cell);
      },
    });
    this.providers = new Providers({
      contracts: parts.contracts,
      device: config.device,
      dataDir: parts.dataDir,
      brokerUrl: parts.brokerUrl,
      board: parts.board,
      logger,
      setInCells: (id, provider) => this.#cells.setProvider(id, provider),
    });
  }

  /** Providers first, then bindings, then actors. Throws E_CONFIG; a bad actor or provider is a problem, not an end. */
  async start(): Promise<void> {
    const { config } = this.#parts;
    await this.#store.load();
    for (const provider of config.providers) await this.providers.add(provider);
    for (const slot of config.actors) this.#makeSlot(slot);
    for (const name of this.#store.slots()) this.ensureSlot(name);
    for (const slot of this.#slots.values()) await this.#bindAll(slot);
    await Promise.all([...this.#slots.values()].map((slot) => this.#startSlot(slot)));
  }

  /** Ends in bounded time, whatever actors and providers are doing. Trials end undecided. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const slots = Promise.all([...this.#slots.values()].map((slot) => slot.stop()));
    // Calls under way may end by themselves; those that do not end with their cell.
    if (!(await endsWithin(slots, STOP_MS))) await this.#cells.stop();
    const { logger } = this.#parts;
    const all = Promise.all([slots, this.providers.stop()]);
    if (!(await endsWithin(all, STOP_MS))) logger.warn('stopped without waiting for all providers');
    await this.#cells.stop();
  }

  /** `listener` is told when an actor changed state or module; the result ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  actors(): ActorStatus[] {
    return [...this.#slots.values()].map((slot) => {
      const refused = this.#refused.get(slot.name)?.message;
      return {
        ...slot.status(),
        ...(slot.state === 'empty' && refused !== undefined ? { problem: refused } : {}),
      };
    });
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
    const refused = [...this.#refused].filter(([name]) => this.#slots.get(name)?.state === 'empty');
    return [
      ...this.providers.problems(),
      ...this.#unbound.values(),
      ...[...this.#slots.values()].flatMap((slot) => slot.problem() ?? []),
      ...refused.map(([name, error]) => `actor ${name} was refused: ${error.message}`),
    ];
  }

  /** Grants a resource, durably. Throws E_NO_ACTOR, E_CONFIG. */
  async bind(actor: string, binding: BindingConfig): Promise<ActorStatus> {
    const slot = this.actor(actor);
    await slot.bindings.add(binding);
    this.#unbound.delete(bindingKey(actor, binding));
    await this.#store.put(actor, binding);
    slot.bindingsChanged();
    return slot.status();
  }

  identity(slot: string): string | undefined {
    return this.#slots.get(slot)?.module?.key;
  }

  ensureSlot(name: string): void {
    if (!this.#slots.has(name)) this.#makeSlot(SlotConfig.parse({ name }));
  }

  missingBindings(name: string, capabilities: readonly string[]): string[] {
    const bound = new Set(
      this.#slots
        .get(name)
        ?.bindings.list()
        .map(({ contract }) => contract),
    );
    return capabilities.filter((id) => !bound.has(id)).map((id) => `iot-host bind ${name} ${id}`);
  }

  prepare(slot: string, module: CheckedModule): Promise<Candidate> {
    return this.actor(slot).prepare(module);
  }

  async clear(slot: string): Promise<void> {
    await this.#slots.get(slot)?.clear();
    this.#refused.delete(slot);
  }

  #makeSlot(config: SlotConfig): void {
    const { logger } = this.#parts;
    const slot = new ActorSlot(config, {
      cells: this.#cells,
      providers: this.providers,
      logger: logger.child({ actor: config.name }),
      changed: () => {
        for (const listener of this.#listeners) listener();
      },
    });
    this.#slots.set(config.name, slot);
  }

  /** Bindings of `iot-host bind` win over those of the file. */
  async #bindAll(slot: ActorSlot): Promise<void> {
    const configured = this.#parts.config.actors.find(({ name }) => name === slot.name)?.bindings ?? [];
    for (const binding of [...configured, ...this.#store.list(slot.name)]) {
      try {
        await slot.bindings.add(BindingConfig.parse(binding));
      } catch (thrown) {
        const error = asIotError(thrown);
        if (error.code === 'E_CONFIG') throw error;
        // A chip that is missing today keeps the host from being ready, not from being there.
        this.#parts.logger.error(error.message, { code: error.code });
        this.#unbound.set(bindingKey(slot.name, binding), error.message);
      }
    }
  }

  async #startSlot(slot: ActorSlot): Promise<void> {
    const config =
      this.#parts.config.actors.find(({ name }) => name === slot.name) ??
      SlotConfig.parse({ name: slot.name });
    try {
      const module = await this.#parts.firstModule(config);
      if (module !== undefined) await slot.start(module);
    } catch (thrown) {
      const refused = asIotError(thrown);
      this.#refused.set(slot.name, refused);
      this.#parts.logger.error(`actor ${slot.name} was refused: ${refused.message}`, { code: refused.code });
    }
  }
}

function bindingKey(actor: string, { contract, name }: BindingConfig): string {
  return `${actor} ${contract} ${name}`;
}
