import { join } from 'node:path';
import { type Where, withPlace } from '../base/config/line.js';
import type { BindingConfig, HostConfig, SlotConfig } from '../base/config/schema.js';
import { asIotError, IotError, logFields } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { namesActor } from './actors/actor-calls.js';
import type { ActorSlot } from './actors/actor-slot.js';
import { type BindingName, BindingStore, isSame } from './binding-store.js';
import { type HostClock, machineClock } from './clock.js';
import { Retry } from './providers/retry.js';
import { Turns } from './turns.js';

export interface GrantsParts {
  readonly config: HostConfig;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Default: that of the machine. */
  readonly clock?: HostClock | undefined;
  /** Default: nobody knows where. */
  readonly where?: Where | undefined;
}

/** What actors may use: what the configuration grants, and over it what `iot-host bind` granted, which lasts. */
export class Grants {
  readonly #parts: GrantsParts;
  readonly #store: BindingStore;
  /** Bindings that a provider would not take, why, and when it is asked again. */
  readonly #unbound = new Map<string, { readonly why: string; readonly retry: Retry }>();
  readonly #turns = new Turns();
  #stopped = false;

  constructor(parts: GrantsParts) {
    this.#parts = parts;
    this.#store = new BindingStore(join(parts.dataDir, 'bindings.json'));
  }

  load(): Promise<void> {
    return this.#store.load();
  }

  /** Slots that `bind` granted something. */
  slots(): string[] {
    return this.#store.slots();
  }

  /** What the configuration says of a slot. */
  configured(name: string): SlotConfig | undefined {
    return this.#parts.config.actors.find((slot) => slot.name === name);
  }

  /** Why a grant is not there, for each that is not. */
  problems(): string[] {
    return [...this.#unbound.values()].map(({ why }) => why);
  }

  /** Asks no provider again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const key of [...this.#unbound.keys()]) this.#settled(key);
    await this.#turns.run(async () => undefined);
  }

  /** Everything that is granted to a slot, at its start. Throws E_CONFIG; what else fails is tried again. */
  async bindAll(slot: ActorSlot): Promise<void> {
    const stored = this.#store.list(slot.name);
    // What `bind` made stands in the place of what the file says: that would come over it when it is tried again.
    const configured = (this.configured(slot.name)?.bindings ?? []).filter(
      (binding) => !stored.some((other) => isSame(other, binding)),
    );
    for (const binding of configured) {
      await this.#addOrLater(slot, binding).catch(async (thrown: unknown) => {
        throw await withPlace(asIotError(thrown), this.#path(slot.name, binding), this.#parts.where);
      });
    }
    for (const binding of stored) await this.#addOrLater(slot, binding);
  }

  /** Where the configuration has a binding. */
  #path(actor: string, binding: BindingName): readonly PropertyKey[] {
    const { actors } = this.#parts.config;
    const slot = actors.findIndex(({ name }) => name === actor);
    const at = actors[slot]?.bindings.findIndex((other) => isSame(other, binding)) ?? 0;
    return ['actors', slot, 'bindings', at];
  }

  async #addOrLater(slot: ActorSlot, binding: BindingConfig): Promise<void> {
    try {
      await slot.bindings.add(binding);
    } catch (thrown) {
      const error = asIotError(thrown);
      if (error.code === 'E_CONFIG') throw error;
      // A chip that is missing today keeps the host from being ready, not from being there.
      this.#tryLater(slot, binding, error);
    }
  }

  /** What is held by somebody else now may be free in a moment: a port that a program looked at while the machine started. */
  #tryLater(slot: ActorSlot, binding: BindingConfig, error: IotError): void {
    if (this.#stopped) return;
    const key = bindingKey(slot.name, binding);
    const before = this.#unbound.get(key);
    const { logger, clock = machineClock } = this.#parts;
    if (before?.why !== error.message) logger.error(error.message, { actor: slot.name, ...logFields(error) });
    const { retry } = before ?? { retry: new Retry(clock) };
    this.#unbound.set(key, { why: error.message, retry });
    retry.later((wanted) => {
      void this.#turns.run(async () => {
        if (!wanted()) return;
        try {
          await slot.bindings.add(binding);
        } catch (thrown) {
          this.#tryLater(slot, binding, asIotError(thrown));
          return;
        }
        this.#settled(key);
        slot.bindingsChanged();
        logger.info(`binding to ${binding.contract}: now it is there`, { actor: slot.name });
      });
    });
  }

  /** It is there, or nobody wants it any more. */
  #settled(key: string): void {
    this.#unbound.get(key)?.retry.takeBack();
    this.#unbound.delete(key);
  }

  /** Grants a resource, durably. Throws E_CONFIG, E_NO_SPACE: then what was granted before still is. */
  add(slot: ActorSlot, binding: BindingConfig): Promise<void> {
    return this.#turns.run(() => this.#add(slot, binding));
  }

  async #add(slot: ActorSlot, binding: BindingConfig): Promise<void> {
    const before = [...this.#store.list(slot.name), ...(this.configured(slot.name)?.bindings ?? [])];
    const replaced = before.find((other) => isSame(other, binding));
    const isBound = slot.bindings.find(binding.contract, binding.name) !== undefined;
    if (isBound && replaced !== undefined && hasSettings(replaced) && !hasSettings(binding)) {
      const what = `${slot.name} has a binding to ${binding.contract} already, and one without settings would take away`;
      throw new IotError('E_CONFIG', `${what} what it grants`, {
        hint: `name all that it is to have: iot-host bind ${slot.name} ${binding.contract} KEY=VALUE…`,
      });
    }
    await slot.bindings.add(binding);
    try {
      await this.#store.put(slot.name, binding);
    } catch (thrown) {
      if (replaced !== undefined) await slot.bindings.add(replaced);
      else await slot.bindings.remove(binding.contract, binding.name);
      throw thrown;
    }
    this.#settled(bindingKey(slot.name, binding));
    slot.bindingsChanged();
  }

  /** Takes back what `add` granted, durably. Throws E_NOT_FOUND, E_CONFIG (it is of the file). */
  remove(slot: ActorSlot, named: BindingName): Promise<void> {
    return this.#turns.run(() => this.#remove(slot, named));
  }

  async #remove(slot: ActorSlot, named: BindingName): Promise<void> {
    const configured = this.configured(slot.name)?.bindings.find((binding) => isSame(binding, named));
    if (!this.#store.list(slot.name).some((binding) => isSame(binding, named))) {
      if (configured !== undefined) throw await this.#inTheFile(slot.name, named);
      const known = slot.bindings.list().map(({ contract, session }) => `${contract} (${session.binding})`);
      throw new IotError('E_NOT_FOUND', `${slot.name} has no binding "${named.name}" to ${named.contract}`, {
        hint: `it has: ${known.join(', ') || 'none'}`,
      });
    }
    await this.#store.remove(slot.name, named);
    this.#settled(bindingKey(slot.name, named));
    const gone = slot.bindings.remove(named.contract, named.name);
    slot.bindingsChanged();
    await gone;
    // What the file grants had been covered by what `bind` made.
    if (configured !== undefined) await this.#addOrLater(slot, configured);
    slot.bindingsChanged();
  }

  /** Takes back everything that a slot has, and forgets what `add` granted. */
  async removeAll(slot: ActorSlot): Promise<void> {
    await this.#turns.run(async () => {
      await this.#store.removeAll(slot.name);
      const own = [...this.#unbound.keys()].filter((key) => key.startsWith(`${slot.name} `));
      for (const key of own) this.#settled(key);
      await slot.bindings.removeAll();
    });
  }

  /** What has to be typed so that a slot, which may not be there yet, has all of these capabilities. */
  missing(slot: ActorSlot | undefined, name: string, capabilities: readonly string[]): string[] {
    const bound = new Set(slot?.bindings.list().map(({ contract }) => contract));
    return capabilities
      .filter((id) => !namesActor(id) && !bound.has(id))
      .map((id) => `iot-host bind ${name} ${id}`);
  }

  async #inTheFile(actor: string, named: BindingName): Promise<IotError> {
    const line = (await this.#parts.where?.(this.#path(actor, named))) ?? 'the configuration';
    return new IotError('E_CONFIG', `the binding of ${actor} to ${named.contract} was not made by bind`, {
      hint: `take it out of ${line}, then start the host again`,
    });
  }
}

function hasSettings({ contract: _contract, name: _name, ...settings }: BindingName): boolean {
  return Object.keys(settings).length > 0;
}

function bindingKey(actor: string, { contract, name }: BindingName): string {
  return `${actor} ${contract} ${name}`;
}
