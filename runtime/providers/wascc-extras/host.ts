import { randomInt, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Implementation, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { SessionMap } from '../../base/sessions.js';
import type { Extras } from './contract.js';

/** Where chance comes from; tests and recordings put another source in its place. */
export interface Chance {
  guid(): string;
  /** `min` included, `max` not. */
  between(min: number, max: number): number;
}

export const systemChance: Chance = { guid: randomUUID, between: randomInt };

const StateShape = z.object({
  sequences: z.array(z.object({ actor: z.string(), binding: z.string(), next: z.int().min(0) })),
});

/** The operating system's random numbers, in the cell; sequence numbers are kept on the main thread. */
export class HostExtras implements Extras {
  readonly #next = new SessionMap<number>();

  constructor(private readonly chance: Chance = systemChance) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#next.clear();
  }

  async bind(): Promise<void> {}

  async unbind(session: Session): Promise<void> {
    this.#next.delete(session);
  }

  guid(): string {
    return this.chance.guid();
  }

  random(min: number, max: number): number {
    return this.chance.between(min, max);
  }

  sequence(session: Session): number {
    const next = this.#next.get(session) ?? 0;
    this.#next.set(session, next + 1);
    return next;
  }

  async exportState(): Promise<unknown> {
    const sequences = this.#next.entries().map(([{ actor, binding }, next]) => ({ actor, binding, next }));
    return { sequences };
  }

  async importState(state: unknown): Promise<void> {
    const parsed = StateShape.safeParse(state);
    if (!parsed.success)
      throw new IotError('E_PROVIDER', 'wascc:extras state is damaged', { cause: parsed.error });
    for (const { next, ...session } of parsed.data.sequences)
      this.#next.set({ ...session, grant: undefined }, next);
  }
}

const Settings = z.strictObject({});

export const implementation: Implementation<Extras, z.infer<typeof Settings>> = {
  settings: Settings,
  create: () => new HostExtras(),
  createInCell: () => ({ guid: systemChance.guid, random: systemChance.between }),
  cellOperations: ['RequestGuid', 'RequestRandom'],
};
