import { IotError } from '../base/errors.js';
import type { CallResult } from './engine.js';

/** What an empty binding means. */
export const DEFAULT_BINDING = 'default';

const EMPTY = new Uint8Array(0);

/**
 * What one waPC call came to. Hosts in the wild differ; this is the strictest reading on which no correct guest
 * depends otherwise: an error the guest reported counts whatever it returned, 0 is failure, all else success.
 * `error` and `response` are `undefined` when the guest did not call `__guest_error`, `__guest_response`.
 */
export function wapcResult(
  returned: number,
  response: Uint8Array | undefined,
  error: string | undefined,
): CallResult {
  if (error !== undefined) return failed(error === '' ? 'the actor reported an error without a text' : error);
  if (returned === 0) return failed('the actor reported a failure without an error');
  return { ok: true, reply: response ?? EMPTY.slice() };
}

function failed(message: string): CallResult {
  return { ok: false, error: new IotError('E_GUEST', message), fatal: false };
}

/** What a guest reads with `__host_error`. */
export function hostErrorText(error: IotError): string {
  return `${error.code}: ${error.message}`;
}
