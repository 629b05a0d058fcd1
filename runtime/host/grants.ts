import { join } from 'node:path';
import { BindingConfig, type HostConfig, type SlotConfig } from '../base/config/schema.js';
import { asIotError, IotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { namesActor } from './actors/actor-calls.js';
import type { ActorSlot } from './actors/actor-slot.js';
import { type BindingName, BindingStore, isSame } from './binding-store.js';

export interface GrantsParts {
  readonly config: HostConfig;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Where the configuration says what stands at `path`, for messages; a file and a line. */
  readonly where?: ((path: readonly PropertyKey[]) => Promise<string>) | undefined;
}

/** What actors may use: what the configuration grants, and over it what `iot-host bind` granted, which lasts. */
export class Grants {
  readonly #parts: GrantsParts;
  readonly #store: BindingStore;
  /** Bindings that a provider would not take at the start. */
  readonly #unbound = new Map<string, string>();

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
    return [...this.#unbound.values()];
  }

  /** Everything that is granted to a slot, at its start. Throws E_CONFIG; what else fails is a problem. */
  async bindAll(slot: ActorSlot): Promise<void> {
    const configured = this.configured(slot.name)?.bindings ?? [];
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

  /** Grants a resource, durably. Throws E_CONFIG, E_NO_SPACE: then what was granted before still is. */
  async add(slot: ActorSlot, binding: BindingConfig): Promise<void> {
    const before = [...this.#store.list(slot.name), ...(this.configured(slot.name)?.bindings ?? [])];
    await slot.bindings.add(binding);
    try {
      await this.#store.put(slot.name, binding);
    } catch (thrown) {
      const replaced = before.find((other) => isSame(other, binding));
      if (replaced !== undefined) await slot.bindings.add(replaced);
      else await slot.bindings.remove(binding.contract, binding.name);
      throw thrown;
    }
    this.#unbound.delete(bindingKey(slot.name, binding));
    slot.bindingsChanged();
  }

  /** Takes back what `add` granted, durably. Throws E_NOT_FOUND, E_CONFIG (it is of the file). */
  async remove(slot: ActorSlot, named: BindingName): Promise<void> {
    const configured = this.configured(slot.name)?.bindings.find((binding) => isSame(binding, named));
    if (!this.#store.list(slot.name).some((binding) => isSame(binding, named))) {
      if (configured !== undefined) throw await this.#inTheFile(slot.name, named);
      const known = slot.bindings.list().map(({ contract, session }) => `${contract} (${session.binding})`);
      throw new IotError('E_NOT_FOUND', `${slot.name} has no binding "${named.name}" to ${named.contract}`, {
        hint: `it has: ${known.join(', ') || 'none'}`,
      });
    }
    await this.#store.remove(slot.name, named);
    this.#unbound.delete(bindingKey(slot.name, named));
    const gone = slot.bindings.remove(named.contract, named.name);
    slot.bindingsChanged();
    await gone;
    // What the file grants had been covered by what `bind` made.
    if (configured !== undefined) await slot.bindings.add(configured);
    slot.bindingsChanged();
  }

  /** Takes back everything that a slot has, and forgets what `add` granted. */
  async removeAll(slot: ActorSlot): Promise<void> {
    await this.#store.removeAll(slot.name);
    for (const { contract, session } of slot.bindings.list()) {
      this.#unbound.delete(bindingKey(slot.name, { contract, name: session.binding }));
    }
    await slot.bindings.removeAll();
  }

  /** What has to be typed so that a slot, which may not be there yet, has all of these capabilities. */
  missing(slot: ActorSlot | undefined, name: string, capabilities: readonly string[]): string[] {
    const bound = new Set(slot?.bindings.list().map(({ contract }) => contract));
    return capabilities
      .filter((id) => !namesActor(id) && !bound.has(id))
      .map((id) => `iot-host bind ${name} ${id}`);
  }

  async #inTheFile(actor: string, named: BindingName): Promise<IotError> {
    const { config, where = async () => 'the configuration' } = this.#parts;
    const slot = config.actors.findIndex(({ name }) => name === actor);
    const binding = config.actors[slot]?.bindings.findIndex((other) => isSame(other, named)) ?? 0;
    const line = await where(['actors', slot, 'bindings', binding]);
    return new IotError('E_CONFIG', `the binding of ${actor} to ${named.contract} was not made by bind`, {
      hint: `take it out of ${line}, then start the host again`,
    });
  }
}

function bindingKey(actor: string, { contract, name }: BindingName): string {
  return `${actor} ${contract} ${name}`;
}
