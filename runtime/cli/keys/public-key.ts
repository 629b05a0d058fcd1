import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keyName } from '../../trust/cose/key.js';
import { decodePublicKey } from '../../trust/nkeys/index.js';
import { listKeyNames } from './folder.js';
import { readKey } from './read.js';

const THUMBPRINT = /^[0-9a-f]{64}$/;
/** Any nkey, seeds included: so that a seed on the line is refused as such and not taken for a name. */
const NKEY = /^[A-Z][A-Z2-7]{55,57}$/;

/** Whether an argument is a key rather than a path: a public key, or the thumbprint that devices name keys by. */
export const looksLikeKey = (text: string): boolean => NKEY.test(text) || THUMBPRINT.test(text);

/**
 * The raw public key (32 bytes) behind a public key's text, a thumbprint (of a key in the key folder), or the name
 * or file of a key. Throws E_KEY.
 */
export async function resolvePublicKey(text: string, environment: Environment): Promise<Uint8Array> {
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
