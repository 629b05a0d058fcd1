import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import { IotError } from '../../../base/errors.js';

const MAX_REDIRECTS = 5;

export interface GetOptions {
  /** First and last byte that are wanted. */
  readonly first: number;
  readonly last: number;
  /** Silence after which the connection is given up, in milliseconds. */
  readonly silenceMs: number;
  /** PEM: one more authority beside those that Node knows. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Body {
  readonly bytes: IncomingMessage;
  /** Where in the file `bytes` begins: 0 when the server knows no ranges. */
  readonly start: number;
}

/** A server that said no: asking it again at once is of no use. */
export class Refusal extends IotError {}

/**
 * A part of a file by GET with `Range` (RFC 9110, 14), without credentials. Follows redirects to `https:` only. The
 * caller reads as much of the body as it needs and destroys it. Rejects with E_FETCH, `Refusal` for a 4xx.
 */
export async function get(uri: string, options: GetOptions): Promise<Body> {
  let url = parse(uri, undefined);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await send(url, options);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200 || statusCode === 206) {
      try {
        return { bytes: response, start: checked(url, response, options) };
      } catch (thrown) {
        response.destroy();
        throw thrown;
      }
    }
    response.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) {
      const text = `${shown(url)} answers ${statusCode} ${response.statusMessage ?? ''}`.trim();
      const final = statusCode >= 400 && statusCode < 500 && statusCode !== 408 && statusCode !== 429;
      throw final ? new Refusal('E_FETCH', text) : new IotError('E_FETCH', text);
    }
    url = parse(headers.location, url);
  }
  throw new Refusal('E_FETCH', `${shown(url)}: more than ${MAX_REDIRECTS} redirects`);
}

/** Without query, which may hold what is not for the log. */
export function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.slice(0, 200);
}

function parse(text: string, base: URL | undefined): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new Refusal('E_FETCH', 'the address of the module is no URL');
  }
  const { protocol, username, password } = url;
  if (protocol === 'https:' && username === '' && password === '') return url;
  throw new Refusal('E_FETCH', `${shown(url)} is not https, or holds a password`);
}

function send(url: URL, options: GetOptions): Promise<IncomingMessage> {
  const { first, last, silenceMs, ca, signal } = options;
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(new IotError('E_FETCH', `${shown(url)}: ${error.message}`, { cause: error }));
    const asking = request(url, {
      agent: false,
      signal,
      headers: { range: `bytes=${first}-${last}`, 'accept-encoding': 'identity' },
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    });
    // Also while it connects and while the body comes; the body then ends with an error.
    asking.setTimeout(silenceMs, () => asking.destroy(new Error(`nothing came for ${silenceMs} ms`)));
    asking.once('error', failed);
    asking.once('response', (response) => {
      asking.on('error', () => {});
      resolve(response);
    });
    asking.end();
  });
}

/** Where the body begins. Throws for a body that is not the part of the file that was asked for. */
function checked(url: URL, { statusCode, headers }: IncomingMessage, { first }: GetOptions): number {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new Refusal('E_FETCH', `${shown(url)} answers in ${encoding}`);
  if (statusCode === 200) return 0;
  const start = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1];
  if (Number(start) === first) return first;
  throw new Refusal('E_FETCH', `${shown(url)} answers with another range than was asked for`);
}
