import { type IncomingMessage, type ServerResponse, STATUS_CODES, validateHeaderValue } from 'node:http';
import { checkShape } from '../../base/config/shape.js';
import type { Deliver } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import { type HttpRequest, HttpResponse, isHopByHop, singleValued } from '../../base/wascc-http.js';

const OK: HttpResponse = { statusCode: 200, status: 'OK', header: {}, body: new Uint8Array(0) };
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A reason phrase as RFC 9112 section 4 allows it, without what Node would not write. */
const PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;
const NO_RESPONSE = "the actor's answer is no HTTP response";

/** The request as the actor gets it. */
export function toRequest(request: IncomingMessage, body: Uint8Array): HttpRequest {
  const target = pathOf(request.url ?? '/');
  const mark = target.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    queryString: mark < 0 ? '' : target.slice(mark + 1),
    header: singleValued(request.headers),
    body,
  };
}

/** Asks the actor. Throws what `Deliver` throws, E_TIMEOUT, and E_PAYLOAD for an answer that is no response. */
export async function ask(deliver: Deliver, request: HttpRequest, timeoutMs: number): Promise<HttpResponse> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new IotError('E_TIMEOUT', `no answer within ${timeoutMs} ms`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  const answered = deliver('HandleRequest', request);
  answered.catch(() => undefined);
  try {
    return toResponse(await Promise.race([answered, late]));
  } finally {
    clearTimeout(timer);
  }
}

function toResponse(answer: unknown): HttpResponse {
  if (answer === undefined) return OK;
  const response = checkShape(HttpResponse, answer, { code: 'E_PAYLOAD', context: NO_RESPONSE });
  const { statusCode, header } = response;
  // 1xx is not the end of an exchange: the client would go on waiting.
  if (statusCode < 200 || statusCode > 599) throw refused(`status code ${statusCode}`);
  for (const [name, value] of Object.entries(header)) {
    if (!TOKEN.test(name)) throw refused(`header name ${JSON.stringify(name)}`);
    try {
      validateHeaderValue(name, value);
    } catch {
      throw refused(`value of header ${name}`);
    }
  }
  return response;
}

export function write(response: ServerResponse, { statusCode, status, header, body }: HttpResponse): void {
  const phrase = status !== '' && PHRASE.test(status) ? status : (STATUS_CODES[statusCode] ?? '');
  for (const [name, value] of Object.entries(header)) if (!isHopByHop(name)) response.setHeader(name, value);
  if (statusCode !== 204 && statusCode !== 304) response.setHeader('content-length', body.length);
  response.writeHead(statusCode, phrase);
  response.end(body);
}

/** An answer of our own. The connection ends with it where the rest of the request was not read. */
export function refuse(response: ServerResponse, statusCode: number, close = false): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${STATUS_CODES[statusCode]}\n`;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  if (statusCode === 503) response.setHeader('retry-after', '1');
  if (close) response.setHeader('connection', 'close');
  response.writeHead(statusCode);
  response.end(text);
}

const STATUS: Partial<Record<ReasonCode, number>> = {
  E_TIMEOUT: 504,
  E_DEADLINE: 504,
  E_QUEUE_FULL: 503,
  E_NOT_RUNNING: 503,
  E_TOO_LARGE: 413,
};

/** What a client is told of an actor that did not answer. */
export function statusOf(thrown: unknown): number {
  return STATUS[asIotError(thrown).code] ?? 502;
}

function refused(what: string): IotError {
  return new IotError('E_PAYLOAD', `${NO_RESPONSE}: ${what}`);
}

/** A request to a proxy carries a whole URL: what stands behind the authority is meant. */
function pathOf(url: string): string {
  if (url.startsWith('/') || !URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return pathname + search;
}
