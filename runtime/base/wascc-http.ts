import { z } from 'zod';
import { Bytes, struct } from './wascc.js';

/** One exchange as `wascc:http_server` and `wascc:http_client` write it. Headers are single-valued. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly queryString: string;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly statusCode: number;
  /** The reason phrase. */
  readonly status: string;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const Header = z
  .record(z.string(), z.string())
  .nullish()
  .transform((header) => header ?? {});

export const HttpRequest: z.ZodType<HttpRequest> = struct(
  ['method', 'path', 'queryString', 'header', 'body'],
  z.object({
    method: z.string(),
    path: z.string(),
    queryString: z.string().default(''),
    header: Header,
    body: Bytes,
  }),
);

export const HttpResponse: z.ZodType<HttpResponse> = struct(
  ['statusCode', 'status', 'header', 'body'],
  z.object({
    statusCode: z.int().min(0).max(0xffff_ffff),
    status: z.string().default(''),
    header: Header,
    body: Bytes,
  }),
);

/** Headers that belong to one connection (RFC 9110 section 7.6.1) or that follow from the body: never an actor's. */
const HOP_BY_HOP = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
  ],
  ...['transfer-encoding', 'upgrade', 'content-length', 'expect'],
]);

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name.toLowerCase());
}

/** Node's headers with one value for each lower-case name; several are joined as RFC 9110 section 5.3 says. */
export function singleValued(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) single[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return single;
}
