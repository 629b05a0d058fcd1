import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import type { LogLevel } from '../../base/logger.js';

/** A binding has nothing to say: an actor that has one may log. */
const Grant = z.strictObject({});
export type Grant = z.infer<typeof Grant>;

/** `level`: 0 off (the line is dropped), 1 error, 2 warn, 3 info, 4 debug, 5 trace. */
const WriteLog = z.object({ level: z.int().min(0).max(5), body: z.string() });

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];

/** Characters of one line; what is beyond is cut off, and the line says how much. */
export const MAX_LINE = 8192;

/**
 * `wascc:logging`: lines in the host's log, in the actor's name. A line is written before the call returns, in the
 * order of the calls; a level that the host does not listen to costs nothing and is no error.
 */
export interface Logging extends Provider<Grant> {
  write(session: Session<Grant>, level: LogLevel, message: string): MaybePromise<void>;
}

export default defineContract<Logging, Grant>({
  id: 'wascc:logging',
  codec: 'msgpack',
  summary: "lines in the host's log",
  grant: Grant,
  operations: {
    WriteLog: operation({
      request: WriteLog,
      fields: ['level', 'body'],
      authorize() {},
      perform(provider: Logging, session: Session<Grant>, { level, body }) {
        const name = LEVELS[level - 1];
        return name === undefined ? undefined : provider.write(session, name, shorten(body));
      },
    }),
  },
  implementations: { host: async () => (await import('./host.js')).implementation },
  defaultImplementation: 'host',
});

function shorten(body: string): string {
  if (body.length <= MAX_LINE) return body;
  return `${body.slice(0, MAX_LINE)}… (${body.length - MAX_LINE} characters more)`;
}
