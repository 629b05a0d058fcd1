import { IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import type { RoleName } from '../../../trust/document/document.js';
import type { Edit } from './edit.js';
import { findKey, rolesOf } from './find-key.js';
import { type Issued, issue } from './issue.js';
import { requireDocument } from './store.js';

export interface Revoked extends Issued {
  /** Name (thumbprint) of the key, and the roles that it lost. */
  readonly key: string;
  readonly roles: readonly RoleName[];
}

/**
 * Makes the next version without a key: in one role, or in all. Throws E_NOT_FOUND when the key has no such role;
 * E_CONFIG when too few would be left, with the line that mends it; and as `issue`.
 */
export async function revokeKey(
  text: string,
  role: RoleName | undefined,
  path: string,
  edit: Edit,
  sign: readonly string[],
  environment: Environment,
): Promise<Revoked> {
  const { document } = await requireDocument(path);
  const key = await findKey(text, document, environment);
  const all = rolesOf(document, key);
  const roles = role === undefined ? all : all.filter((name) => name === role);
  if (role !== undefined && roles.length === 0) {
    throw new IotError(
      'E_NOT_FOUND',
      `key ${text} does not have the role ${role}; it has: ${all.join(', ')}`,
      {
        hint: 'iot-host keys list shows who has which role',
      },
    );
  }
  const remove = new Map(roles.map((name) => [name, [key]]));
  return { ...(await issue(path, { ...edit, remove }, sign, environment)), key, roles };
}
