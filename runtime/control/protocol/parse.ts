import { z } from 'zod';
import { LOG_LEVELS, type LogLevel } from '../../base/logger.js';
import { REASONS, type ReasonCode } from '../../base/reasons.js';
import { type LogLine, type Presence, UPDATE_STATES, type UpdateStatus } from './messages.js';

/** Largest JSON message that is looked at, in bytes. */
const MAX_JSON_BYTES = 256 * 1024;
/** The last with a year of four digits, in Unix milliseconds. */
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const Installed = z.object({
  digest: z.string(),
  size: z.number().optional(),
  sequence: z.number(),
  key: z.string(),
  version: z.string().optional(),
});

const Actor = z.object({
  name: z.string(),
  state: z.enum(['empty', 'starting', 'running', 'backoff', 'stopped', 'quarantined']),
  key: z.string().optional(),
  digest: z.string().optional(),
  version: z.string().optional(),
  sequence: z.number().optional(),
});

const PresenceMessage = z.object({
  v: z.literal(1),
  state: z.enum(['online', 'offline']),
  device: z.string(),
  session: z.number().int().min(0),
  version: z.string(),
  board: z.string(),
  labels: z.record(z.string(), z.string()),
  actors: z.array(Actor),
});

const Reason = z.object({
  code: z
    .string()
    .transform((code): ReasonCode => (Object.hasOwn(REASONS, code) ? (code as ReasonCode) : 'E_INTERNAL')),
  message: z.string(),
  hint: z.string().optional(),
});

const StatusMessage = z.object({
  v: z.literal(1),
  component: z.string(),
  deployment: z.string(),
  state: z.enum(UPDATE_STATES),
  percent: z.number().min(0).max(100).optional(),
  reason: Reason.optional(),
  sequence: z.number().optional(),
  floor: z.number().int().min(0),
  installed: Installed.optional(),
  pending: Installed.optional(),
  previous: Installed.optional(),
  grown: z.array(z.string()).optional(),
  unbound: z.array(z.string()).optional(),
});

const LogMessage = z.looseObject({
  // What a date can be, and a level of ours: a follower is to show every line that it is given.
  time: z.number().min(0).max(LAST_MOMENT),
  level: z.enum(LOG_LEVELS as [LogLevel, ...LogLevel[]]),
  message: z.string(),
  actor: z.string().optional(),
});

/** Each reads one JSON message; `undefined` for anything else, since anybody may write to a broker. */
export function parsePresence(payload: Uint8Array): Presence | undefined {
  return parse(PresenceMessage, payload) as Presence | undefined;
}

export function parseStatus(payload: Uint8Array): UpdateStatus | undefined {
  return parse(StatusMessage, payload);
}

export function parseLogLine(payload: Uint8Array): LogLine | undefined {
  return parse(LogMessage, payload);
}

function parse<T>(schema: z.ZodType<T>, payload: Uint8Array): T | undefined {
  if (payload.length === 0 || payload.length > MAX_JSON_BYTES) return undefined;
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(payload))).data;
  } catch {
    return undefined;
  }
}
