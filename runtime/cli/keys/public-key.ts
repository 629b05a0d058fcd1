import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { open } from 'node:fs/promises';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keyName, type PublicKey, refuseBadKey } from '../../trust/cose/key.js';
import { decodePublicKey } from '../../trust/nkeys/index.js';
import { pointOf } from '../../trust/p256.js';
import { listKeyNames } from './folder.js';
import { readKey } from './read.js';

const THUMBPRINT = /^[0-9a-f]{64}$/;
/** Any nkey, seeds included: so that a seed on the line is refused as such and not taken for a name. */
const NKEY = /^[A-Z][A-Z2-7]{55,57}$/;

/** Whether an argument is a key rather than a path: a public key, or the thumbprint that devices name keys by. */
export const looksLikeKey = (text: string): boolean => NKEY.test(text) || THUMBPRINT.test(text);

/**
 * The raw public key (`PublicKey`) behind a public key's text, a thumbprint (of a key in the key folder), a PEM file
 * (`….pem`), or the name or file of a key. Throws E_KEY.
 */
export async function resolvePublicKey(text: string, environment: Environment): Promise<Uint8Array> {
  if (text.endsWith('.pem')) return readPem(text);
  if (NKEY.test(text)) return decodePublicKey(text).raw;
  if (!THUMBPRINT.test(text)) return (await readKey(text, environment)).rawPublicKey;
  for (const name of await listKeyNames(environment)) {
    const key = await readKey(name, environment).catch(() => undefined);
    if (key !== undefined && keyName(key.rawPublicKey) === text) return key.rawPublicKey;
  }
  throw new IotError('E_KEY', `no key in the key folder has the thumbprint ${text}`, {
    hint: 'give the public key itself: `iot-host keys list` shows it where the key is',
  });
}

/** A public key is some hundred bytes; whatever is longer is something else. */
const MAX_PEM_BYTES = 4_096;

/** SubjectPublicKeyInfo in PEM, as security modules and `openssl pkey -pubout` give it: Ed25519 or P-256. */
async function readPem(file: string): Promise<PublicKey> {
  const text = await readStart(file);
  // A private half has no business here, although its public one could be had from it.
  if (!text.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) {
    throw new IotError('E_KEY', `${file} holds no public key in PEM (-----BEGIN PUBLIC KEY-----)`, {
      hint: 'openssl pkey -in KEY -pubout',
    });
  }
  const key = rawKey(file, text);
  refuseBadKey(key);
  return key;
}

function rawKey(file: string, pem: string): PublicKey {
  const { crv, x = '', y = '' } = exported(file, pem);
  const bytes = (part: string) => Uint8Array.from(Buffer.from(part, 'base64url'));
  if (crv === 'Ed25519') return bytes(x);
  if (crv === 'P-256') return pointOf(bytes(x), bytes(y));
  throw new IotError('E_KEY', `${file} holds neither an Ed25519 nor a P-256 key`);
}

function exported(file: string, pem: string): JsonWebKey {
  try {
    return createPublicKey(pem).export({ format: 'jwk' });
  } catch (thrown) {
    throw new IotError('E_KEY', `${file} holds no public key that can be used`, { cause: thrown });
  }
}

async function readStart(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAX_PEM_BYTES), 0, MAX_PEM_BYTES, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw new IotError('E_KEY', `${file} cannot be read: ${code ?? message}`, { cause: thrown });
  }
}
