import { Name } from '../../base/config/schema.js';
import { IotError } from '../../base/errors.js';
import type { Signer } from '../../trust/cose/signer.js';
import { parseVersion } from '../../trust/suit/version.js';
import type { ModuleClaims } from '../../trust/wascap/index.js';
import type { Context } from '../context.js';
import { readSigner } from '../keys/signer.js';
import { readSigned } from '../module/signed.js';

/** What is pushed, and in whose name. */
export interface Release {
  readonly module: Uint8Array;
  readonly claims: ModuleClaims;
  /** Name of the slot. */
  readonly component: string;
  /** Version for the manifest, where the claims have one that a manifest can carry. */
  readonly version: string | undefined;
  readonly signers: readonly Signer[];
}

export interface ReleaseOptions {
  readonly name?: string | undefined;
  /** Names or files of keys with the role `release`. */
  readonly key: readonly string[];
}

/** Reads and checks everything that can be checked without a device. Throws E_UNSIGNED, E_HASH, E_KEY, E_USAGE. */
export async function prepareRelease(
  file: string,
  options: ReleaseOptions,
  context: Context,
): Promise<Release> {
  const { module, claims } = await readSigned(file);
  const keys = options.key.length === 0 ? ['release'] : options.key;
  const signers = await Promise.all(keys.map((key) => readSigner(key, context.environment)));
  return {
    module,
    claims,
    component: componentName(file, options.name, claims.name),
    version: comparable(claims.ver),
    signers,
  };
}

/** Claims may carry any text as their version, a manifest only what can be compared. */
function comparable(version: string | undefined): string | undefined {
  try {
    if (version !== undefined) parseVersion(version);
    return version;
  } catch {
    return undefined;
  }
}

/** `--name`, else the name in the claims in the form that a slot's name has. */
function componentName(file: string, given: string | undefined, claimed: string): string {
  const name = given ?? claimed.trim().toLowerCase().replaceAll(/[ .]+/g, '-');
  if (Name.safeParse(name).success) return name;
  const which = given === undefined ? `${file}: the name in its claims ("${claimed}")` : `--name "${given}"`;
  throw new IotError('E_USAGE', `${which} cannot be the name of a slot`, {
    hint: 'name the slot with a-z, 0-9, - and _: --name blink',
  });
}
