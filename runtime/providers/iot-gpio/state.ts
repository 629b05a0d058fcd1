import { z } from 'zod';
import { IotError } from '../../base/errors.js';

const LevelValue = z.union([z.literal(0), z.literal(1)]);

const SessionState = z.object({
  actor: z.string(),
  binding: z.string(),
  /** Outputs as they stand. */
  levels: z.record(z.string(), LevelValue),
  /** Milliseconds left of running pulses. */
  pulses: z.record(z.string(), z.number().min(0)),
  watches: z.array(
    z.object({
      line: z.string(),
      edge: z.enum(['rising', 'falling', 'both']),
      debounceUs: z.number().min(0),
      seq: z.int().min(0),
    }),
  ),
});

/** One session as it is handed from one implementation to the next. */
export type SessionState = z.infer<typeof SessionState>;

/** Throws E_PROVIDER when the state is not what an implementation of this contract exports. */
export function parseState(state: unknown): SessionState[] {
  const parsed = z.object({ sessions: z.array(SessionState) }).safeParse(state);
  if (parsed.success) return parsed.data.sessions;
  throw new IotError('E_PROVIDER', 'iot:gpio state is damaged', { cause: parsed.error });
}
