import { readFile } from 'node:fs/promises';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { keysOf } from '../../trust/document/document.js';
import { trustFile } from '../../trust/document/file.js';
import { readTrustDocument } from '../../trust/document/signed.js';
import { readProject } from '../device/project.js';
import { hasKey } from '../keys/folder.js';
import { resolvePublicKey } from '../keys/public-key.js';
import { readKey } from '../keys/read.js';

/** Whose claims are believed, and who says so. */
export interface Issuers {
  readonly source: string;
  /** Raw public keys. */
  readonly keys: readonly Uint8Array[];
}

/**
 * `--issuer` keys and the `--trust` document when given; else what the project's configuration trusts; else the
 * account key of the key folder. Throws E_USAGE when there is nobody to trust.
 */
export async function trustedIssuers(
  flags: { readonly issuer: readonly string[]; readonly trust?: string | undefined },
  environment: Environment,
): Promise<Issuers> {
  const given = await named(flags.issuer, environment);
  if (flags.trust !== undefined) {
    const { source, keys } = await fromDocument(flags.trust);
    return { source, keys: [...given, ...keys] };
  }
  if (given.length > 0) return { source: '--issuer', keys: given };
  return (await fromProject(environment)) ?? (await ownAccount(environment)) ?? nobody();
}

async function fromProject(environment: Environment): Promise<Issuers | undefined> {
  const project = await readProject(process.cwd(), environment);
  if (project === undefined) return undefined;
  const { document, issuers } = project.trust;
  const documented = document === undefined ? [] : (await fromDocument(document)).keys;
  const keys = [...(await named(issuers, environment)), ...documented];
  return keys.length === 0 ? undefined : { source: project.file, keys };
}

async function ownAccount(environment: Environment): Promise<Issuers | undefined> {
  if (!(await hasKey('account', environment))) return undefined;
  const { rawPublicKey } = await readKey('account', environment);
  return { source: 'your own account key', keys: [rawPublicKey] };
}

async function fromDocument(path: string): Promise<Issuers> {
  const file = trustFile(path);
  const bytes = await readFile(file).catch((thrown: NodeJS.ErrnoException) => {
    throw new IotError(
      'E_NOT_FOUND',
      `trust document ${file} cannot be read: ${thrown.code ?? thrown.message}`,
      {
        hint: `iot-host keys trust ${path}`,
      },
    );
  });
  const document = readTrustDocument(new Uint8Array(bytes));
  return { source: file, keys: [...keysOf(document, 'claims').values()] };
}

const named = (keys: readonly string[], environment: Environment) =>
  Promise.all(keys.map((key) => resolvePublicKey(key, environment)));

function nobody(): never {
  throw new IotError(
    'E_USAGE',
    'whose claims are to be believed? there is no account key and no trust document',
    {
      hint: '--issuer A…, or --trust PATH',
    },
  );
}
