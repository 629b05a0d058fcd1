import { CHUNK_BYTES } from '../../base/limits.js';
import { type BrokerLink, pause } from '../mqtt/link.js';
import { level, topics } from '../protocol/topics.js';
import { awaitedModules } from './desired.js';

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

/** A module that may lie with a broker. */
export interface LeftModule {
  readonly digest: string;
  readonly size: number;
}

/**
 * Takes modules away from the broker, but not those for which a deployment other than `except` still waits. The first
 * chunk of each goes last: whoever sees it go (`leaveBlobs`) knows that all the others are gone.
 */
export async function clearBlobs(
  link: BrokerLink,
  modules: readonly LeftModule[],
  except: ReadonlySet<string>,
): Promise<void> {
  if (modules.length === 0) return;
  const awaited = await awaitedModules(link, except);
  for (const { digest, size } of modules) {
    if (awaited.has(digest)) continue;
    const count = chunkCount(size);
    await inTurn(count - 1, (index) => clear(link, digest, count - 1 - index));
    await clear(link, digest, 0);
  }
}

function clear(link: BrokerLink, digest: string, n: number): Promise<void> {
  return link.publish(topics.blob(digest, n), new Uint8Array(0), { retain: true });
}

/**
 * Leaves modules (by digest) with the broker around `announce`, which says who wants them. A sender of the same module
 * that ends just then may not have seen the announcement, and cleared it: then it is left once more. What `lies` there
 * already, as the caller believes, is only left when the broker does not show it.
 */
export async function leaveBlobs(
  link: BrokerLink,
  modules: ReadonlyMap<string, Uint8Array>,
  announce: () => Promise<void>,
  lies: (digest: string) => boolean = () => false,
): Promise<void> {
  const cleared = new Set([...modules.keys()].filter(lies));
  const firsts = [...modules.keys()].map((digest) => topics.blob(digest, 0));
  const guard = await link.subscribe(firsts, ({ topic, payload }) => {
    if (payload.length === 0) cleared.add(level(topic, 2));
    else cleared.delete(level(topic, 2));
  });
  try {
    for (const [digest, module] of modules) if (!lies(digest)) await publishBlobs(link, digest, module);
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
