import { type Logger as Pino, pino } from 'pino';
import type { Logger, LogLevel, LogMessage } from './logger.js';

/** Members that may hold something secret are never written, wherever they come from. */
const SECRETS = ['password', 'token', 'seed', 'secret', '*.password', '*.token', '*.seed', '*.secret'];

/** A `Logger` on pino: one JSON object a line, `time` in Unix milliseconds, `level` by name, `message`. */
export function createLogger(level: LogLevel, destination: { write(line: string): void }): Logger {
  const base = {
    level,
    base: null,
    messageKey: 'message',
    redact: SECRETS,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return wrap(pino(base, destination));
}

function wrap(target: Pino): Logger {
  const write =
    (level: LogLevel) =>
    (message: LogMessage, fields: Record<string, unknown> = {}) => {
      if (!target.isLevelEnabled(level)) return;
      target[level](fields, typeof message === 'string' ? message : message());
    };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    child: (fields) => wrap(target.child(fields)),
  };
}
