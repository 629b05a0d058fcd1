import { z } from 'zod';
import { checkShape } from '../../base/config/shape.js';
import { IotError } from '../../base/errors.js';
import type { Entry } from './store.js';

const EntryShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('string'), value: z.string(), expiresAt: z.number().optional() }),
  z.object({ type: z.literal('list'), items: z.array(z.string()), expiresAt: z.number().optional() }),
  z.object({ type: z.literal('set'), items: z.array(z.string()), expiresAt: z.number().optional() }),
]);

const StateShape = z.object({
  entries: z.array(z.object({ space: z.string(), key: z.string(), entry: EntryShape })),
});

/** One entry with its place; the state that goes from one implementation to the next is a list of these. */
export interface Placed {
  readonly space: string;
  readonly key: string;
  readonly entry: Entry;
}

/** Throws E_PROVIDER when the state is not what an implementation of this contract exports. */
export function parseState(state: unknown): Placed[] {
  const context = 'wascc:keyvalue state is damaged';
  return checkShape(StateShape, state, { code: 'E_PROVIDER', context }).entries;
}

/** One entry as it was read from disk. Throws E_PROVIDER. */
export function parseEntry(key: string, value: unknown): Entry {
  const parsed = EntryShape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new IotError('E_PROVIDER', `stored value of key ${JSON.stringify(key)} is damaged`, {
    hint: 'set or delete the key again',
  });
}
