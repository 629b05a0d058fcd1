import type { SlotConfig } from '../base/config/schema.js';
import { asIotError, type IotError, logFields } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { CheckedModule } from './update.js';

export interface FirstModulesParts {
  readonly logger: Logger;
  /** The module that a slot starts with; asked once for each slot. A throw keeps the slot empty. */
  firstModule(slot: SlotConfig): Promise<CheckedModule | undefined>;
}

/** The modules that slots start with; of those that were refused it is kept why. */
export class FirstModules {
  readonly #parts: FirstModulesParts;
  readonly #refused = new Map<string, IotError>();

  constructor(parts: FirstModulesParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async find(slot: SlotConfig): Promise<CheckedModule | undefined> {
    try {
      return await this.#parts.firstModule(slot);
    } catch (thrown) {
      const refused = asIotError(thrown);
      this.#refused.set(slot.name, refused);
      this.#parts.logger.error(`refused: ${refused.message}`, { actor: slot.name, ...logFields(refused) });
      return undefined;
    }
  }

  /** Each slot whose module was refused, with the reason. */
  refused(): ReadonlyMap<string, IotError> {
    return this.#refused;
  }

  forget(slot: string): void {
    this.#refused.delete(slot);
  }
}
