import { z } from 'zod';
import { LOG_LEVELS, type LogLevel } from '../../base/logger.js';
import type { RpcOperation, RpcOperations } from './messages.js';

/** Milliseconds for which one request may ask for log lines. */
export const MAX_LOG_LEASE_MS = 60_000;
/** Trust documents in one request: as many root rotations as a device may have slept through at once. */
export const MAX_TRUST_DOCUMENTS = 32;

const None = z.strictObject({}) as z.ZodType<Record<string, never>>;
const Settings = z.record(z.string(), z.unknown());
const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');
const ActorName = z.strictObject({ actor: z.string() });
const ProviderName = z.strictObject({ contract: z.string(), name: z.string().optional() });

/** What each operation takes. Arguments are checked by the device although they are signed. */
export const RPC_ARGUMENTS: { readonly [K in RpcOperation]: z.ZodType<RpcOperations[K]['args']> } = {
  ps: None,
  call: z.strictObject({ actor: z.string(), operation: z.string(), payload: Bytes }),
  logs: z.strictObject({
    actor: z.string().optional(),
    level: z.enum(LOG_LEVELS as [LogLevel, ...LogLevel[]]).optional(),
    since: z.number().optional(),
    sinceMs: z.number().min(0).optional(),
    leaseMs: z.number().int().min(0).max(MAX_LOG_LEASE_MS).optional(),
  }),
  'actors.start': ActorName,
  'actors.stop': ActorName,
  'actors.restart': ActorName,
  'actors.remove': ActorName,
  'providers.list': None,
  'providers.remove': ProviderName,
  'providers.start': ProviderName,
  'providers.swap': ProviderName.extend({ to: z.string(), settings: Settings.optional() }),
  bind: z.strictObject({
    actor: z.string(),
    contract: z.string(),
    name: z.string().optional(),
    settings: Settings,
  }),
  unbind: ActorName.extend({ contract: z.string(), name: z.string().optional() }),
  'trust.update': z.strictObject({ documents: z.array(Bytes).min(1).max(MAX_TRUST_DOCUMENTS) }),
  abort: z.strictObject({ component: z.string() }),
};

export function isRpcOperation(operation: string): operation is RpcOperation {
  return Object.hasOwn(RPC_ARGUMENTS, operation);
}
