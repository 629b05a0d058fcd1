import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IotError } from './errors.js';
import { type Environment, userFolder } from './paths.js';

/** How a secret is named in a configuration: `secret://NAME`. */
export const SECRET_REFERENCE = /^secret:\/\/([A-Za-z0-9][A-Za-z0-9._-]*)$/;

/**
 * What `secret://NAME` stands for: the systemd credential NAME, else the file `secrets/NAME` in the user's
 * configuration folder, which nobody else may read. One trailing newline is dropped. Throws E_CONFIG; the value
 * itself is in no message.
 */
export async function readSecret(reference: string, environment: Environment): Promise<string> {
  const name = SECRET_REFERENCE.exec(reference)?.[1];
  if (name === undefined) throw new IotError('E_CONFIG', 'a secret is given by reference: secret://NAME');
  const credentials = environment.CREDENTIALS_DIRECTORY;
  const own = join(userFolder('config', environment), 'secrets', name);
  for (const file of credentials === undefined ? [own] : [join(credentials, name), own]) {
    const mode = await stat(file).then(
      (found) => found.mode,
      () => undefined,
    );
    if (mode === undefined) continue;
    if (file === own && (mode & 0o077) !== 0) {
      throw new IotError('E_CONFIG', `secret ${name} can be read by others: ${file}`, {
        hint: `chmod 600 ${file}`,
      });
    }
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  }
  throw new IotError('E_CONFIG', `secret ${name} is not there`, {
    hint: `put it into ${own} (chmod 600)`,
  });
}

/**
 * A setting in which a secret may stand: what a `secret://NAME` refers to, any other text as it is. Asked for when it
 * is used and not when the configuration is read, so that nothing that shows settings can show it. Throws E_CONFIG.
 */
export async function revealed(
  text: string | undefined,
  environment: Environment = process.env,
): Promise<string | undefined> {
  return text?.startsWith('secret://') ? readSecret(text, environment) : text;
}
