import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IotError } from '../../base/errors.js';
import { type Environment, userFolder } from '../../base/paths.js';
import { writeWhole } from '../file.js';

const SUFFIX = '.nk';
const KEY_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** `IOT_HOST_KEYS`, else `keys` in the user's data folder. */
export function keyFolder(environment: Environment): string {
  return environment.IOT_HOST_KEYS || join(userFolder('data', environment), 'keys');
}

/** The file a key is in: a name stands for `NAME.nk` in the key folder, anything like a path for itself. */
export function keyFile(key: string, environment: Environment): string {
  if (key.includes('/') || key.endsWith(SUFFIX)) return key;
  if (KEY_NAME.test(key)) return join(keyFolder(environment), `${key}${SUFFIX}`);
  throw new IotError('E_KEY', `"${key}" is not the name of a key`, {
    hint: 'names are made of a-z, 0-9, ., - and _; a path has a / in it',
  });
}

/** Names of the keys in the folder, sorted; none when there is no folder. */
export async function listKeyNames(environment: Environment): Promise<string[]> {
  const files = await readdir(keyFolder(environment)).catch(() => []);
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

export async function hasKey(key: string, environment: Environment): Promise<boolean> {
  return (await stat(keyFile(key, environment)).catch(() => undefined)) !== undefined;
}

/** The seed in a key's file. Throws E_KEY when there is none, or when others may read it. */
export async function readSeed(key: string, environment: Environment): Promise<string> {
  const file = keyFile(key, environment);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) {
    throw new IotError('E_KEY', `there is no key ${key} (${file})`, { hint: genHint(key) });
  }
  if ((found.mode & 0o077) !== 0) {
    throw new IotError('E_KEY', `key ${key} can be read by others: ${file}`, { hint: `chmod 600 ${file}` });
  }
  return (await readFile(file, 'utf8')).trim();
}

/**
 * Writes a seed, as a whole, to a file that only its owner can read (0600, in a folder of mode 0700 when it has to be
 * made).
 * Throws E_KEY when there is a key already and `force` is not set.
 */
export async function writeSeed(
  key: string,
  seed: string,
  environment: Environment,
  force = false,
): Promise<string> {
  const file = keyFile(key, environment);
  await writeWhole(file, `${seed}\n`, { mode: 0o600, folderMode: 0o700, fresh: !force }).catch(
    (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'EEXIST') {
        throw new IotError('E_KEY', `key ${key} exists already: ${file}`, {
          hint: 'take another --name, or --force to lose the old key for ever',
        });
      }
      throw new IotError('E_KEY', `key ${key} cannot be written: ${thrown.message}`, { cause: thrown });
    },
  );
  return file;
}

function genHint(key: string): string {
  return key.includes('/')
    ? 'iot-host keys gen'
    : `iot-host keys gen --name ${key} --type TYPE, or iot-host keys gen for the usual ones`;
}
