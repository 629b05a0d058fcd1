import { IotError } from '../../base/errors.js';
import { KIB, MIB } from '../../base/limits.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { toPlain } from '../cbor/plain.js';
import { readCbor } from '../cbor/reader.js';
import { asText, asUint, Members, wrong } from '../cbor/shape.js';
import type { CborValue, PlainValue } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import type { PublicKey } from '../cose/key.js';
import { createSign1, readSign1, verifySign1 } from '../cose/sign1.js';
import type { Signer } from '../cose/signer.js';
import { keysOf, type TrustDocument } from '../document/document.js';

/** An actor's largest payload, and what goes around it. */
export const MAX_REQUEST_BYTES = 1 * MIB + 8 * KIB;

const REQUEST = { device: 1, session: 2, counter: 3, operation: 4, args: 5 } as const;

/** Names one run of a device's host, from its `presence`: what was signed for an earlier run is void. */
export type Session = number | string;

export interface Request {
  /** Name of the device that it is for. */
  readonly device: string;
  readonly session: Session;
  /** Higher than any the same key used in the session before. */
  readonly counter: number;
  readonly operation: string;
  readonly args: PlainValue;
}

export interface VerifiedRequest extends Pick<Request, 'operation' | 'args' | 'counter'> {
  /** Name (thumbprint) of the key that signed: count replays by it. */
  readonly kid: string;
}

export interface RequestContext {
  readonly device: string;
  readonly session: Session;
  /** The highest counter taken from a key in this session; `undefined` before its first request. */
  readonly lastCounter: (kid: string) => number | undefined;
}

/** A COSE_Sign1 with the request attached. Throws E_PAYLOAD for arguments that have no encoding, E_TOO_LARGE. */
export function createRequest(signer: Signer, request: Request): Uint8Array {
  return createSign1(signer, encodeRequest(request));
}

/** The request without a signature: for devices that open reading to everybody. Throws as `createRequest`. */
export function encodeRequest(request: Request): Uint8Array {
  const bytes = writeCbor(
    new Map<number, CborValue>([
      [REQUEST.device, request.device],
      [REQUEST.session, request.session],
      [REQUEST.counter, request.counter],
      [REQUEST.operation, request.operation],
      [REQUEST.args, request.args],
    ]),
  );
  if (bytes.length > MAX_REQUEST_BYTES - KIB) {
    throw new IotError('E_TOO_LARGE', `request of ${bytes.length} bytes exceeds ${MAX_REQUEST_BYTES - KIB}`);
  }
  return bytes;
}

/** Reads an unsigned request, or the inside of a signed one. Throws E_ENVELOPE, E_TOO_LARGE. */
export function decodeRequest(bytes: Uint8Array): Request {
  const members = Members.of(readCbor(bytes, { maxBytes: MAX_REQUEST_BYTES }), 'request');
  const request: Request = {
    device: members.required(REQUEST.device, 'device', asText),
    session: members.required(REQUEST.session, 'session', readSession),
    counter: members.required(REQUEST.counter, 'counter', asUint),
    operation: members.required(REQUEST.operation, 'operation', asText),
    args: members.required(REQUEST.args, 'arguments', toPlain),
  };
  members.end();
  return request;
}

function readSession(item: CborItem, what: string): Session {
  if (item.kind === 'text') return item.value;
  return item.kind === 'int' ? asUint(item, what) : wrong(item, what, 'a number or text');
}

/**
 * Verifies a signed request; nothing of it is decoded before its signature. The caller must remember `counter`
 * under `kid` before it acts. Throws E_TOO_LARGE, E_ENVELOPE, E_ALG, E_UNAUTHORISED (key without the role
 * `control`), E_SIGNATURE, E_WRONG_DEVICE, E_REPLAY (another session, or a counter that is not higher).
 */
export function verifyRequest(
  bytes: Uint8Array,
  trust: TrustDocument,
  context: RequestContext,
): VerifiedRequest {
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new IotError('E_TOO_LARGE', `request of ${bytes.length} bytes exceeds ${MAX_REQUEST_BYTES}`);
  }
  const sign1 = readSign1(bytes);
  if (sign1.payload === undefined) throw new IotError('E_ENVELOPE', 'request carries no payload');
  const kid = toHex(sign1.kid);
  if (!verifySign1(sign1, controlKey(kid, trust))) {
    throw new IotError('E_SIGNATURE', `request is not signed by key ${kid}, which it names`);
  }
  const request = decodeRequest(sign1.payload);
  refuseReplay(request, kid, context);
  return { operation: request.operation, args: request.args, counter: request.counter, kid };
}

function controlKey(kid: string, trust: TrustDocument): PublicKey {
  const key = keysOf(trust, 'control').get(kid);
  if (key === undefined) {
    throw new IotError('E_UNAUTHORISED', `key ${kid} does not have the role control`, {
      hint: `iot-host keys trust ${kid} --role control`,
    });
  }
  if (trust.roles.get('control')?.threshold !== 1) {
    throw new IotError('E_UNAUTHORISED', 'role control asks for more signatures than a request can carry');
  }
  return key;
}

function refuseReplay(request: Request, kid: string, context: RequestContext): void {
  if (request.device !== context.device) {
    throw new IotError(
      'E_WRONG_DEVICE',
      `request is for device ${request.device}, this is ${context.device}`,
    );
  }
  if (request.session !== context.session) {
    throw new IotError(
      'E_REPLAY',
      `request is for session ${request.session}, now is session ${context.session}`,
    );
  }
  const last = context.lastCounter(kid);
  if (last !== undefined && request.counter <= last) {
    throw new IotError('E_REPLAY', `counter ${request.counter} was used up, the last one is ${last}`);
  }
}
