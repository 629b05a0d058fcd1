import { LOG_LEVELS, type LogLevel } from '../../base/logger.js';
import { pause } from '../mqtt/link.js';
import { isAbout } from '../protocol/log-line.js';
import type { LogLine, LogSelection } from '../protocol/messages.js';
import { parseLogLine } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';
import type { DeviceClient } from './device-client.js';

/** Milliseconds for which lines are asked for; renewed at half time. */
const LEASE_MS = 30_000;

export interface FollowOptions {
  readonly client: DeviceClient;
  /** Default: all lines. `since` and `sinceMs` are about those that were written before. */
  readonly select?: LogSelection | undefined;
  readonly onLine: (line: LogLine) => void;
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/**
 * Recent lines, then new ones as they are written, until `signal` aborts. Rejects as `DeviceClient.rpc` does when
 * the device cannot be asked at the beginning; later it goes on asking.
 */
export async function followLogs(options: FollowOptions): Promise<void> {
  const { client, select = {}, signal, onLine } = options;
  let early: LogLine[] | undefined = [];
  const subscription = await client.link.subscribe(
    topics.log(client.device),
    ({ payload }) => {
      const line = parseLogLine(payload);
      if (line === undefined || !isSelected(line, select)) return;
      if (early === undefined) onLine(line);
      else early.push(line);
    },
    { qos: 0 },
  );
  const args = { leaseMs: LEASE_MS, ...select };
  try {
    const { lines } = await client.rpc('logs', args);
    // A line that came while the recent ones were on their way is in both.
    const recent = new Set(lines.map(identity));
    for (const line of lines) onLine(line);
    for (const line of early) if (!recent.has(identity(line))) onLine(line);
    early = undefined;
    while (!signal.aborted) {
      await pause(LEASE_MS / 2, signal);
      if (!signal.aborted) await client.rpc('logs', args).catch(() => {});
    }
  } finally {
    await subscription.close();
  }
}

function isSelected(line: LogLine, { actor, level }: LogSelection): boolean {
  const worst = level === undefined ? LOG_LEVELS.length : LOG_LEVELS.indexOf(level);
  return (actor === undefined || isAbout(line, actor)) && LOG_LEVELS.indexOf(line.level as LogLevel) <= worst;
}

/** The same for the same line, whatever the order of its members. */
function identity(line: LogLine): string {
  return JSON.stringify(Object.entries(line).sort(([a], [b]) => (a < b ? -1 : 1)));
}
