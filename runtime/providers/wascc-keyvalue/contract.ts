import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  type Operation,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { KIB } from '../../base/limits.js';
import type { Store } from './store.js';

/**
 * `space`: the key space the actor works in. Default: the name of its slot, and for a binding with another name than
 * `default` that name too (`counter.archive`), so that neither actors nor bindings see each other's keys, also where
 * one provider serves them all. Whoever is given the same space shares it.
 */
const Grant = z.strictObject({
  space: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'use 1 to 64 of A-Z, a-z, 0-9, ., _ and -')
    .optional(),
});
export type Grant = z.infer<typeof Grant>;

/** Bytes of a key in UTF-8. */
export const MAX_KEY_BYTES = 1 * KIB;
const MAX_KEYS = 256;

const Key = z
  .string()
  .min(1)
  .refine((key) => Buffer.byteLength(key) <= MAX_KEY_BYTES, `longer than ${MAX_KEY_BYTES} bytes`);
const I32 = z.int32();
const KeyOnly = z.object({ key: Key });
const KeyValuePair = z.object({ key: Key, value: z.string() });
const Keys = z.object({ keys: z.array(Key).max(MAX_KEYS) });

/**
 * `wascc:keyvalue`: strings, lists and sets under text keys (at most 1 KiB), each value at most 1 MiB.
 * Every operation is atomic, also between actors that share a space. A missing key reads as `{value: "", exists:
 * false}`, an empty list, an empty set or 0. An operation on the wrong kind of value is refused (E_PAYLOAD) and
 * changes nothing. Expiry goes by the device's wall clock.
 */
export interface KeyValue extends Provider<Grant> {
  /** The key space `name`. */
  space(name: string): Store;
}

function spaceOf({ actor, binding, grant }: Session<Grant>): string {
  // A dot is in no name, so no other slot's space can be meant.
  return grant.space ?? (binding === 'default' ? actor : `${actor}.${binding}`);
}

type Perform<Request> = (store: Store, request: Request) => MaybePromise<unknown>;

function op<Request>(request: z.ZodType<Request>, fields: string[], perform: Perform<Request>) {
  const definition: Operation<KeyValue, Grant, Request> = {
    request,
    fields,
    authorize() {},
    perform: (provider, session: Session<Grant>, asked) => perform(provider.space(spaceOf(session)), asked),
  };
  return operation(definition);
}

export default defineContract<KeyValue, Grant>({
  id: 'wascc:keyvalue',
  codec: 'msgpack',
  summary: 'strings, lists and sets by key',
  grant: Grant,
  operations: {
    Add: op(z.object({ key: Key, value: I32 }), ['key', 'value'], (store, { key, value }) => ({
      value: store.add(key, value),
    })),
    Get: op(KeyOnly, ['key'], (store, { key }) => {
      const value = store.get(key);
      return { value: value ?? '', exists: value !== undefined };
    }),
    Set: op(
      KeyValuePair.extend({ expires: I32.min(0).default(0) }),
      ['key', 'value', 'expires'],
      (store, { key, value, expires }) => {
        store.set(key, value, expires);
        return { value };
      },
    ),
    Del: op(KeyOnly, ['key'], (store, { key }) => {
      store.delete(key);
      return { key };
    }),
    Clear: op(KeyOnly, ['key'], (store, { key }) => store.delete(key)),
    Range: op(
      z.object({ key: Key, start: I32, stop: I32 }),
      ['key', 'start', 'stop'],
      (store, { key, start, stop }) => ({ values: store.range(key, start, stop) }),
    ),
    Push: op(KeyValuePair, ['key', 'value'], (store, { key, value }) => ({
      newCount: store.push(key, value),
    })),
    ListItemDelete: op(KeyValuePair, ['key', 'value'], (store, { key, value }) => ({
      newCount: store.listDelete(key, value),
    })),
    SetAdd: op(KeyValuePair, ['key', 'value'], (store, { key, value }) => ({
      newCount: store.setAdd(key, value),
    })),
    SetRemove: op(KeyValuePair, ['key', 'value'], (store, { key, value }) => ({
      newCount: store.setRemove(key, value),
    })),
    SetUnion: op(Keys, ['keys'], (store, { keys }) => ({ values: store.union(keys) })),
    SetIntersection: op(Keys, ['keys'], (store, { keys }) => ({ values: store.intersection(keys) })),
    SetQuery: op(KeyOnly, ['key'], (store, { key }) => ({ values: store.members(key) })),
    KeyExists: op(KeyOnly, ['key'], (store, { key }) => ({ value: '', exists: store.exists(key) })),
  },
  implementations: {
    memory: async () => (await import('./memory.js')).implementation,
    lmdb: async () => (await import('./lmdb.js')).implementation,
  },
  defaultImplementation: 'lmdb',
});
