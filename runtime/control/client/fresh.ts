import type { Signer } from '../../trust/cose/signer.js';
import { type FreshUntil, signFreshUntil } from '../../trust/fresh/fresh-until.js';
import type { BrokerLink } from '../mqtt/link.js';
import { readRetained } from '../mqtt/retained.js';
import { parseStatus } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';
import { readDesired } from './desired.js';

/**
 * The newest sequence number of each slot of a device: what is desired of it, and what it says that it runs. Neither is
 * verified: a number that somebody at the broker makes up lets the device seem behind, never up to date.
 */
export async function newestSequences(link: BrokerLink, device: string): Promise<Map<string, number>> {
  const [desired, states] = await Promise.all([
    readRetained(link, topics.desired(device, '+')),
    readRetained(link, topics.state(device, '+')),
  ]);
  const newest = new Map<string, number>();
  const take = (slot: string, sequence: number) =>
    newest.set(slot, Math.max(newest.get(slot) ?? 0, sequence));
  for (const envelope of desired.values()) {
    const wanted = readDesired(envelope);
    for (const slot of wanted?.slots ?? []) take(slot, wanted?.sequence ?? 0);
  }
  for (const payload of states.values()) {
    const status = parseStatus(payload);
    if (status?.installed !== undefined) take(status.component, status.installed.sequence);
  }
  return newest;
}

/**
 * Signs and leaves the freshness index of a device; `issued` and `until` are Unix seconds. Rejects with E_TOO_LARGE,
 * E_USAGE, E_BROKER_UNREACHABLE.
 */
export async function publishFresh(
  link: BrokerLink,
  signer: Signer,
  statement: Pick<FreshUntil, 'device' | 'issued' | 'until'>,
): Promise<FreshUntil> {
  const { device } = statement;
  const whole = { ...statement, newest: await newestSequences(link, device) };
  await link.publish(topics.fresh(device), signFreshUntil(signer, whole), { retain: true });
  return whole;
}
