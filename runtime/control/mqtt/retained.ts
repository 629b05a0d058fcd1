import { type BrokerLink, pause } from './link.js';

/** Milliseconds that brokers get to hand out what they keep, after they have answered. */
const GRACE_MS = 120;
/** Milliseconds after which a silent broker is not waited for. */
const CAP_MS = 2_000;

/**
 * What the broker keeps under `filter` right now, by topic. QoS 0, since a broker may hold back or drop retained
 * messages of QoS 1 beyond its in-flight window. Rejects with E_BROKER_UNREACHABLE.
 */
export async function readRetained(link: BrokerLink, filter: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const done = new AbortController();
  const single = !/[+#]/.test(filter);
  const subscription = await link.subscribe(
    filter,
    ({ topic, payload }) => {
      if (payload.length > 0) found.set(topic, payload);
      if (single) done.abort();
    },
    { qos: 0 },
  );
  try {
    // Behind the answer to a second request, whatever the distance: then only what the broker reads late is missing.
    await Promise.race([link.barrier(), pause(CAP_MS, done.signal)]);
    await pause(GRACE_MS, done.signal);
  } finally {
    await subscription.close();
  }
  return found;
}
