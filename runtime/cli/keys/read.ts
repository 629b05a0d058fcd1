import { asIotError, withContext } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { KeyPair } from '../../trust/nkeys/index.js';
import { readSeed } from './folder.js';

/** A key by name or file. Throws E_KEY. */
export async function readKey(key: string, environment: Environment): Promise<KeyPair> {
  const seed = await readSeed(key, environment);
  try {
    return KeyPair.fromSeed(seed);
  } catch (thrown) {
    throw withContext(asIotError(thrown, 'E_KEY'), `key ${key}`);
  }
}
