import { asIotError, IotError, withContext } from '../../base/errors.js';
import { type ModuleClaims, verifyModule } from '../../trust/wascap/index.js';
import { readModule, stem } from './read.js';

/**
 * A module whose claims are its own: signature and hash have been checked, and the time when `now` (Unix seconds) is
 * given. Whether its issuer is trusted is another question. Throws E_UNSIGNED with the line that signs it, E_TOKEN,
 * E_SIGNATURE, E_HASH, E_EXPIRED, E_NOT_YET_VALID, and what `readModule` throws.
 */
export async function readSigned(
  file: string,
  now: number = Math.floor(Date.now() / 1000),
): Promise<{ module: Uint8Array; claims: ModuleClaims }> {
  const module = await readModule(file);
  try {
    return { module, claims: verifyModule(module, { now }) };
  } catch (thrown) {
    const error = asIotError(thrown);
    if (error.code !== 'E_UNSIGNED') throw withContext(error, file);
    throw new IotError('E_UNSIGNED', `${file} is not signed`, { hint: signHint(file) });
  }
}

/** The line that signs `file`. */
export function signHint(file: string): string {
  const name = stem(file)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-');
  return `iot-host sign ${file} --name ${name} --cap CONTRACT`;
}
