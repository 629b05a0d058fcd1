import { asIotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import type { Result } from '../result.js';
import { table } from '../table.js';
import { keyFolder, listKeyNames } from './folder.js';
import { readKey } from './read.js';

/** Public keys only; a key that cannot be used is listed with what is wrong. */
export async function listKeys(environment: Environment): Promise<Result> {
  const folder = keyFolder(environment);
  const keys = await Promise.all(
    (await listKeyNames(environment)).map(async (name) => {
      try {
        const { type, publicKey } = await readKey(name, environment);
        return { name, type, publicKey };
      } catch (thrown) {
        return { name, problem: asIotError(thrown, 'E_KEY').message };
      }
    }),
  );
  const rows = keys.map((key) => [key.name, key.type ?? '-', key.publicKey ?? key.problem ?? '']);
  return {
    data: { folder, keys },
    text:
      keys.length === 0
        ? [`no keys in ${folder}; make some: iot-host keys gen`]
        : table(['NAME', 'TYPE', 'PUBLIC KEY'], rows),
  };
}
