import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IotError } from '../../base/errors.js';
import { isLoopback } from '../mqtt/address.js';

const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 5_000;

export interface HealthServerOptions {
  /** Default 127.0.0.1; only loopback, since there is neither TLS nor a token. */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What keeps the device from being ready; empty when it is. */
  readonly problems: () => readonly string[];
  /** What `/healthz` says besides `ready` and `problems`. */
  readonly health?: () => Readonly<Record<string, unknown>>;
}

export interface HealthServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** `/livez`, `/readyz` (503 with the problems), `/healthz` (JSON). Throws E_CONFIG, E_BUSY. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const host = options.host ?? '127.0.0.1';
  if (!isLoopback(host)) {
    throw new IotError('E_CONFIG', `control http listens on loopback only, not on ${host}`, {
      hint: 'leave http.host out, and put a proxy with TLS in front to be reached from elsewhere',
    });
  }
  const server = createServer((request, response) => answer(options, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  const port = await listen(server, host, options.port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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

function answer(options: HealthServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, { error: `method ${request.method} is not used here` });
    return;
  }
  try {
    if (path === '/livez') send(response, 200, { live: true });
    else if (path === '/readyz') ready(options, response);
    else if (path === '/healthz') send(response, 200, { ...readiness(options), ...options.health?.() });
    else send(response, 404, { error: 'try /livez, /readyz or /healthz' });
  } catch {
    send(response, 500, { error: 'health could not be determined' });
  }
}

function ready(options: HealthServerOptions, response: ServerResponse): void {
  const body = readiness(options);
  send(response, body.ready ? 200 : 503, body);
}

function readiness(options: HealthServerOptions): { ready: boolean; problems: readonly string[] } {
  const problems = options.problems();
  return { ready: problems.length === 0, problems };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
