import { type BrokerLink, pause } from './link.js';

/**
 * Milliseconds without another message after which a broker has handed out what it keeps; with a slow broker, so many
 * times what it takes to answer.
 */
const QUIET_MS = 120;
const QUIET_ANSWERS = 5;
/** Milliseconds after which neither a silent nor a slow broker is waited for. */
const CAP_MS = 2_000;

/**
 * What the broker keeps under `filter` right now, by topic. QoS 0, since a broker may hold back or drop retained
 * messages of QoS 1 beyond its in-flight window. Rejects with E_BROKER_UNREACHABLE.
 */
export async function readRetained(link: BrokerLink, filter: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const done = new AbortController();
  let last = 0;
  const single = !/[+#]/.test(filter);
  const subscription = await link.subscribe(
    filter,
    ({ topic, payload }) => {
      last = performance.now();
      if (payload.length > 0) found.set(topic, payload);
      if (single) done.abort();
    },
    { qos: 0 },
  );
  try {
    const asked = performance.now();
    // Behind the answer to a second request, whatever the distance: then only what the broker reads late is missing.
    await Promise.race([link.barrier(), pause(CAP_MS, done.signal)]);
    last = performance.now();
    const until = last + CAP_MS;
    const silence = Math.max(QUIET_MS, QUIET_ANSWERS * (last - asked));
    for (let quiet = 0; performance.now() < until && !done.signal.aborted; quiet = performance.now() - last) {
      if (quiet < silence) {
        await pause(silence - quiet, done.signal);
        continue;
      }
      // It may have been this process that stood still: whatever came meanwhile has been read by then.
      const before = found.size;
      await Promise.race([link.barrier(), pause(CAP_MS, done.signal)]);
      if (found.size === before) break;
    }
  } finally {
    await subscription.close();
  }
  return found;
}
