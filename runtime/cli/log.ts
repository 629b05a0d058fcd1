import type { Logger, LogLevel, LogMessage } from '../base/logger.js';
import { LOG_LEVELS } from '../base/logger.js';

/** One line of log for a person: time, level, what it is about, message, and what else the line carries. */
export function logText(line: {
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}): string {
  const { time, level, message, actor, ...rest } = line;
  const about = typeof actor === 'string' ? ` ${actor}:` : '';
  const fields = Object.entries(rest).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${new Date(time).toISOString().slice(11, 23)} ${level.padEnd(5)}${about} ${message}${fields.join('')}`;
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}

/** A logger that hands finished lines to `write`; what is chattier than `level` is never built. */
export function lineLogger(
  level: LogLevel,
  write: (line: { time: number; level: LogLevel; message: string; [field: string]: unknown }) => void,
  fields: Record<string, unknown> = {},
): Logger {
  const log =
    (at: LogLevel) =>
    (message: LogMessage, more: Record<string, unknown> = {}) => {
      if (LOG_LEVELS.indexOf(at) > LOG_LEVELS.indexOf(level)) return;
      const text = typeof message === 'string' ? message : message();
      write({ time: Date.now(), level: at, ...fields, ...more, message: text });
    };
  return {
    error: log('error'),
    warn: log('warn'),
    info: log('info'),
    debug: log('debug'),
    trace: log('trace'),
    child: (more) => lineLogger(level, write, { ...fields, ...more }),
  };
}
