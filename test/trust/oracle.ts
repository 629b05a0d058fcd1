import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import * as cborg from 'cborg';

/**
 * The signed formats once more, made with other means than the code under test: cborg for CBOR and node's own key
 * objects. Integer keys in a `Map`, text keys in an object or a `Map`, `undefined` members left out.
 */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface OracleKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly kid: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export function oracleKey(fill: number): OracleKey {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, Buffer.alloc(32, fill)]),
    format: 'der',
    type: 'pkcs8',
  });
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const publicKey = Uint8Array.from(Buffer.from(String(jwk.x), 'base64url'));
  return {
    publicKey,
    kid: hash(encode(oracleCoseKey(publicKey))),
    sign: (message) => Uint8Array.from(sign(null, message, key)),
  };
}

export function oracleCoseKey(publicKey: Uint8Array): Map<number, unknown> {
  return new Map<number, unknown>([
    [1, 1],
    [-1, 6],
    [-2, publicKey],
  ]);
}

export function hash(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}

export function encode(value: unknown): Uint8Array {
  return Uint8Array.from(cborg.encode(present(value), { ...cborg.rfc8949EncodeOptions, float64: true }));
}

/** Members that are `undefined` are not there. */
function present(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].filter(([, member]) => member !== undefined));
  return value;
}

/** `bytes` as cborg reads them when it is strict; tags become `{tag, value}`. */
export function decode(bytes: Uint8Array): unknown {
  const tags = Object.fromEntries(
    [18, 107].map((tag) => [tag, (read: () => unknown) => ({ tag, value: read() })]),
  );
  return cborg.decode(bytes, {
    strict: true,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    allowIndefinite: false,
    allowUndefined: false,
    allowNaN: false,
    allowInfinity: false,
    tags,
  });
}

const DIGEST = (bytes: Uint8Array) => encode([-16, hash(bytes)]);

export function sign1(key: OracleKey, payload: Uint8Array, detached = false): Uint8Array {
  const header = encode(
    new Map<number, unknown>([
      [1, -19],
      [4, key.kid],
    ]),
  );
  const signature = key.sign(encode(['Signature1', header, new Uint8Array(0), payload]));
  return tagged([0xd2], encode([header, new Map(), detached ? null : payload, signature]));
}

/** `[digest, signatures…]` over a member: `content` in its byte string. */
function authentication(content: Uint8Array, keys: readonly OracleKey[]): Uint8Array {
  const digest = DIGEST(encode(content));
  return encode([digest, ...keys.map((key) => sign1(key, digest, true))]);
}

export function envelope(
  manifest: Map<number, unknown>,
  keys: readonly OracleKey[],
  payloads: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const content = encode(manifest);
  const members = new Map<number | string, unknown>([
    [2, authentication(content, keys)],
    [3, content],
    ...Object.entries(payloads),
  ]);
  return tagged([0xd8, 107], encode(members));
}

export function trustFile(document: Map<number, unknown>, keys: readonly OracleKey[]): Uint8Array {
  const content = encode(document);
  return encode([authentication(content, keys), content]);
}

function tagged(head: readonly number[], item: Uint8Array): Uint8Array {
  return Uint8Array.from([...head, ...item]);
}
