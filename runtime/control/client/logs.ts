import { pause } from '../mqtt/link.js';
import type { LogLine } from '../protocol/messages.js';
import { parseLogLine } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';
import type { DeviceClient } from './device-client.js';

/** Milliseconds for which lines are asked for; renewed at half time. */
const LEASE_MS = 30_000;

export interface FollowOptions {
  readonly client: DeviceClient;
  /** Only lines of this actor. */
  readonly actor?: string | undefined;
  readonly onLine: (line: LogLine) => void;
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/**
 * Recent lines, then new ones as they are written, until `signal` aborts. Rejects as `DeviceClient.rpc` does when
 * the device cannot be asked at the beginning; later it goes on asking.
 */
export async function followLogs(options: FollowOptions): Promise<void> {
  const { client, actor, signal, onLine } = options;
  let early: LogLine[] | undefined = [];
  const subscription = await client.link.subscribe(
    topics.log(client.device),
    ({ payload }) => {
      const line = parseLogLine(payload);
      if (line === undefined || (actor !== undefined && line.actor !== actor)) return;
      if (early === undefined) onLine(line);
      else early.push(line);
    },
    { qos: 0 },
  );
  const args = { leaseMs: LEASE_MS, ...(actor === undefined ? {} : { actor }) };
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

/** The same for the same line, whatever the order of its members. */
function identity(line: LogLine): string {
  return JSON.stringify(Object.entries(line).sort(([a], [b]) => (a < b ? -1 : 1)));
}
