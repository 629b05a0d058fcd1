import { IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import { keyName } from '../../../trust/cose/key.js';
import type { RoleName, TrustDocument } from '../../../trust/document/document.js';
import { hasKey, listKeyNames } from '../folder.js';
import { looksLikeKey, resolvePublicKey } from '../public-key.js';
import { readKey } from '../read.js';

const THUMBPRINT = /^[0-9a-f]{64}$/;

/** Roles that a key has, by its name (thumbprint). */
export function rolesOf(document: TrustDocument, key: string): RoleName[] {
  return [...document.roles].filter(([, { keys }]) => keys.includes(key)).map(([name]) => name);
}

/**
 * The name (thumbprint) of the key that is meant: a name in the key folder, a file, a public key or a thumbprint. The
 * private half need not be here. Throws E_KEY, E_NOT_FOUND when the document does not name it.
 */
export async function findKey(
  text: string,
  document: TrustDocument,
  environment: Environment,
): Promise<string> {
  const name = THUMBPRINT.test(text) ? text : keyName(await resolvePublicKey(text, environment));
  if (document.keys.has(name)) return name;
  throw new IotError(
    'E_NOT_FOUND',
    `version ${document.version} of the trust document does not name key ${text}`,
    {
      hint: 'iot-host keys list shows who has which role',
    },
  );
}

/** The same, where a role stands for the only key that has it. Throws E_USAGE when several have. */
export async function findKeyOrRole(
  text: string,
  document: TrustDocument,
  environment: Environment,
): Promise<string> {
  const role = document.roles.get(text as RoleName);
  if (role === undefined || looksLikeKey(text)) return findKey(text, document, environment);
  const [only, ...others] = role.keys;
  if (only !== undefined && others.length === 0) return only;
  if (await hasKey(text, environment)) return findKey(text, document, environment);
  throw new IotError('E_USAGE', `role ${text} has ${role.keys.length} keys: ${role.keys.join(', ')}`, {
    hint: 'name the one that is meant',
  });
}

/** The name under which the key folder holds a key; `undefined` when its private half is not here. */
export async function nameInFolder(key: string, environment: Environment): Promise<string | undefined> {
  for (const name of await listKeyNames(environment)) {
    const pair = await readKey(name, environment).catch(() => undefined);
    if (pair !== undefined && keyName(pair.rawPublicKey) === key) return name;
  }
  return undefined;
}
