import { asIotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keyName } from '../../trust/cose/key.js';
import type { TrustDocument } from '../../trust/document/document.js';
import type { Result } from '../result.js';
import { table } from '../table.js';
import { keyFolder, listKeyNames } from './folder.js';
import { readKey } from './read.js';
import { rolesOf } from './trust/find-key.js';
import { findDocument } from './trust/store.js';

interface Listed {
  readonly name: string;
  readonly type?: string;
  readonly publicKey?: string;
  readonly thumbprint?: string;
  readonly roles: readonly string[];
  readonly problem?: string;
}

/**
 * Public halves only, with the roles that they have in the document at `path`; a key that cannot be used is listed
 * with what is wrong. Keys that the document names and that are not here come last.
 */
export async function listKeys(path: string, environment: Environment, width?: number): Promise<Result> {
  const folder = keyFolder(environment);
  const stored = await findDocument(path);
  const names = await listKeyNames(environment);
  const keys = await Promise.all(names.map((name) => listed(name, stored?.document, environment)));
  const elsewhere = [...(stored?.document.keys.keys() ?? [])]
    .filter((key) => !keys.some(({ thumbprint }) => thumbprint === key))
    .map((thumbprint) => ({ thumbprint, roles: rolesIn(stored?.document, thumbprint) }));
  const rows = [
    ...keys.map(({ name, type = '-', publicKey, problem = '', roles, thumbprint = '' }) => [
      ...[name, type, publicKey ?? problem],
      ...(publicKey === undefined ? [] : [roles.join(',') || '-', thumbprint]),
    ]),
    ...elsewhere.map(({ thumbprint, roles }) => [
      '-',
      '-',
      'not in this folder',
      roles.join(',') || '-',
      thumbprint,
    ]),
  ];
  return {
    data: { folder, document: stored?.file ?? null, keys, elsewhere },
    text: [
      ...(keys.length === 0 ? [`no keys in ${folder}; make some: iot-host keys gen`] : []),
      ...(rows.length === 0 ? [] : table(['NAME', 'TYPE', 'PUBLIC KEY', 'ROLES', 'THUMBPRINT'], rows, width)),
    ],
  };
}

async function listed(
  name: string,
  document: TrustDocument | undefined,
  environment: Environment,
): Promise<Listed> {
  try {
    const { type, publicKey, rawPublicKey } = await readKey(name, environment);
    const thumbprint = keyName(rawPublicKey);
    return { name, type, publicKey, thumbprint, roles: rolesIn(document, thumbprint) };
  } catch (thrown) {
    return { name, roles: [], problem: asIotError(thrown, 'E_KEY').message };
  }
}

const rolesIn = (document: TrustDocument | undefined, key: string) =>
  document === undefined ? [] : rolesOf(document, key);
