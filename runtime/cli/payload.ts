import { type Codec, decodePayload, encodePayload } from '../base/codec.js';
import { IotError } from '../base/errors.js';
import { toJson } from './json.js';
import { readInput } from './module/read.js';

/** The ways to give a payload; at most one. */
export interface PayloadFlags {
  readonly data?: string | undefined;
  readonly file?: string | undefined;
  /** JSON, sent as CBOR. */
  readonly cbor?: string | undefined;
  /** JSON, sent as MessagePack. */
  readonly msgpack?: string | undefined;
}

/** The payload's bytes; none given is the empty one. Throws E_USAGE, E_NOT_FOUND. */
export async function requestPayload(flags: PayloadFlags): Promise<Uint8Array> {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    const names = given.map(([name]) => `--${name}`).join(' and ');
    throw new IotError('E_USAGE', `${names} both give the payload: use one of them`);
  }
  if (flags.data !== undefined) return new TextEncoder().encode(flags.data);
  if (flags.file !== undefined) return readInput(flags.file);
  if (flags.cbor !== undefined) return encodePayload('cbor', json('--cbor', flags.cbor));
  if (flags.msgpack !== undefined) return encodePayload('msgpack', json('--msgpack', flags.msgpack));
  return new Uint8Array(0);
}

/** A reply for a person and for a script: decoded as the request was coded, else text when it is text, else hex. */
export function showReply(reply: Uint8Array, flags: PayloadFlags): { data: unknown; text: string[] } {
  const codec: Codec | undefined =
    flags.cbor !== undefined ? 'cbor' : flags.msgpack !== undefined ? 'msgpack' : undefined;
  if (codec !== undefined) {
    const value = toJson(decodePayload(codec, reply));
    return {
      data: { reply: value ?? null },
      text: value === undefined ? [] : [JSON.stringify(value)],
    };
  }
  if (reply.length === 0) return { data: { reply: '' }, text: [] };
  const text = printable(reply);
  if (text !== undefined) return { data: { reply: text }, text: [text] };
  const hex = Buffer.from(reply).toString('hex');
  return { data: { hex }, text: [hex] };
}

function json(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new IotError('E_USAGE', `${flag} is not JSON: ${why}`, { hint: `quote it: ${flag} '{"key": 1}'` });
  }
}

/** Text without control characters that would play with the terminal; `undefined` for anything else. */
function printable(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /^(?:[^\p{Cc}]|[\t\r\n])*$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
