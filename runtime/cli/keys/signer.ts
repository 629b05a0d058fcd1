import type { Environment } from '../../base/paths.js';
import type { Signer } from '../../trust/cose/signer.js';
import { hasKey } from './folder.js';
import { readKey } from './read.js';

/** A key, by name or file, that signs manifests, documents and requests. Throws E_KEY. */
export async function readSigner(key: string, environment: Environment): Promise<Signer> {
  const pair = await readKey(key, environment);
  return { publicKey: pair.rawPublicKey, sign: (message) => pair.sign(message) };
}

/** The key for requests to devices: `IOT_HOST_CONTROL_KEY`, else `control`; none is no error before it is needed. */
export async function controlSigner(environment: Environment): Promise<Signer | undefined> {
  const named = environment.IOT_HOST_CONTROL_KEY;
  if (!named && !(await hasKey('control', environment))) return undefined;
  return readSigner(named || 'control', environment);
}
