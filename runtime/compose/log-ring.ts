import { LOG_LEVELS, type Logger, type LogLevel, type LogMessage } from '../base/logger.js';
import { isAbout } from '../control/protocol/log-line.js';
import type { LogLine, LogSelection } from '../control/protocol/messages.js';
import { clipLine } from '../host/cell/log-limit.js';

/** Lines kept for `iot-host logs`; the oldest go first. */
const KEPT = 1_000;

/** Remembers the last lines of a log and passes them on to whoever listens. */
export class LogRing {
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();

  /** A logger that writes to `logger` and into this ring. */
  tee(logger: Logger, fields: Record<string, unknown> = {}): Logger {
    const write = (level: LogLevel) => (message: LogMessage, more?: Record<string, unknown>) => {
      logger[level](message, more);
      if (level === 'trace' || level === 'debug') return;
      const text = typeof message === 'string' ? message : message();
      this.#add({ ...fields, ...more, time: Date.now(), level, message: clipLine(text) });
    };
    return {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      trace: write('trace'),
      child: (more) => this.tee(logger.child(more), { ...fields, ...more }),
    };
  }

  /** The newest last. */
  recent({ actor, level, since, sinceMs }: LogSelection = {}): LogLine[] {
    const levels = level === undefined ? LOG_LEVELS : LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1);
    const from = Math.max(since ?? 0, sinceMs === undefined ? 0 : Date.now() - sinceMs);
    return this.#lines.filter(
      (line) =>
        line.time >= from &&
        (actor === undefined || isAbout(line, actor)) &&
        levels.includes(line.level as LogLevel),
    );
  }

  onLine(listener: (line: LogLine) => void): void {
    this.#listeners.add(listener);
  }

  #add(line: LogLine): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}
