import { IotError } from '../../base/errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A token taken apart. Nothing of it has been verified. */
export interface Token {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** What the signature is over: the received text of the first two segments. */
  readonly signedBytes: Uint8Array;
  readonly signature: Uint8Array;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const QUOTED_CHARACTERS = 40;
const ALGORITHMS: readonly unknown[] = ['Ed25519', 'EdDSA'];

/** Splits the compact form of a token and decodes its segments. Throws E_TOKEN. */
export function splitToken(text: string): Token {
  const segments = text.split('.');
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new IotError('E_TOKEN', `the token has ${segments.length} segments instead of 3`);
  }
  return {
    header: readJson(header, 'header'),
    payload: readJson(payload, 'payload'),
    signedBytes: Buffer.from(`${header}.${payload}`, 'latin1'),
    signature: decodeBase64Url(signature, 'signature'),
  };
}

/**
 * Requires typ `jwt`, alg `Ed25519` (or its later name `EdDSA`) and nothing else: an unknown member could change
 * what the signature means. Throws E_TOKEN, E_ALG.
 */
export function checkHeader({ header }: Token): void {
  if (header.typ !== 'jwt') {
    throw new IotError('E_TOKEN', `the token's type is ${quoted(header.typ)}, not "jwt"`);
  }
  if (!ALGORITHMS.includes(header.alg)) {
    throw new IotError('E_ALG', `the token's algorithm is ${quoted(header.alg)}, not "Ed25519"`);
  }
  const extra = Object.keys(header).find((member) => member !== 'typ' && member !== 'alg');
  if (extra !== undefined) {
    throw new IotError('E_TOKEN', `the token's header has an unknown member ${quoted(extra)}`);
  }
}

/** The compact form's first two segments, which are what gets signed. */
export function encodeSegments(header: JsonObject, payload: JsonObject): string {
  return [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A received value in a message: escaped, and never long. */
function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, QUOTED_CHARACTERS);
}

function readJson(segment: string, what: string): JsonObject {
  const bytes = decodeBase64Url(segment, what);
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    throw new IotError('E_TOKEN', `the token's ${what} is not JSON`);
  }
  if (!isJsonObject(value)) throw new IotError('E_TOKEN', `the token's ${what} is not a JSON object`);
  return value;
}

/** Only the one spelling of some bytes: no padding, no other alphabet, spare bits zero (RFC 7515 section 2). */
function decodeBase64Url(segment: string, what: string): Uint8Array {
  const bytes = Buffer.from(segment, 'base64url');
  if (segment === '' || bytes.toString('base64url') !== segment) {
    throw new IotError('E_TOKEN', `the token's ${what} is not base64url`);
  }
  return Uint8Array.from(bytes);
}
