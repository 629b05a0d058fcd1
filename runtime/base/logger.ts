/** `trace` is the chattiest; `silent` turns everything off. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];

/** A message, or a function that builds it: costly texts are never built when nobody listens. */
export type LogMessage = string | (() => string);

/** What the host writes to; `runtime/index.ts` backs it with pino. `fields` become JSON members of the line. */
export interface Logger {
  error(message: LogMessage, fields?: Record<string, unknown>): void;
  warn(message: LogMessage, fields?: Record<string, unknown>): void;
  info(message: LogMessage, fields?: Record<string, unknown>): void;
  debug(message: LogMessage, fields?: Record<string, unknown>): void;
  trace(message: LogMessage, fields?: Record<string, unknown>): void;
  /** A logger whose every line carries `fields`, for example `{ actor: 'blink' }`. */
  child(fields: Record<string, unknown>): Logger;
}

export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silentLogger,
};
