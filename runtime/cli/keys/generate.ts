import { IotError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import type { Environment } from '../../base/paths.js';
import { generateKey, type KeyPair } from '../../trust/nkeys/index.js';
import type { Result } from '../result.js';
import { table } from '../table.js';
import { hasKey, keyFile, writeSeed } from './folder.js';
import { readKey } from './read.js';

/**
 * What a key is for, and the kind of nkey it is written as. `root` and those after it sign COSE, where only
 * the raw key counts: their kinds are a choice of ours, so that a key is not taken for one of another purpose.
 */
export const PURPOSES: Readonly<Record<string, KeyPair['type']>> = {
  account: 'account',
  module: 'module',
  root: 'operator',
  release: 'user',
  control: 'user',
  fresh: 'user',
  push: 'user',
};

/** What everybody needs. */
const USUAL = ['account', 'module', 'root', 'release', 'control'];

interface Made {
  readonly name: string;
  readonly type: string;
  readonly publicKey: string;
  readonly file: string;
  readonly made: boolean;
}

/** Makes the usual five where they are missing; or the one that is named, which must not be there yet. */
export async function generateKeys(
  options: { readonly type?: string; readonly name?: string; readonly force?: boolean },
  environment: Environment,
  width?: number,
): Promise<Result> {
  const { type, name, force = false } = options;
  const keys: Made[] = [];
  if (type === undefined && name === undefined) {
    for (const purpose of USUAL) {
      const keep = !force && (await hasKey(purpose, environment));
      keys.push(keep ? await kept(purpose, environment) : await make(purpose, purpose, force, environment));
    }
  } else {
    const purpose = type ?? name ?? '';
    keys.push(await make(purpose, name ?? purpose, force, environment));
  }
  const rows = keys.map((key) => [key.name, key.type, key.publicKey, key.made ? 'made' : 'kept']);
  return { data: { keys }, text: table(['NAME', 'TYPE', 'PUBLIC KEY', ''], rows, width) };
}

/** A new key in the key folder, as `sign` makes one for a module that has none. */
export async function make(
  purpose: string,
  name: string,
  force: boolean,
  environment: Environment,
): Promise<Made> {
  const kind = Object.hasOwn(PURPOSES, purpose) ? PURPOSES[purpose] : undefined;
  if (kind === undefined) {
    const known = Object.keys(PURPOSES);
    const meant = nearest(purpose, known);
    throw new IotError('E_USAGE', `"${purpose}" is not a type of key`, {
      hint: meant === undefined ? `--type ${known.join(' | ')}` : `did you mean --type ${meant}?`,
    });
  }
  const { seed, publicKey } = generateKey(kind);
  const file = await writeSeed(name, seed, environment, force);
  return { name, type: kind, publicKey, file, made: true };
}

async function kept(name: string, environment: Environment): Promise<Made> {
  const { type, publicKey } = await readKey(name, environment);
  return { name, type, publicKey, file: keyFile(name, environment), made: false };
}
