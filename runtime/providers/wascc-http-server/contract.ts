import { z } from 'zod';
import { defineContract, type Provider, type Session } from '../../base/contract.js';

/** waSCC hosts hand binding values over as text. */
const Port = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^[0-9]{1,5}$/, 'expected a port number')
      .transform(Number),
  ])
  .refine((port) => port >= 0 && port <= 65_535, 'expected a port from 0 to 65535');

/**
 * `PORT`: where the actor's requests come in; 0 takes a free one and the log says which. `HOST`: the address to listen
 * on, default 127.0.0.1; with another one whoever reaches it reaches the actor, and there is no TLS.
 */
const Grant = z.strictObject({
  PORT: Port,
  HOST: z.string().min(1).max(253).default('127.0.0.1'),
});
export type Grant = z.infer<typeof Grant>;

/**
 * `wascc:http_server`: ← `HandleRequest {method, path, queryString, header, body}` → `{statusCode, status, header,
 * body}`. There is nothing to call; a binding opens its port.
 *
 * `path` is as it was sent, percent-encoding and all; header names are in lower case, repeated ones joined by a comma.
 * Connections are kept alive and requests of several clients are handed over at the same time; the actor works on them
 * one after the other. While the actor's module is swapped, requests wait. An empty answer is 200 without a body.
 * What the client gets instead of an answer tells nothing about the inside: 413 and 431 for what is too large, 502 for
 * an actor that failed or answered what is no response (a status code outside 200 to 599, a header with a line break),
 * 503 for one that is not running or has too many waiting, 504 for one that was too slow. The log has the reason.
 * A port that another process has is E_BUSY, one that another binding of this host has is E_CONFIG, an address that
 * this machine does not have E_UNAVAILABLE.
 * When a binding or the provider ends, requests that are being handled are answered first, for a bounded time.
 */
export interface HttpServer extends Provider<Grant> {
  /** Where the binding's requests come in, like `http://127.0.0.1:8080`; `undefined` when it does not listen. */
  address(session: Session): string | undefined;
}

export default defineContract<HttpServer, Grant>({
  id: 'wascc:http_server',
  codec: 'msgpack',
  summary: 'requests of HTTP clients, answered by the actor',
  grant: Grant,
  operations: {},
  implementations: { node: async () => (await import('./node.js')).implementation },
  defaultImplementation: 'node',
});
