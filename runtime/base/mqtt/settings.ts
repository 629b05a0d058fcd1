import { z } from 'zod';
import type { Broker } from './connection.js';

/** Settings of every provider that talks to an MQTT broker. */
export const BrokerSettings = z.strictObject({
  /** Default: the device's broker. */
  url: z.url({ protocol: /^(mqtts?|wss?)$/ }).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  /** Certificate authority of an `mqtts:` broker, as PEM text. */
  ca: z.string().startsWith('-----BEGIN CERTIFICATE-----').optional(),
  /** How long a `Publish` waits for the broker to take the message, in milliseconds. Default 5000. */
  timeoutMs: z.int().min(1).max(60_000).default(5_000),
});
export type BrokerSettings = z.infer<typeof BrokerSettings>;

/** The broker that the settings name, else the device's. */
export function brokerOf({ url, username, password, ca }: BrokerSettings, deviceBrokerUrl: string): Broker {
  return { url: url ?? deviceBrokerUrl, username, password, ca };
}
