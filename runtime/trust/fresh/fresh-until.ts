import { IotError } from '../../base/errors.js';
import { KIB } from '../../base/limits.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asMap, asText, asUint, Members } from '../cbor/shape.js';
import type { CborValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { createSign1, readSign1, verifySign1 } from '../cose/sign1.js';
import type { Signer } from '../cose/signer.js';
import { keysOf, type TrustDocument } from '../document/document.js';

/** 64 components with the longest names fit. */
export const MAX_FRESH_BYTES = 8 * KIB;

const FRESH = { device: 1, issued: 2, until: 3, newest: 4 } as const;

/**
 * What a fleet says of one device from time to time: "until then, these are the newest deployments for you". A
 * device that hears nothing any more, or has older ones, may be cut off from news by somebody in between.
 */
export interface FreshUntil {
  readonly device: string;
  /** Unix seconds. */
  readonly issued: number;
  /** Unix seconds from which it says nothing any more. */
  readonly until: number;
  /** Component (slot or release) → sequence number of its newest deployment. */
  readonly newest: ReadonlyMap<string, number>;
}

/** A COSE_Sign1 by a key of the role `fresh`, the statement attached as CBOR. Throws E_TOO_LARGE, E_USAGE. */
export function signFreshUntil(signer: Signer, statement: FreshUntil): Uint8Array {
  if (statement.until <= statement.issued) throw new IotError('E_USAGE', 'it would be stale from the start');
  const content = new Map<number, CborValue>([
    [FRESH.device, statement.device],
    [FRESH.issued, statement.issued],
    [FRESH.until, statement.until],
    [FRESH.newest, new Map(statement.newest)],
  ]);
  const bytes = createSign1(signer, writeCbor(content));
  if (bytes.length <= MAX_FRESH_BYTES) return bytes;
  throw new IotError(
    'E_TOO_LARGE',
    `the index has ${bytes.length} bytes, at most ${MAX_FRESH_BYTES} are taken`,
  );
}

/**
 * Reads a statement that was signed for `device`; nothing of it is decoded before its signature. Whether it is still
 * fresh is for `freshness` to say. Throws E_TOO_LARGE, E_ENVELOPE, E_ALG, E_UNTRUSTED (a key without the role
 * `fresh`), E_SIGNATURE, E_WRONG_DEVICE.
 */
export function verifyFreshUntil(bytes: Uint8Array, trust: TrustDocument, device: string): FreshUntil {
  if (bytes.length > MAX_FRESH_BYTES) {
    throw new IotError('E_TOO_LARGE', `index of ${bytes.length} bytes exceeds ${MAX_FRESH_BYTES}`);
  }
  const sign1 = readSign1(bytes);
  if (sign1.payload === undefined) throw new IotError('E_ENVELOPE', 'the index carries no payload');
  const kid = toHex(sign1.kid);
  const key = keysOf(trust, 'fresh').get(kid);
  if (key === undefined) throw new IotError('E_UNTRUSTED', `key ${kid} does not have the role fresh`);
  if (!verifySign1(sign1, key)) throw new IotError('E_SIGNATURE', `the index is not signed by key ${kid}`);
  const statement = decode(sign1.payload);
  if (statement.device === device) return statement;
  throw new IotError('E_WRONG_DEVICE', `the index is for device ${statement.device}, this is ${device}`);
}

function decode(payload: Uint8Array): FreshUntil {
  const members = Members.of(readCbor(payload), 'index');
  const statement: FreshUntil = {
    device: members.required(FRESH.device, 'device', asText),
    issued: members.required(FRESH.issued, 'issued', asUint),
    until: members.required(FRESH.until, 'until', asUint),
    newest: members.required(FRESH.newest, 'newest', readNewest),
  };
  members.end('E_COMMAND');
  return statement;
}

function readNewest(item: CborItem, what: string): ReadonlyMap<string, number> {
  return new Map(
    asMap(item, what).entries.map(([component, sequence]) => [
      asText(component, what),
      asUint(sequence, what),
    ]),
  );
}
