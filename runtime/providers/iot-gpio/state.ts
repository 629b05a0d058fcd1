import { z } from 'zod';
import { IotError } from '../../base/errors.js';
import type { GpioChip } from './chip.js';
import { type Holder, outputs } from './holder.js';

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

/** What `holder` has, for an implementation that takes this one's place. */
export function exported(holder: Holder, chip: GpioChip): SessionState {
  const { session, pulses, watches } = holder;
  const now = performance.now();
  return {
    actor: session.actor,
    binding: session.binding,
    levels: Object.fromEntries(outputs(holder).map((line) => [line, chip.read(line)])),
    pulses: Object.fromEntries([...pulses].map(([line, { end }]) => [line, Math.max(0, end - now)])),
    watches: watches.entries().map(([line, { edge, debounceUs, seq }]) => ({ line, edge, debounceUs, seq })),
  };
}

/** Throws E_PROVIDER when the state is not what an implementation of this contract exports. */
export function parseState(state: unknown): SessionState[] {
  const parsed = z.object({ sessions: z.array(SessionState) }).safeParse(state);
  if (parsed.success) return parsed.data.sessions;
  throw new IotError('E_PROVIDER', 'iot:gpio state is damaged', { cause: parsed.error });
}
