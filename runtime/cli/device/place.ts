import { IotError } from '../../base/errors.js';

/** A broker where a device may be found. */
export interface Place {
  /** What says so: a file's path, a flag, an environment variable. */
  readonly origin: string;
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly broker: string;
  readonly username?: string | undefined;
  /** `secret://NAME`, resolved when the connection is made. */
  readonly password?: string | undefined;
  /** PEM file; relative to the folder of `devices.yaml`. */
  readonly ca?: string | undefined;
}

export const LOCAL_BROKER = 'mqtt://localhost:1883';
/** Addresses to listen on that are none to connect to. */
const EVERYWHERE = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['[::]', '[::1]'],
]);

/** The URL under which this machine reaches a `broker:` setting; `undefined` for an embedded one on a port not known. */
export function brokerUrl(setting: string): string | undefined {
  if (setting === 'embedded') return LOCAL_BROKER;
  if (!setting.startsWith('embedded://')) return setting;
  const url = new URL(setting);
  const host = EVERYWHERE.get(url.hostname) ?? url.hostname;
  return url.port === '0' ? undefined : `mqtt://${host}:${url.port || '1883'}`;
}

/** Throws E_USAGE for what is not the URL of a broker. */
export function checkBroker(url: string, origin: string): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (['mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(protocol)) return url;
  // It may be none just because of a slip beside a password.
  const shown = url.replace(/\/\/.*@/, '//***@');
  throw new IotError('E_USAGE', `${origin}: "${shown}" is not the URL of an MQTT broker`, {
    hint: `use a URL like ${LOCAL_BROKER}`,
  });
}
