import { IotError } from '../../base/errors.js';

const SCHEMES: ReadonlySet<string> = new Set(['mqtt:', 'mqtts:', 'ws:', 'wss:', 'tcp:', 'ssl:', 'tls:']);
const EMBEDDED = 'embedded';
export const MQTT_PORT = 1883;

/** Where a broker is. */
export interface BrokerAddress {
  /** Without user and password: safe to print. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Whether a `broker:` setting means the broker inside the host: `embedded` or `embedded://ADDRESS:PORT`. */
export function isEmbedded(broker: string): boolean {
  return broker === EMBEDDED || broker.startsWith(`${EMBEDDED}://`);
}

/** Where an embedded broker listens; defaults 127.0.0.1 and 1883. Throws E_CONFIG. */
export function embeddedAddress(broker: string): { host: string; port: number } {
  if (broker === EMBEDDED) return { host: '127.0.0.1', port: MQTT_PORT };
  // A scheme the URL class does not know gets no port check: http has one, and 80 for "none given".
  const url = parse(broker.replace(`${EMBEDDED}://`, 'http://'), broker);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new IotError('E_CONFIG', `broker ${broker} is not of the form embedded://127.0.0.1:PORT`);
  }
  return { host, port: portOf(broker, url) };
}

/** Where whoever is on the same machine finds what listens on `host`: its own address, loopback for "all". */
export function localAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Takes a broker's URL apart. `embedded…` means the broker that a host on this machine runs.
 * Throws E_CONFIG, with the password left out of the message.
 */
export function parseBroker(broker: string): BrokerAddress {
  if (isEmbedded(broker)) {
    const { host, port } = embeddedAddress(broker);
    return { url: `mqtt://${localAddress(host)}:${port}` };
  }
  const url = parse(broker, broker);
  if (!SCHEMES.has(url.protocol) || url.hostname === '') {
    throw new IotError('E_CONFIG', `${withoutSecrets(broker)} is not the URL of an MQTT broker`, {
      hint: 'write it as mqtt://HOST:1883 or mqtts://HOST:8883',
    });
  }
  const username = url.username === '' ? undefined : decodeURIComponent(url.username);
  const password = url.password === '' ? undefined : decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  return { url: url.href.replace(/\/$/, ''), username, password };
}

function parse(text: string, original: string): URL {
  try {
    return new URL(text);
  } catch (thrown) {
    throw new IotError('E_CONFIG', `${withoutSecrets(original)} is not the URL of a broker`, {
      hint: 'write it as embedded, mqtt://HOST:1883 or mqtts://HOST:8883',
      cause: thrown,
    });
  }
}

function portOf(broker: string, url: URL): number {
  if (url.port !== '') return Number(url.port);
  return /:80$/.test(broker) ? 80 : MQTT_PORT;
}

function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//');
}
