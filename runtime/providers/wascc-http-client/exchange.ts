import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { IotError } from '../../base/errors.js';
import { KIB } from '../../base/limits.js';
import { type HttpResponse, isHopByHop, singleValued } from '../../base/wascc-http.js';

const MAX_HEADER_BYTES = 32 * KIB;

/** One request without redirects. */
export interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface ExchangeOptions {
  readonly lookup: LookupFunction;
  readonly signal: AbortSignal;
  readonly maxResponseBytes: number;
  readonly ca: string | undefined;
}

/** Throws E_PAYLOAD for headers that cannot be sent, E_TOO_LARGE, and Node's own errors for the rest. */
export function exchange(asked: Exchange, options: ExchangeOptions): Promise<HttpResponse> {
  const { url, method, body } = asked;
  const { lookup, signal, ca } = options;
  const request: RequestOptions = {
    method,
    headers: headersOf(asked),
    lookup,
    signal,
    // A connection that stayed open could serve another actor, who must not go where this one may.
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    joinDuplicateHeaders: true,
  };
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage) => {
      read(response, method, options.maxResponseBytes).then(resolve, (error: Error) => {
        response.destroy();
        reject(error);
      });
    };
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(
            url,
            { ...request, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
            take,
          )
        : httpRequest(url, request, take);
    sent.on('error', reject);
    sent.end(body);
  });
}

function headersOf({ method, header, body }: Exchange): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (!isHopByHop(name) && name.toLowerCase() !== 'host') headers[name.toLowerCase()] = value;
  }
  if (body.length > 0 || /^(post|put|patch)$/i.test(method)) headers['content-length'] = String(body.length);
  return headers;
}

async function read(response: IncomingMessage, method: string, max: number): Promise<HttpResponse> {
  const tooLarge = () => new IotError('E_TOO_LARGE', `the response has more than ${max} bytes`);
  // These tell the length of a body that they do not carry.
  const bodiless = response.statusCode === 304 || method.toUpperCase() === 'HEAD';
  if (!bodiless && Number(response.headers['content-length'] ?? 0) > max) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > max) throw tooLarge();
    chunks.push(chunk);
  }
  const header = Object.entries(singleValued(response.headers)).filter(
    ([name]) => name === 'content-length' || !isHopByHop(name),
  );
  return {
    statusCode: response.statusCode ?? 0,
    status: response.statusMessage ?? '',
    header: Object.fromEntries(header),
    body: new Uint8Array(Buffer.concat(chunks)),
  };
}
