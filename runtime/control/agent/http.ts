import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { IotError } from '../../base/errors.js';
import { isLoopback } from '../mqtt/address.js';
import type { ServerTls } from './broker-door.js';

const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 5_000;

export interface HealthServerOptions {
  /** Default 127.0.0.1; beyond loopback only with `token` or `tls`. */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What every path but `/livez` then asks for, as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  readonly tls?: ServerTls | undefined;
  /** What keeps the device from being ready; empty when it is. */
  readonly problems: () => readonly string[];
  /** What `/healthz` says besides `ready` and `problems`. */
  readonly health?: () => Readonly<Record<string, unknown>>;
  /** `/metrics` in the text format of Prometheus. */
  readonly metrics?: () => Promise<string>;
}

export interface HealthServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type:
    | 'application/json'
    | 'text/plain; charset=utf-8'
    | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
}
type Route = (options: HealthServerOptions) => Answer | Promise<Answer>;

const ROUTES: Readonly<Record<string, Route>> = {
  '/livez': () => json(200, { live: true }),
  '/readyz'({ problems }) {
    const found = problems();
    if (found.length === 0) return text(200, 'ready');
    return text(
      503,
      ['not ready', ...found.map((problem) => `- ${problem.replace(/\s+/g, ' ')}`)].join('\n'),
    );
  },
  '/healthz'({ problems, health }) {
    const found = problems();
    return json(200, { ready: found.length === 0, problems: found, ...health?.() });
  },
  async '/metrics'({ metrics }) {
    if (metrics === undefined) return NOT_FOUND;
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await metrics() };
  },
};
const OPEN_PATH = '/livez';
const NOT_FOUND = json(404, { error: `try ${Object.keys(ROUTES).join(', ')}` });

/**
 * `/livez`, `/readyz` (text; 503 with the problems, one a line), `/healthz` (JSON, always 200), `/metrics`.
 * Throws E_CONFIG (beyond loopback without token and TLS, a certificate that cannot be used), E_BUSY.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const host = options.host ?? '127.0.0.1';
  refuseOpenHttp(host, options.token !== undefined || options.tls !== undefined);
  const token = options.token === undefined ? undefined : digest(options.token);
  const server = createListener(options.tls, (request, response) => {
    respond(options, token, request, response).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  const port = await listen(server, host, options.port);
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Throws E_CONFIG, its hint the missing lines, when it would be open beyond loopback. */
export function refuseOpenHttp(host: string, closed: boolean): void {
  if (isLoopback(host) || closed) return;
  throw new IotError('E_CONFIG', `control http would listen on ${host}, beyond loopback, open to everybody`, {
    hint: `add to http: in the configuration
token: secret://http-token
or
tls: {cert: ./http.crt, key: ./http.key}`,
  });
}

function createListener(
  tls: ServerTls | undefined,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (tls === undefined) return createServer(listener);
  try {
    return createTlsServer({ ...tls, minVersion: 'TLSv1.2', handshakeTimeout: REQUEST_TIMEOUT_MS }, listener);
  } catch (thrown) {
    const why = (thrown as NodeJS.ErrnoException).code ?? 'not PEM';
    throw new IotError('E_CONFIG', `certificate and key of control http cannot be used: ${why}`, {
      hint: 'http.tls names two PEM files that belong together',
      cause: thrown,
    });
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new IotError('E_BUSY', `port ${port} on ${host} is in use, control http cannot listen there`, {
              hint: 'set http.port to another one, or to 0 for a free one',
            })
          : new IotError('E_CONFIG', `control http cannot listen on ${host}:${port}: ${error.message}`),
      ),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function respond(
  options: HealthServerOptions,
  token: Buffer | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0] ?? '/';
  const { status, type, body } = await answer(options, token, request, path);
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body.endsWith('\n') ? body : `${body}\n`);
}

async function answer(
  options: HealthServerOptions,
  token: Buffer | undefined,
  { method, headers }: IncomingMessage,
  path: string,
): Promise<Answer> {
  // Before all else: whether there is such a path is nobody's business either.
  if (path !== OPEN_PATH && token !== undefined && !bears(token, headers.authorization)) {
    return json(401, { error: 'a token is needed: Authorization: Bearer …' });
  }
  if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'only GET and HEAD are used here' });
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) return NOT_FOUND;
  try {
    return await route(options);
  } catch {
    return json(500, { error: 'health could not be determined' });
  }
}

/** In the same time for every wrong token. */
function bears(token: Buffer, authorization: string | undefined): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  return timingSafeEqual(digest(given ?? ''), token) && given !== undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function json(status: number, body: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}
