import { hostname } from 'node:os';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { type Mdns, openMdns, SERVICE_TYPE } from '../../base/mdns.js';
import { isEmbedded, isLoopback, MQTT_PORT, parseBroker } from '../mqtt/address.js';

/** RFC 6763, 6.1: one `name=value` of a TXT record. */
const MAX_TXT_BYTES = 255;
/** Milliseconds that the word of leaving may take. */
const GOODBYE_MS = 500;

/**
 * The URL under which others reach the device's broker, without credentials; `undefined` when only this machine can.
 * `localUrl` is where an embedded one listens.
 */
export function reachableBroker(setting: string, localUrl: string): string | undefined {
  const address = isEmbedded(setting) ? setting.replace(/^embedded(:\/\/)?/, 'mqtt://') : setting;
  if (address === 'mqtt://') return undefined;
  const { hostname: host } = new URL(address);
  if (isLoopback(host.replace(/^\[(.*)\]$/, '$1'))) return undefined;
  if (!isEmbedded(setting)) return parseBroker(setting).url;
  const everywhere = host === '0.0.0.0' || host === '[::]';
  // Beyond loopback the embedded broker speaks TLS only.
  return `mqtts://${everywhere ? `${hostname()}.local` : host}:${new URL(localUrl).port || MQTT_PORT}`;
}

export interface AnnouncementOptions {
  readonly device: string;
  readonly version: string;
  readonly broker: string | undefined;
  /** IPv4 address of the only interface to use. */
  readonly interface?: string | undefined;
  readonly logger: Logger;
}

/** Makes the device known as `_iot-host._tcp`. Rejects with E_UNAVAILABLE; the result takes it back. */
export async function announce(options: AnnouncementOptions): Promise<() => Promise<void>> {
  const { device, version, broker, logger } = options;
  const mdns = await openMdns({
    interface: options.interface,
    warn: (why) => logger.debug(`mDNS: ${why}`),
  });
  if (broker !== undefined && `broker=${broker}`.length > MAX_TXT_BYTES) {
    await mdns.close();
    throw new IotError('E_UNAVAILABLE', `the address of the broker is too long to be announced: ${broker}`);
  }
  mdns.bonjour.publish({
    name: device,
    type: SERVICE_TYPE,
    host: `${hostname()}.local`,
    port: broker === undefined ? MQTT_PORT : Number(new URL(broker).port) || MQTT_PORT,
    txt: { device, version, ...(broker === undefined ? {} : { broker }) },
    // The name is the device's own; whether another one has it too, its presence at the broker tells.
    probe: false,
  });
  return () => leave(mdns);
}

/** Says goodbye, so that nobody waits for the record to expire. */
async function leave(mdns: Mdns): Promise<void> {
  await new Promise<void>((resolve) => {
    const enough = setTimeout(resolve, GOODBYE_MS);
    mdns.bonjour.unpublishAll(() => {
      clearTimeout(enough);
      resolve();
    });
  });
  await mdns.close();
}
