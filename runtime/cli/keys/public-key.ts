import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keyName } from '../../trust/cose/key.js';
import { listKeyNames } from './folder.js';
import { decodePublicKey, isPublicKey, readKey } from './nkey.js';

const THUMBPRINT = /^[0-9a-f]{64}$/;

/** Whether an argument is a key rather than a path: a public key, or the thumbprint that devices name keys by. */
export const looksLikeKey = (text: string): boolean => isPublicKey(text) || THUMBPRINT.test(text);

/**
 * The raw public key (32 bytes) behind a public key's text, a thumbprint (of a key in the key folder), or the name
 * or file of a key. Throws E_KEY.
 */
export async function resolvePublicKey(text: string, environment: Environment): Promise<Uint8Array> {
  if (isPublicKey(text)) return decodePublicKey(text);
  if (!THUMBPRINT.test(text)) return (await readKey(text, environment)).raw;
  for (const name of await listKeyNames(environment)) {
    const key = await readKey(name, environment).catch(() => undefined);
    if (key !== undefined && keyName(key.raw) === text) return key.raw;
  }
  throw new IotError('E_KEY', `no key in the key folder has the thumbprint ${text}`, {
    hint: 'give the public key itself: `iot-host keys list` shows it where the key is',
  });
}
