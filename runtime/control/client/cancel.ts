import { topics } from '../protocol/topics.js';
import { clearBlobs } from './blobs.js';
import { currentDesired } from './desired.js';
import type { DeviceClient } from './device-client.js';
import { requireName } from './names.js';

/**
 * Takes back what is desired of a component, and what was left with the broker for it. What runs goes on running.
 * False when nothing was desired. Rejects with E_BROKER_UNREACHABLE.
 */
export async function cancel(client: DeviceClient, component: string): Promise<boolean> {
  const topic = topics.desired(client.device, requireName('component', component));
  const desired = await currentDesired(client.link, client.device, component);
  // Cleared in any case: what is there may be no envelope at all.
  await client.link.publish(topic, new Uint8Array(0), { retain: true });
  if (desired !== undefined) {
    await clearBlobs(client.link, desired.modules, new Set([desired.deployment]));
  }
  return desired !== undefined;
}
