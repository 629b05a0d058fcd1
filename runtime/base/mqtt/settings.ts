import { z } from 'zod';
import type { Broker, BrokerAccess } from './connection.js';

/** Settings of every provider that talks to an MQTT broker. */
export const BrokerSettings = z.strictObject({
  /** Default: the device's broker. */
  url: z.url({ protocol: /^(mqtts?|wss?)$/ }).optional(),
  username: z.string().optional(),
  /** Best by reference: `secret://NAME`. */
  password: z.string().optional(),
  /** Certificate authority of an `mqtts:` broker, as PEM text. */
  ca: z.string().startsWith('-----BEGIN CERTIFICATE-----').optional(),
  /** How long a `Publish` waits for the broker to take the message, in milliseconds. Default 5000. */
  timeoutMs: z.int().min(1).max(60_000).default(5_000),
});
export type BrokerSettings = z.infer<typeof BrokerSettings>;

/** The broker that the settings name, else the device's with what the device gets in by. */
export function brokerOf(
  { url, username, password, ca }: BrokerSettings,
  device: { readonly brokerUrl: string; readonly brokerAccess?: BrokerAccess | undefined },
): Broker {
  if (url !== undefined) return { url, username, password, ca };
  const { brokerUrl, brokerAccess: own = {} } = device;
  const login = username === undefined && password === undefined ? own : { username, password };
  return {
    url: brokerUrl,
    username: login.username,
    password: login.password,
    ca: ca ?? own.ca,
    cert: own.cert,
    key: own.key,
  };
}
