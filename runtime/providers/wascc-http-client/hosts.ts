import { isIP } from 'node:net';
import { isLoopback, isPublic } from './addresses.js';

/** One entry of an allow-list: a host name or address, or `*.suffix` for every name below it; perhaps a port. */
export interface HostPattern {
  /** In the form that `URL` gives: lower case, Punycode, IPv6 in brackets. */
  readonly host: string;
  readonly below: boolean;
  /** `undefined`: the scheme's own, 80 or 443. */
  readonly port: number | undefined;
}

const PATTERN = /^(\*\.)?([^\s/?#@\\%*]+?)(?::([0-9]{1,5}))?$/;

/** `undefined` for what is no entry: a URL, a bare `*`, a port out of range. */
export function parsePattern(text: string): HostPattern | undefined {
  const parts = PATTERN.exec(text);
  const [, star, name = '', portText] = parts ?? [];
  if (parts === null || !URL.canParse(`http://${name}/`)) return undefined;
  const url = new URL(`http://${name}/`);
  const port = portText === undefined ? undefined : Number(portText);
  if (url.port !== '' || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  const host = canonical(url.hostname);
  const below = star !== undefined;
  if (host === '' || (below && isAddress(host))) return undefined;
  return { host, below, port };
}

/** Whether the list names the host and port of `url`. What the name resolves to is checked by `addressAllowed`. */
export function hostAllowed(patterns: readonly HostPattern[], url: URL): boolean {
  const host = canonical(url.hostname);
  return patterns.some(
    (pattern) =>
      samePort(pattern, url) &&
      (pattern.below ? !isAddress(host) && host.endsWith(`.${pattern.host}`) : host === pattern.host),
  );
}

/**
 * Whether a connection to `address` may carry a request to `url`: public addresses may, others only when the list has
 * the address itself; `localhost` stands for loopback. So no name server can lead an actor into the local network.
 */
export function addressAllowed(patterns: readonly HostPattern[], url: URL, address: string): boolean {
  if (isPublic(address)) return true;
  const literal = canonical(new URL(`http://${address.includes(':') ? `[${address}]` : address}/`).hostname);
  const host = canonical(url.hostname);
  return patterns.some((pattern) => {
    if (pattern.below || !samePort(pattern, url)) return false;
    return pattern.host === literal || (host === 'localhost' && pattern.host === host && isLoopback(address));
  });
}

function samePort(pattern: HostPattern, url: URL): boolean {
  const own = url.protocol === 'https:' ? 443 : 80;
  return (pattern.port ?? own) === (url.port === '' ? own : Number(url.port));
}

function canonical(hostname: string): string {
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0;
}
