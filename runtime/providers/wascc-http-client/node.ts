import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { z } from 'zod';
import type { Implementation, Session } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import { KIB, MIB } from '../../base/limits.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import type { HttpRequest, HttpResponse } from '../../base/wascc-http.js';
import { checkHost, type Grant, type HttpClient } from './contract.js';
import { type Exchange, exchange } from './exchange.js';
import { addressAllowed } from './hosts.js';
import { redirected } from './redirect.js';

const Settings = z.strictObject({
  /** How long one request may take with all its redirects, in milliseconds. Default 5000. */
  timeoutMs: z.int().min(1).max(600_000).default(5_000),
  /**
   * Largest response body, in bytes. Default 992 KiB: with its headers it then still fits into the 1 MiB that an actor
   * takes by default (`payloadBytes`).
   */
  maxResponseBytes: z
    .int()
    .min(0)
    .max(2 * MIB)
    .default(992 * KIB),
  /** Requests of one binding at a time: a call that the actor's deadline ended is still under way. Default 4. */
  maxConcurrent: z.int().min(1).max(256).default(4),
  /** Certificate authority of https servers, as PEM text. Default: those that Node knows. */
  ca: z.string().startsWith('-----BEGIN CERTIFICATE-----').optional(),
});
type Settings = z.infer<typeof Settings>;

/** Node's own HTTP client, a connection for every request. `resolve` finds addresses; tests have their own. */
export class NodeHttpClient implements HttpClient {
  readonly #underWay = new SessionMap<number>();
  #stopping = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly resolve: LookupFunction = systemLookup as LookupFunction,
  ) {}

  async start(): Promise<void> {
    this.#stopping = new AbortController();
  }

  /** Requests that are under way fail. */
  async stop(): Promise<void> {
    this.#stopping.abort();
  }

  async bind(): Promise<void> {}
  async unbind(): Promise<void> {}

  async perform(session: Session<Grant>, url: URL, request: HttpRequest): Promise<HttpResponse> {
    const { maxConcurrent } = this.settings;
    const underWay = this.#underWay.get(session) ?? 0;
    if (underWay >= maxConcurrent) {
      throw new IotError('E_QUEUE_FULL', `${sessionName(session)} has ${underWay} HTTP requests under way`);
    }
    this.#underWay.set(session, underWay + 1);
    try {
      // The body may be a view into memory that is good for this call only.
      const { method, header, body } = request;
      return await this.#follow(session.grant, { url, method, header, body: Buffer.from(body) });
    } finally {
      const left = (this.#underWay.get(session) ?? 1) - 1;
      if (left > 0) this.#underWay.set(session, left);
      else this.#underWay.delete(session);
    }
  }

  async #follow(grant: Grant, first: Exchange): Promise<HttpResponse> {
    const late = AbortSignal.timeout(this.settings.timeoutMs);
    const signal = AbortSignal.any([late, this.#stopping.signal]);
    let asked = first;
    for (let left = grant.redirects; ; left -= 1) {
      const { url, method } = asked;
      let response: HttpResponse;
      try {
        const { maxResponseBytes, ca } = this.settings;
        response = await exchange(asked, { lookup: this.#guarded(grant, url), signal, maxResponseBytes, ca });
      } catch (thrown) {
        throw this.#named(`${method} ${url.origin}${url.pathname}`, thrown, late);
      }
      const next = grant.redirects > 0 ? redirected(asked, response) : undefined;
      if (next === undefined) return response;
      if (left === 0) {
        throw new IotError('E_PROVIDER', `${first.url.origin}: more than ${grant.redirects} redirects`);
      }
      checkHost(grant, next.url, `a redirect of ${url.origin}`);
      asked = next;
    }
  }

  #named(what: string, thrown: unknown, late: AbortSignal): IotError {
    if (late.aborted)
      return new IotError('E_TIMEOUT', `${what}: no answer within ${this.settings.timeoutMs} ms`);
    if (this.#stopping.signal.aborted)
      return new IotError('E_PROVIDER', `${what}: wascc:http_client was stopped`);
    const { code, errors } = thrown as { code?: unknown; errors?: Error[] };
    if (code === 'ERR_INVALID_CHAR' || code === 'ERR_INVALID_HTTP_TOKEN') {
      return new IotError('E_PAYLOAD', `${what}: ${asIotError(thrown).message}`);
    }
    const error = asIotError(thrown, 'E_PROVIDER');
    // Several addresses were tried and all failed: the error itself has no text.
    const why = error.message || errors?.map(({ message }) => message).join('; ') || String(code);
    return new IotError(error.code, `${what}: ${why}`, { hint: error.hint, cause: thrown });
  }

  /** Finds addresses, and lets through only those that the grant allows. */
  #guarded(grant: Grant, url: URL): LookupFunction {
    return (hostname, options, callback) => {
      this.resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        const addresses = Array.isArray(found) ? found : [];
        const allowed = addresses.filter(({ address }) => addressAllowed(grant.hosts, url, address));
        const [one] = allowed;
        if (one === undefined) callback(notPublic(hostname, addresses[0]?.address), []);
        else if (options.all) callback(null, allowed);
        else callback(null, one.address, one.family);
      });
    };
  }
}

function notPublic(hostname: string, address: string | undefined): IotError {
  const what = `${hostname} leads to ${address ?? 'no address'}, which is not public and not granted`;
  return new IotError('E_NOT_GRANTED', what, { hint: `add ${address ?? hostname} to hosts: of the binding` });
}

export const implementation: Implementation<HttpClient, Settings> = {
  settings: Settings,
  create: (settings) => new NodeHttpClient(settings),
};
