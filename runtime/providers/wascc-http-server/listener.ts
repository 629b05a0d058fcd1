import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Deliver } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { declaresMore, discardRest, readBody } from './body.js';
import { ask, refuse, statusOf, toRequest, write } from './exchange.js';
import type { Settings } from './settings.js';

export interface ListenerOptions {
  /** Whose requests these are, for messages. */
  readonly name: string;
  readonly host: string;
  /** As the binding says; 0: any free one. */
  readonly port: number;
  readonly settings: Settings;
  readonly logger: Logger;
}

/** How often Node looks for clients that are too slow, in milliseconds. */
const CHECK_MS = 1_000;
/** Longest wait for requests that are being handled when the port closes, in milliseconds. */
const DRAIN_MS = 5_000;

/** One open port and the requests that come through it. */
export class Listener {
  readonly #server: Server;
  #underWay = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  constructor(
    private readonly options: ListenerOptions,
    private deliver: Deliver,
  ) {
    const { settings } = options;
    const take = (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response);
    this.#server = createServer(
      {
        maxHeaderSize: settings.maxHeaderBytes,
        headersTimeout: settings.receiveTimeoutMs,
        requestTimeout: settings.receiveTimeoutMs,
        keepAliveTimeout: settings.keepAliveMs,
        connectionsCheckingInterval: CHECK_MS,
        joinDuplicateHeaders: true,
      },
      take,
    );
    this.#server.maxConnections = settings.maxConnections;
    // The client asks before it sends the body.
    this.#server.on('checkContinue', (request, response) => {
      if (!declaresMore(request, settings.maxBodyBytes)) response.writeContinue();
      take(request, response);
    });
  }

  get host(): string {
    return this.options.host;
  }

  /** The port as it was asked for. */
  get wanted(): number {
    return this.options.port;
  }

  /** The port that it is. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  get address(): string {
    const { host } = this.options;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  redirect(deliver: Deliver): void {
    this.deliver = deliver;
  }

  /** Throws E_BUSY for a port in use, E_UNAVAILABLE for an address that this machine does not have. */
  async open(port = this.options.port): Promise<void> {
    const { name, host, logger } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(unusable(name, host, port, error)));
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) => logger.warn(`${name}: ${this.address}: ${error.message}`));
    logger.info(`${name}: requests come in at ${this.address}`);
  }

  /** Takes no further connections, answers what it has, and closes. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
      if (this.#underWay === 0) resolve();
    });
    await Promise.race([idle, late]);
    clearTimeout(timer);
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { settings } = this.options;
    if (this.#closing) response.shouldKeepAlive = false;
    response.on('error', () => undefined);
    if (this.#underWay >= settings.maxConcurrent) {
      refuse(response, 503);
      return;
    }
    this.#underWay += 1;
    const done = new Promise<void>((resolve) => response.once('close', resolve));
    try {
      await this.#answer(request, response);
      await done;
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { settings, name, logger } = this.options;
    const body = await readBody(request, settings.maxBodyBytes);
    if (body === 'aborted') {
      response.destroy();
      return;
    }
    if (body === 'too-large') {
      refuse(response, 413);
      discardRest(request, settings.maxBodyBytes);
      return;
    }
    try {
      const answer = await ask(this.deliver, toRequest(request, body), settings.timeoutMs);
      if (this.#closing) response.shouldKeepAlive = false;
      write(response, answer);
    } catch (thrown) {
      const { code, message } = asIotError(thrown);
      // What the actor failed at, its slot has told already.
      const level = code === 'E_PAYLOAD' || code === 'E_TIMEOUT' ? 'warn' : 'debug';
      logger[level](`${name}: ${request.method} ${request.url}: ${message}`, { code });
      if (this.#closing) response.shouldKeepAlive = false;
      refuse(response, statusOf(thrown));
    }
  }
}

function unusable(name: string, host: string, port: number, error: NodeJS.ErrnoException): IotError {
  const what = `${name}: wascc:http_server cannot listen on ${host} port ${port}`;
  if (error.code === 'EADDRINUSE') {
    return new IotError('E_BUSY', `${what}: it is in use`, {
      hint: 'set PORT of the binding to another one, or to 0 for a free one',
      cause: error,
    });
  }
  const hint = error.code === 'EACCES' ? 'ports below 1024 need a privilege: use a higher one' : undefined;
  return new IotError('E_UNAVAILABLE', `${what}: ${error.message}`, { hint, cause: error });
}
