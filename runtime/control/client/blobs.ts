import { CHUNK_BYTES } from '../../base/limits.js';
import { type BrokerLink, pause } from '../mqtt/link.js';
import { level, topics } from '../protocol/topics.js';
import { isAwaited } from './desired.js';

/** Messages on their way to the broker at a time. */
const IN_FLIGHT = 8;
/** Milliseconds for which a sender that is about to leave watches over what it left. */
const LINGER_MS = 500;

function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** Leaves a module with the broker, for a device that is off or a sender that goes. Never trusted for being there. */
export async function publishBlobs(link: BrokerLink, digest: string, module: Uint8Array): Promise<void> {
  await inTurn(chunkCount(module.length), (n) => {
    const chunk = module.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES);
    return link.publish(topics.blob(digest, n), chunk, { retain: true });
  });
}

/**
 * Takes a module away from the broker unless a deployment other than `except` still waits for it. The first chunk
 * goes last: whoever sees it go (`guardBlobs`) knows that all the others are gone.
 */
export async function clearBlobs(
  link: BrokerLink,
  module: { readonly digest: string; readonly size: number },
  except: string,
): Promise<void> {
  if (await isAwaited(link, module.digest, except)) return;
  const count = chunkCount(module.size);
  await inTurn(count - 1, (index) => clear(link, module.digest, count - 1 - index));
  await clear(link, module.digest, 0);
}

function clear(link: BrokerLink, digest: string, n: number): Promise<void> {
  return link.publish(topics.blob(digest, n), new Uint8Array(0), { retain: true });
}

/**
 * Leaves modules (by digest) with the broker around `announce`, which says who wants them. A sender of the same module
 * that ends just then may not have seen the announcement, and cleared it: then it is left once more.
 */
export async function leaveBlobs(
  link: BrokerLink,
  modules: ReadonlyMap<string, Uint8Array>,
  announce: () => Promise<void>,
): Promise<void> {
  const cleared = new Set<string>();
  const firsts = [...modules.keys()].map((digest) => topics.blob(digest, 0));
  const guard = await link.subscribe(firsts, ({ topic, payload }) => {
    if (payload.length === 0) cleared.add(level(topic, 2));
  });
  try {
    for (const [digest, module] of modules) await publishBlobs(link, digest, module);
    await announce();
    await pause(LINGER_MS);
    for (const [digest, module] of modules) if (cleared.has(digest)) await publishBlobs(link, digest, module);
  } finally {
    await guard.close();
  }
}

async function inTurn(count: number, step: (index: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < count; at += IN_FLIGHT) {
    const batch = Array.from({ length: Math.min(IN_FLIGHT, count - at) }, (_, index) => step(at + index));
    await Promise.all(batch);
  }
}
