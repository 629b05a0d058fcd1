import { type BrokerLink, pause } from './link.js';

/** Milliseconds without another message after which a broker has handed out what it keeps. */
const QUIET_MS = 120;
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
    // Behind the answer to a second request, whatever the distance: then only what the broker reads late is missing.
    await Promise.race([link.barrier(), pause(CAP_MS, done.signal)]);
    const until = performance.now() + CAP_MS;
    last = performance.now();
    for (let quiet = 0; quiet < QUIET_MS && performance.now() < until; quiet = performance.now() - last) {
      await pause(QUIET_MS - quiet, done.signal);
      if (done.signal.aborted) break;
    }
  } finally {
    await subscription.close();
  }
  return found;
}
