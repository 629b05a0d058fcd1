import { Name } from '../../base/config/schema.js';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { type Artifact, moduleArtifact } from '../../control/client/deploy/artifact.js';
import type { Signer } from '../../trust/cose/signer.js';
import { parseVersion } from '../../trust/suit/version.js';
import type { ModuleClaims } from '../../trust/wascap/index.js';
import type { Context } from '../context.js';
import { readSigner } from '../keys/signer.js';
import { readSigned } from '../module/signed.js';

/** One module of a release. */
export interface Part {
  readonly artifact: Artifact;
  readonly claims: ModuleClaims;
}

/** What devices are told to run, and in whose name. */
export interface Deployable {
  /** Name of the slot, or that of the release when there are several modules. */
  readonly component: string;
  readonly parts: readonly Pick<Part, 'artifact'>[];
  /** Version that all claims agree on, as it stands there. */
  readonly claimed: string | undefined;
  /** The same for the manifest, where it is one that a manifest can carry. */
  readonly version: string | undefined;
  readonly signers: readonly Signer[];
}

/** The same with the modules read. */
export interface Release extends Deployable {
  readonly parts: readonly Part[];
}

export interface ReleaseOptions {
  readonly name?: string | undefined;
  /** Names or files of keys with the role `release`. */
  readonly key: readonly string[];
  readonly replaceIdentity?: boolean | undefined;
}

/**
 * Reads and checks everything that can be checked without a device. One file fills the slot `name`; several fill those
 * that their claims name, and `name` is that of all together. Throws E_UNSIGNED, E_HASH, E_KEY, E_USAGE.
 */
export async function prepareRelease(
  files: readonly string[],
  options: ReleaseOptions,
  context: Context,
): Promise<Release> {
  const { name, replaceIdentity } = options;
  if (files.length > 1 && name === undefined) {
    throw new IotError('E_USAGE', `${files.length} modules make one release, and it has no name`, {
      hint: 'name it: --name greenhouse',
    });
  }
  const parts: Part[] = [];
  for (const file of files) {
    const { module, claims } = await readSigned(file);
    const slot = slotName(file, files.length > 1 ? undefined : name, claims.name);
    parts.push({ artifact: moduleArtifact(slot, module, { replaceIdentity }), claims });
  }
  const signers = await readSigners(options.key, context.environment);
  const [first] = parts;
  const claimed = parts.every(({ claims }) => claims.ver === first?.claims.ver)
    ? first?.claims.ver
    : undefined;
  const component = (files.length > 1 ? name : first?.artifact.slot) ?? '';
  if (files.length > 1) requireName(`--name "${component}"`, component, 'a release');
  return { component, parts, claimed, version: comparable(claimed), signers };
}

/** Release keys by name or file; `release` when none is named. Throws E_KEY. */
export function readSigners(keys: readonly string[], environment: Environment): Promise<Signer[]> {
  return Promise.all((keys.length === 0 ? ['release'] : keys).map((key) => readSigner(key, environment)));
}

/** Claims may carry any text as their version, a manifest only what can be compared. */
export function comparable(version: string | undefined): string | undefined {
  try {
    if (version !== undefined) parseVersion(version);
    return version;
  } catch {
    return undefined;
  }
}

/** `--name`, else the name in the claims in the form that a slot's name has. */
function slotName(file: string, given: string | undefined, claimed: string): string {
  const name = given ?? claimed.trim().toLowerCase().replaceAll(/[ .]+/g, '-');
  const which = given === undefined ? `${file}: the name in its claims ("${claimed}")` : `--name "${given}"`;
  return requireName(which, name, 'a slot');
}

function requireName(which: string, name: string, of: string): string {
  if (Name.safeParse(name).success) return name;
  throw new IotError('E_USAGE', `${which} cannot be the name of ${of}`, {
    hint: 'names are made of a-z, 0-9, - and _: --name blink',
  });
}
