import { createHash } from 'node:crypto';
import { IotError } from '#runtime/base/errors.js';
import { KeyPair } from '#runtime/trust/nkeys/index.js';
import { encodeCustomSection } from '#runtime/wasm/sections.js';

export const account = KeyPair.fromRawSeed('account', new Uint8Array(32).fill(1));
export const stranger = KeyPair.fromRawSeed('account', new Uint8Array(32).fill(2));
export const moduleKey = KeyPair.fromRawSeed('module', new Uint8Array(32).fill(3));
export const otherModuleKey = KeyPair.fromRawSeed('module', new Uint8Array(32).fill(4));

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** Type section, function section, code section and a custom one: a module of one empty function. */
export const CODE = Uint8Array.from([
  ...HEADER,
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[10, 4, 1, 2, 0, 0x0b],
  ...[0, 4, 2, 0x68, 0x69, 7],
]);
/** The same with the length of the type section in three bytes and that of the code section in five. */
export const PADDED = Uint8Array.from([
  ...HEADER,
  ...[1, 0x84, 0x80, 0x00, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[10, 0x84, 0x80, 0x80, 0x80, 0x00, 1, 2, 0, 0x0b],
  ...[0, 4, 2, 0x68, 0x69, 7],
]);
/** Other code of the same size. */
export const OTHER_CODE = Uint8Array.from(CODE, (byte, at) => (at === CODE.length - 1 ? 8 : byte));

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').toUpperCase();
export const NOW = 1_600_000_000;

export function payload(code: Uint8Array, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    jti: 'one',
    iat: NOW,
    iss: account.publicKey,
    sub: moduleKey.publicKey,
    wascap: {
      name: 'Blink',
      hash: sha256(code),
      tags: [],
      caps: ['wascc:logging'],
      ver: '1.0.0',
      prov: false,
    },
    ...more,
  };
}

export interface TokenParts {
  readonly header?: unknown;
  readonly payload: unknown;
  readonly signer?: KeyPair;
}

/** A token made by other means than the code under test. */
export function tokenOf({
  header = { typ: 'jwt', alg: 'Ed25519' },
  payload,
  signer = account,
}: TokenParts): string {
  const encode = (part: unknown) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  const segments = `${encode(header)}.${encode(payload)}`;
  return `${segments}.${Buffer.from(signer.sign(Buffer.from(segments))).toString('base64url')}`;
}

export function withToken(code: Uint8Array, token: string, section = 'jwt'): Uint8Array {
  return Uint8Array.from([...code, ...encodeCustomSection(section, Buffer.from(token))]);
}

/** A module signed by hand; `wascap` and `payload` members on top of the usual ones. */
export function handSigned(more: Record<string, unknown> = {}, code = CODE): Uint8Array {
  return withToken(code, tokenOf({ payload: payload(code, more) }));
}

/** `CODE message`, or the value when nothing was thrown. */
export function outcome<Value>(run: () => Value): Value | string {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof IotError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
}
