import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { HttpRequest, type HttpResponse } from '../../base/wascc-http.js';
import { type HostPattern, hostAllowed, parsePattern } from './hosts.js';

const Host = z.string().transform((text, context): HostPattern => {
  const pattern = parsePattern(text);
  if (pattern !== undefined) return pattern;
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not a host: write example.com, example.com:8443, *.example.com or an address`,
  });
  return z.NEVER;
});

/**
 * `hosts`: whom the actor may ask, default nobody: `example.com`, `example.com:8443`, `*.example.com` (every name
 * below, not the name itself), `192.168.1.5:8080`, `[fd00::5]`. Without a port the scheme's own is meant. An address
 * that is not public (the local network, this machine) must be in the list itself, also when a name leads there;
 * `localhost` may stand for this machine. `redirects`: how many to follow, default 0; each must be in the list, too.
 */
const Grant = z.strictObject({
  hosts: z.array(Host).default([]),
  redirects: z.int().min(0).max(10).default(0),
});
export type Grant = z.infer<typeof Grant>;

/**
 * `wascc:http_client`: `PerformRequest {method, path, queryString, header, body}` → `{statusCode, status, header,
 * body}`.
 *
 * `path` is a whole URL, http or https; a `queryString` is put behind. Any status is an answer, also 404 and, unless
 * the grant follows redirects, 302. Headers that describe the connection, `host` among them, are the host's to set and
 * ignored. Bodies are neither compressed nor unpacked. The actor's deadline bounds the wait, whatever `timeoutMs` says.
 * Errors: E_NOT_GRANTED for a host, an address or a redirect that is not in the list; E_PAYLOAD for what is no request;
 * E_TIMEOUT; E_TOO_LARGE for a response beyond `maxResponseBytes`; E_QUEUE_FULL for too many at a time; E_PROVIDER for
 * everything that happens on the way. An error may mean that the server has done what was asked nevertheless.
 */
export interface HttpClient extends Provider<Grant> {
  perform(session: Session<Grant>, url: URL, request: HttpRequest): MaybePromise<HttpResponse>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Where a request goes. Throws E_PAYLOAD. */
export function urlOf({ method, path, queryString }: HttpRequest): URL {
  const bad = (why: string) => new IotError('E_PAYLOAD', `wascc:http_client: ${why}`);
  if (!TOKEN.test(method)) throw bad(`${JSON.stringify(method)} is no method`);
  if (/^(connect|trace)$/i.test(method)) throw bad(`method ${method} is not for actors`);
  if (!URL.canParse(path)) throw bad(`path ${JSON.stringify(path.slice(0, 80))} is not a whole URL`);
  const url = new URL(path);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw bad(`${url.protocol} is neither http nor https`);
  if (url.username !== '' || url.password !== '')
    throw bad('credentials belong into the header authorization');
  if (queryString !== '') url.search = url.search === '' ? queryString : `${url.search}&${queryString}`;
  return url;
}

/** Throws E_NOT_GRANTED. */
export function checkHost({ hosts }: Grant, url: URL, what = 'a request'): void {
  if (hostAllowed(hosts, url)) return;
  throw new IotError('E_NOT_GRANTED', `${what} to ${url.protocol}//${url.host} is not granted`, {
    hint: `add ${url.host} to hosts: of the binding`,
  });
}

export default defineContract<HttpClient, Grant>({
  id: 'wascc:http_client',
  codec: 'msgpack',
  summary: 'requests to HTTP servers',
  grant: Grant,
  operations: {
    PerformRequest: operation({
      request: HttpRequest,
      authorize: (grant: Grant, request) => checkHost(grant, urlOf(request)),
      perform: (provider: HttpClient, session: Session<Grant>, request) =>
        provider.perform(session, urlOf(request), request),
    }),
  },
  implementations: { node: async () => (await import('./node.js')).implementation },
  defaultImplementation: 'node',
});
