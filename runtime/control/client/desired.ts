import { toHex } from '../../trust/cbor/bytes.js';
import { readEnvelope } from '../../trust/suit/envelope.js';
import { readManifest } from '../../trust/suit/manifest.js';
import { planManifest } from '../../trust/suit/plan.js';
import type { BrokerLink } from '../mqtt/link.js';
import { readRetained } from '../mqtt/retained.js';
import { FINAL_STATES } from '../protocol/messages.js';
import { parseStatus } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';

/** What an envelope on `ota/desired/…` asks for. Not verified: good for keeping out of each other's way only. */
export interface Desired {
  /** Hex. */
  readonly deployment: string;
  readonly sequence: number;
  /** Slots that it fills. */
  readonly slots: readonly string[];
  readonly modules: readonly { readonly digest: string; readonly size: number }[];
}

/** `undefined` for what is no envelope. */
export function readDesired(envelope: Uint8Array): Desired | undefined {
  try {
    const { authentication, manifest, severed } = readEnvelope(envelope);
    const { sequence, ...rest } = readManifest(manifest, severed);
    const { components } = planManifest({ sequence, ...rest });
    const modules = components.map(({ digest, size }) => ({ digest: toHex(digest), size }));
    const slots = components.map(({ id }) => id.at(-1) ?? '');
    return { deployment: toHex(authentication.digest), sequence, slots, modules };
  } catch {
    return undefined;
  }
}

/** What the device is asked to run in `component` right now. */
export async function currentDesired(
  link: BrokerLink,
  device: string,
  component: string,
): Promise<Desired | undefined> {
  const topic = topics.desired(device, component);
  const envelope = (await readRetained(link, topic)).get(topic);
  return envelope === undefined ? undefined : readDesired(envelope);
}

/**
 * Digests of the modules for which a deployment other than `except` still waits, on any device: one look at all that
 * is desired at the broker.
 */
export async function awaitedModules(link: BrokerLink, except: ReadonlySet<string>): Promise<Set<string>> {
  const [desired, states] = await Promise.all([
    readRetained(link, topics.desired('+', '+')),
    readRetained(link, topics.state('+', '+')),
  ]);
  const ended = new Set<string>();
  for (const [topic, payload] of states) {
    const status = parseStatus(payload);
    if (status === undefined || !FINAL_STATES.includes(status.state)) continue;
    ended.add(`${topic.replace('/ota/state/', '/ota/desired/')} ${status.deployment}`);
  }
  const awaited = new Set<string>();
  for (const [topic, envelope] of desired) {
    const wanted = readDesired(envelope);
    if (wanted === undefined || except.has(wanted.deployment)) continue;
    if (ended.has(`${topic} ${wanted.deployment}`)) continue;
    for (const { digest } of wanted.modules) awaited.add(digest);
  }
  return awaited;
}
