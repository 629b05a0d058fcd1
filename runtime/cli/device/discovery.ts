import { isIPv4 } from 'node:net';
import { asIotError, IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { scan } from '../../control/client/scan.js';
import type { Context } from '../context.js';
import type { Place } from './place.js';

/** Milliseconds for one device that was found nowhere else. */
const DISCOVERY_MS = 1_000;
const ORIGIN = 'local network (mDNS)';

/**
 * `IOT_HOST_MDNS`: `off`, or the IPv4 address of the only interface to use; unset or empty, all of them.
 * Throws E_USAGE.
 */
export function scanInterface({ IOT_HOST_MDNS: setting }: Environment): string | 'off' | undefined {
  if (!setting) return undefined;
  if (setting === 'off' || isIPv4(setting)) return setting;
  throw new IotError('E_USAGE', `IOT_HOST_MDNS is "${setting}", neither "off" nor an IPv4 address`, {
    hint: 'unset IOT_HOST_MDNS',
  });
}

/** The broker at which `device` says it can be found, else why there is none. */
export async function discover(device: string, context: Context): Promise<Place | string> {
  const only = scanInterface(context.environment);
  if (only === 'off') return `${ORIGIN}: not asked, IOT_HOST_MDNS is off`;
  const { signal } = context;
  try {
    const found = await scan({ device, timeoutMs: DISCOVERY_MS, interface: only, signal });
    const broker = found.find((other) => other.device === device)?.broker;
    if (broker === undefined) return `${ORIGIN}: no answer`;
    context.output.note(`${device} says on the local network that it is at ${broker}`);
    return { origin: ORIGIN, broker };
  } catch (thrown) {
    return `${ORIGIN}: ${asIotError(thrown).message}`;
  }
}
