import type { HttpResponse } from '../../base/wascc-http.js';
import type { Exchange } from './exchange.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What one server was trusted with is not for the next. */
const SECRETS = new Set(['authorization', 'cookie']);

/**
 * The request that follows from a redirect (RFC 9110 section 15.4); `undefined` when the response is none, or leads
 * away from HTTP or with credentials in the address.
 */
export function redirected(before: Exchange, { statusCode, header }: HttpResponse): Exchange | undefined {
  const { location } = header;
  if (!REDIRECTS.has(statusCode) || location === undefined || !URL.canParse(location, before.url.href))
    return undefined;
  const url = new URL(location, before.url);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  const away = url.origin !== before.url.origin;
  const toGet =
    (statusCode === 303 && before.method !== 'HEAD') || (statusCode < 303 && /^post$/i.test(before.method));
  const kept = Object.entries(before.header).filter(([name]) => {
    const lower = name.toLowerCase();
    return !(away && SECRETS.has(lower)) && !(toGet && lower.startsWith('content-'));
  });
  return {
    url,
    method: toGet ? 'GET' : before.method,
    header: Object.fromEntries(kept),
    body: toGet ? Buffer.alloc(0) : before.body,
  };
}
