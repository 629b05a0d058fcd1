import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type Certificates, certificates } from './certificates.js';
import type { Cleanup } from './cleanup.js';

let made: Certificates | undefined;

/** One authority for all tests of a file: making it takes a moment. */
export function authority(): Certificates {
  made ??= certificates();
  return made;
}

export interface TestServer {
  readonly url: string;
  /** Path and `Range` of each request that came. */
  readonly asked: { readonly path: string; readonly range: string | undefined }[];
}

/** An HTTPS server on a free port of loopback, whose certificate is from `authority()`. */
export async function startHttps(
  cleanup: Pick<Cleanup, 'add'>,
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const { cert, key } = authority();
  const asked: TestServer['asked'][number][] = [];
  const server = createServer({ cert, key }, (request, response) => {
    asked.push({ path: request.url ?? '', range: request.headers.range });
    answer(request, response, asked.length);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `https://localhost:${port}`, asked };
}

/** What `Range` asks for, as a web server that knows ranges understands it. */
export function rangeOf(request: IncomingMessage, size: number): { first: number; last: number } {
  const found = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  return { first: Number(found?.[1] ?? 0), last: Math.min(Number(found?.[2] ?? size - 1), size - 1) };
}

/** Answers like an ordinary web server. */
export function serveFile(request: IncomingMessage, response: ServerResponse, file: Uint8Array): void {
  const { first, last } = rangeOf(request, file.length);
  response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${file.length}` });
  response.end(file.subarray(first, last + 1));
}
