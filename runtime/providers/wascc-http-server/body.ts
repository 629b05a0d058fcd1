import type { IncomingMessage } from 'node:http';
import { MIB } from '../../base/limits.js';

/** Whether the request says itself that its body is longer than `max`. */
export function declaresMore(request: IncomingMessage, max: number): boolean {
  return Number(request.headers['content-length'] ?? 0) > max;
}

/** The whole body; `too-large` as soon as it is longer than `max`, `aborted` when the client went away. */
export function readBody(
  request: IncomingMessage,
  max: number,
): Promise<Uint8Array | 'too-large' | 'aborted'> {
  if (declaresMore(request, max)) return Promise.resolve('too-large');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= max) {
        chunks.push(chunk);
        return;
      }
      request.removeListener('data', onData);
      resolve('too-large');
    };
    request.on('data', onData);
    request.once('end', () => resolve(new Uint8Array(Buffer.concat(chunks))));
    request.once('error', () => resolve('aborted'));
    request.once('close', () => resolve('aborted'));
  });
}

/**
 * Reads on without keeping anything, so that a client that only reads when it has sent all gets its answer; one that
 * sends without end is cut off.
 */
export function discardRest(request: IncomingMessage, max: number): void {
  let patience = max + 8 * MIB;
  request.on('data', (chunk: Buffer) => {
    patience -= chunk.length;
    if (patience < 0) request.destroy();
  });
  request.resume();
}
