import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keyName } from '../../trust/cose/key.js';
import {
  checkTrustDocument,
  createTrustDocument,
  type Role,
  type RoleName,
  type TrustDocument,
} from '../../trust/document/document.js';
import { trustFile } from '../../trust/document/file.js';
import { readTrustDocument, signTrustDocument } from '../../trust/document/signed.js';
import type { Result } from '../result.js';
import { hasKey } from './folder.js';
import { resolvePublicKey } from './public-key.js';
import { readSigner } from './signer.js';

/** Keys to trust: names, files, public keys or thumbprints, by role. */
export type Trusted = Readonly<Partial<Record<RoleName, readonly string[]>>>;

/** The key that gets each role when nothing else is said. */
const USUAL: Readonly<Partial<Record<RoleName, string>>> = {
  root: 'root',
  release: 'release',
  claims: 'account',
  control: 'control',
};

/** Roots and control keys sign neither modules nor claims, whatever else they do. */
const WITHOUT_MODULES = { components: [], capabilities: [] } as const;

/**
 * Makes the trust document at `path` (a folder for its `root.cbor`, or a `.cbor` file), or its next version with
 * these keys added; older versions stay beside it as `root.<version>.cbor`. With no keys given it takes the usual
 * ones of the key folder. `roots` sign it. Throws E_KEY, E_CONFIG, and what a broken document is refused with.
 */
export async function trustKeys(
  path: string,
  trusted: Trusted,
  roots: readonly string[],
  environment: Environment,
): Promise<Result> {
  const file = trustFile(path);
  const before = await existing(file);
  const given = Object.keys(trusted).length > 0 ? trusted : await usual(environment);
  const wanted = await resolveAll(before === undefined ? { root: ['root'], ...given } : given, environment);
  const issued = Math.floor(Date.now() / 1000);
  const document = before === undefined ? first(wanted, issued) : next(before, wanted, issued);
  if (document === before) return summary(file, document, false);
  checkTrustDocument(document);
  const signers = await Promise.all(
    (roots.length === 0 ? ['root'] : roots).map((key) => readSigner(key, environment)),
  );
  const bytes = signTrustDocument(document, signers);
  readTrustDocument(bytes);
  await mkdir(dirname(file), { recursive: true });
  if (before !== undefined) {
    await writeFile(file.replace(/cbor$/, `${before.version}.cbor`), await readFile(file));
  }
  await writeFile(`${file}.new`, bytes);
  await rename(`${file}.new`, file);
  return summary(file, document, true);
}

async function existing(file: string): Promise<TrustDocument | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes === undefined ? undefined : readTrustDocument(new Uint8Array(bytes));
}

async function usual(environment: Environment): Promise<Trusted> {
  const there: Partial<Record<RoleName, string[]>> = {};
  for (const [role, key] of Object.entries(USUAL)) {
    if (await hasKey(key, environment)) there[role as RoleName] = [key];
  }
  if (there.root !== undefined) return there;
  throw new IotError('E_KEY', 'there is no root key to begin a trust document with', {
    hint: 'iot-host keys gen',
  });
}

type Wanted = ReadonlyMap<RoleName, readonly Uint8Array[]>;

async function resolveAll(trusted: Trusted, environment: Environment): Promise<Wanted> {
  const wanted = new Map<RoleName, Uint8Array[]>();
  for (const [role, keys] of Object.entries(trusted)) {
    wanted.set(role as RoleName, await Promise.all(keys.map((key) => resolvePublicKey(key, environment))));
  }
  return wanted;
}

const limits = (role: RoleName) => (role === 'root' || role === 'control' ? WITHOUT_MODULES : {});

function first(wanted: Wanted, issued: number): TrustDocument {
  const roles = Object.fromEntries([...wanted].map(([role, keys]) => [role, { keys, ...limits(role) }]));
  return createTrustDocument({ version: 1, issued, roles: { root: { keys: [] }, ...roles } });
}

/** The same object when all those keys have their roles already. */
function next(before: TrustDocument, wanted: Wanted, issued: number): TrustDocument {
  const keys = new Map(before.keys);
  const roles = new Map(before.roles);
  let changed = false;
  for (const [name, added] of wanted) {
    const role = roles.get(name) ?? emptyRole(name);
    const fresh = added.filter((key) => !role.keys.includes(keyName(key)));
    if (fresh.length === 0) continue;
    changed = true;
    for (const key of fresh) keys.set(keyName(key), key);
    roles.set(name, { ...role, keys: [...role.keys, ...fresh.map(keyName)] });
  }
  return changed ? { ...before, version: before.version + 1, issued, keys, roles } : before;
}

function emptyRole(name: RoleName): Role {
  return { keys: [], threshold: 1, components: [[]], capabilities: ['*'], mayGrow: true, ...limits(name) };
}

function summary(file: string, document: TrustDocument, changed: boolean): Result {
  const roles = [...document.roles].map(([name, { keys, threshold }]) => ({ name, keys, threshold }));
  const what = changed ? 'written' : 'unchanged, it has these keys already';
  return {
    data: { file, version: document.version, changed, roles },
    text: [
      `${file}: version ${document.version} ${what}`,
      ...roles.flatMap(({ name, keys, threshold }) => [
        `  ${name} (${threshold} of ${keys.length})`,
        ...keys.map((key) => `    ${key}`),
      ]),
    ],
  };
}
