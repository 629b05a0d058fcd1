import { link, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import { keyName } from '../../../trust/cose/key.js';
import type { RoleName, TrustDocument } from '../../../trust/document/document.js';
import { generateKey, type KeyPair } from '../../../trust/nkeys/index.js';
import { syncFolder } from '../../file.js';
import { hasKey, keyFile, writeSeed } from '../folder.js';
import { readKey } from '../read.js';
import type { Edit } from './edit.js';
import { findKeyOrRole, nameInFolder, rolesOf } from './find-key.js';
import { type Issued, issue } from './issue.js';
import { requireDocument } from './store.js';

export interface Rotated extends Issued {
  readonly roles: readonly RoleName[];
  /** Names (thumbprints). */
  readonly oldKey: string;
  readonly newKey: string;
  /** Where the new key lies, and the old one. */
  readonly keyFile: string;
  readonly oldFile: string;
}

/**
 * Makes a new key, and the next version with it in the place of the old one, in all its roles. The old key stays in
 * the folder as `NAME.old-1`. An interrupted rotation is finished by the same command. Throws as `revokeKey`, and
 * E_KEY when the old key is not in the folder.
 */
export async function rotateKey(
  text: string,
  path: string,
  edit: Edit,
  sign: readonly string[],
  environment: Environment,
): Promise<Rotated> {
  const { file, document } = await requireDocument(path);
  const unfinished = await interrupted(text, document, environment);
  if (unfinished !== undefined) {
    const swapped = await swapFiles(unfinished.name, environment);
    return { ...unfinished, ...swapped, file, document, before: document, changed: false };
  }
  const oldKey = await findKeyOrRole(text, document, environment);
  const name = await nameInFolder(oldKey, environment);
  if (name === undefined) throw notHere(text, oldKey);
  const roles = rolesOf(document, oldKey);
  const pair = await newKeyFor(name, environment);
  const rotation: Edit = {
    ...edit,
    add: new Map(roles.map((role) => [role, [pair.rawPublicKey]])),
    remove: new Map(roles.map((role) => [role, [oldKey]])),
  };
  // A new root key must sign the version that first names it, whoever else does.
  const extra = roles.includes('root') ? [{ publicKey: pair.rawPublicKey, sign: pair.sign.bind(pair) }] : [];
  const issued = await issue(path, rotation, sign, environment, extra);
  const swapped = await swapFiles(name, environment);
  return { ...issued, roles, oldKey, newKey: keyName(pair.rawPublicKey), ...swapped };
}

const WAITING = '.rotating';
const waiting = (name: string) => `${name}${WAITING}`;

/** The key that a rotation before this one had made, or a new one: on the disk before any document names it. */
async function newKeyFor(name: string, environment: Environment): Promise<KeyPair> {
  if (await hasKey(waiting(name), environment)) return readKey(waiting(name), environment);
  const pair = generateKey((await readKey(name, environment)).type);
  await writeSeed(waiting(name), pair.seed, environment);
  return pair;
}

/** A rotation whose document was written, and whose files were not swapped any more. */
async function interrupted(
  text: string,
  document: TrustDocument,
  environment: Environment,
): Promise<(Pick<Rotated, 'roles' | 'oldKey' | 'newKey'> & { name: string }) | undefined> {
  const name = await folderName(text, document, environment);
  if (name === undefined || !(await hasKey(waiting(name), environment))) return undefined;
  const newKey = keyName((await readKey(waiting(name), environment)).rawPublicKey);
  const oldKey = keyName((await readKey(name, environment)).rawPublicKey);
  const roles = rolesOf(document, newKey);
  return roles.length === 0 ? undefined : { name, roles, oldKey, newKey };
}

/** By what the folder calls the key: a role's key may by now be the waiting one. */
async function folderName(
  text: string,
  document: TrustDocument,
  environment: Environment,
): Promise<string | undefined> {
  const key = await findKeyOrRole(text, document, environment).catch(() => undefined);
  const found = key === undefined ? undefined : await nameInFolder(key, environment);
  if (found !== undefined) return found.endsWith(WAITING) ? found.slice(0, -WAITING.length) : found;
  const named = !text.includes('/') && (await hasKey(text, environment).catch(() => false));
  return named ? text : undefined;
}

async function swapFiles(
  name: string,
  environment: Environment,
): Promise<Pick<Rotated, 'keyFile' | 'oldFile'>> {
  let number = 1;
  while (await hasKey(`${name}.old-${number}`, environment)) number++;
  const file = keyFile(name, environment);
  const oldFile = keyFile(`${name}.old-${number}`, environment);
  // Never a moment without one of them under the name that everybody uses.
  await link(file, oldFile);
  await rename(keyFile(waiting(name), environment), file);
  await syncFolder(dirname(file));
  return { keyFile: file, oldFile };
}

function notHere(text: string, key: string): IotError {
  return new IotError('E_KEY', `the private half of ${text} (${key}) is not in the key folder`, {
    hint: `iot-host keys gen --name NEW --type TYPE, iot-host keys trust --release NEW, then iot-host keys revoke ${key}`,
  });
}
