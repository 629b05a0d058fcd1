import { type ErrorRecord, IotError } from '../../base/errors.js';
import type { CborItem } from '../cbor/item.js';
import { toPlain } from '../cbor/plain.js';
import { readCbor } from '../cbor/reader.js';
import { asText, asUint, Members } from '../cbor/shape.js';
import type { CborValue, PlainValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { MAX_REQUEST_BYTES } from './request.js';

const REPLY = { counter: 1, result: 2, error: 3 } as const;

/** The answer to the request with the same counter: its result or what went wrong. */
export type Reply =
  | { readonly counter: number; readonly result: PlainValue }
  | { readonly counter: number; readonly error: IotError };

/** Throws E_PAYLOAD for a result that has no encoding. */
export function encodeReply(
  reply: Reply | { readonly counter: number; readonly error: ErrorRecord },
): Uint8Array {
  const content: [number, CborValue] =
    'error' in reply ? [REPLY.error, errorValue(reply.error)] : [REPLY.result, reply.result];
  return writeCbor(new Map<number, CborValue>([[REPLY.counter, reply.counter], content]));
}

function errorValue(error: ErrorRecord): CborValue {
  return { code: error.code, message: error.message, hint: error.hint };
}

/** Throws E_ENVELOPE, E_TOO_LARGE. A code that this side does not know becomes E_INTERNAL. */
export function decodeReply(bytes: Uint8Array): Reply {
  const members = Members.of(readCbor(bytes, { maxBytes: MAX_REQUEST_BYTES }), 'reply');
  const counter = members.required(REPLY.counter, 'counter', asUint);
  const error = members.optional(REPLY.error, 'error', readError);
  const reply: Reply =
    error === undefined
      ? { counter, result: members.required(REPLY.result, 'result', toPlain) }
      : { counter, error };
  members.end();
  return reply;
}

function readError(item: CborItem, what: string): IotError {
  const members = Members.of(item, what);
  const error = IotError.from({
    code: members.required('code', 'code', asText),
    message: members.required('message', 'message', asText),
    hint: members.optional('hint', 'hint', asText),
  });
  members.end();
  return error;
}
