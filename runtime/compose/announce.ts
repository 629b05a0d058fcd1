import type { HostConfig } from '../base/config/schema.js';
import { asIotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { VERSION } from '../base/version.js';
import { announce, reachableBroker } from '../control/agent/announcement.js';

/**
 * Makes the device known on the local network where the configuration says so, or, when it says nothing, where
 * others can reach its broker (`localUrl` is where an embedded one listens). The result takes it back. A network
 * without multicast is a remark, not a failure.
 */
export async function announceDevice(
  { device, broker: setting, mdns }: HostConfig,
  localUrl: string,
  logger: Logger,
): Promise<() => Promise<void>> {
  const broker = reachableBroker(setting, localUrl);
  const wanted = mdns ?? broker !== undefined;
  if (wanted === false) return async () => {};
  const only = typeof mdns === 'object' ? mdns.interface : undefined;
  try {
    return await announce({ device, version: VERSION, broker, interface: only, logger });
  } catch (thrown) {
    logger.warn(`the device is not announced: ${asIotError(thrown).message}`);
    return async () => {};
  }
}
