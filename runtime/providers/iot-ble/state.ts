import { z } from 'zod';
import { IotError } from '../../base/errors.js';

const Place = z.object({ service: z.string(), characteristic: z.string() });

const SessionState = z.object({
  actor: z.string(),
  binding: z.string(),
  scan: z
    .object({
      services: z.array(z.string()).optional(),
      duplicates: z.boolean(),
      /** Milliseconds left of it. */
      durationMs: z.number().optional(),
    })
    .optional(),
  /** Wanted, connected or not. `name`: as it advertised itself; the grant may go by it. */
  peripherals: z.array(
    z.object({ id: z.string(), name: z.string().optional(), subscriptions: z.array(Place) }),
  ),
});

/** One session as it is handed from one implementation to the next. */
export type SessionState = z.infer<typeof SessionState>;

/** Throws E_PROVIDER when the state is not what an implementation of this contract exports. */
export function parseState(state: unknown): SessionState[] {
  const parsed = z.object({ sessions: z.array(SessionState) }).safeParse(state);
  if (parsed.success) return parsed.data.sessions;
  throw new IotError('E_PROVIDER', 'iot:ble state is damaged', { cause: parsed.error });
}
