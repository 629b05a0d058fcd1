import { hostname } from 'node:os';
import type { HostConfig } from '../base/config/schema.js';
import type { Logger } from '../base/logger.js';
import type { BrokerAccess } from '../base/mqtt/connection.js';
import { startEmbeddedBroker } from '../control/agent/broker.js';
import { isEmbedded } from '../control/mqtt/address.js';
import { type Edges, revealUsers } from './edges.js';

export interface DeviceBroker {
  /** For this device itself. */
  readonly url: string;
  /** What getting in takes besides; the password is a reference. */
  readonly access: BrokerAccess | undefined;
  /** To be shown: `broker`, and `brokerTls` where others may come in. */
  readonly urls: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** The broker inside the host when the configuration asks for it, else what is known of the one outside. */
export async function startBroker(
  { broker, brokerUsers }: HostConfig,
  { brokerTls: tls, brokerAccess: access }: Edges,
  dataDir: string,
  logger: Logger,
): Promise<DeviceBroker> {
  if (!isEmbedded(broker)) {
    return { url: broker, access, urls: { broker: withoutPassword(broker) }, stop: async () => {} };
  }
  const users = await revealUsers(brokerUsers);
  const { url, port, stop } = await startEmbeddedBroker({ broker, dataDir, logger, tls, users });
  const urls: Record<string, string> = { broker: url };
  if (tls !== undefined) urls.brokerTls = `mqtts://${hostname()}:${port}`;
  return { url, access: undefined, urls, stop };
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}
