import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IotError } from '../../base/errors.js';
import { type Environment, userFolder } from '../../base/paths.js';

const lastFile = (environment: Environment) => join(userFolder('state', environment), 'last-device');

/** The device that the last command reached. Throws E_DEVICE_NOT_FOUND when there was none. */
export async function readLast(environment: Environment): Promise<string> {
  const name = await readFile(lastFile(environment), 'utf8').catch(() => '');
  if (name.trim() !== '') return name.trim();
  throw new IotError('E_DEVICE_NOT_FOUND', 'no device was used before, so there is no last one', {
    hint: 'name it: --device NAME',
  });
}

/** Only a convenience: a home that cannot be written to is no reason to fail. */
export async function rememberLast(name: string, environment: Environment): Promise<void> {
  const file = lastFile(environment);
  await mkdir(dirname(file), { recursive: true })
    .then(() => writeFile(file, `${name}\n`))
    .catch(() => undefined);
}
