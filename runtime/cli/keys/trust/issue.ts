import { IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import { keyName } from '../../../trust/cose/key.js';
import type { Signer } from '../../../trust/cose/signer.js';
import type { TrustDocument } from '../../../trust/document/document.js';
import { trustFile } from '../../../trust/document/file.js';
import { signTrustDocument } from '../../../trust/document/signed.js';
import { listKeyNames } from '../folder.js';
import { readSigner } from '../signer.js';
import { type Edit, NOTHING, nextDocument } from './edit.js';
import { findPending, rootKeys, settle, signersOf, withSignatures } from './pending.js';
import { findDocument } from './store.js';

export interface Issued {
  readonly file: string;
  readonly document: TrustDocument;
  readonly before: TrustDocument | undefined;
  /** False when the document said all that before. */
  readonly changed: boolean;
}

/**
 * Makes the next version of the document at `path` (a folder for its `root.cbor`, or a `.cbor` file), signed by the
 * root keys of both: those named, or else those that are in the key folder. `extra` sign too. Throws E_KEY, E_CONFIG,
 * E_UNTRUSTED when signatures are missing (it waits for them then, see `settle`), E_BUSY, and what a broken document is refused with.
 */
export async function issue(
  path: string,
  edit: Edit,
  sign: readonly string[],
  environment: Environment,
  extra: readonly Signer[] = [],
): Promise<Issued> {
  const stored = await findDocument(path);
  const before = stored?.document;
  const file = stored?.file ?? trustFile(path);
  const document = nextDocument(before ?? NOTHING, edit, Math.floor(Date.now() / 1000));
  if (document === before) return { file, document, before, changed: false };
  const signers = distinct([...(await rootSigners(before, document, sign, environment)), ...extra]);
  await refuseToLose(file, before, signers);
  await settle(file, signTrustDocument(document, signers), stored);
  return { file, document, before, changed: true };
}

/**
 * Adds signatures to the next version that waits for them beside the document at `path`; `undefined` when none does.
 * Throws as `issue`.
 */
export async function signPending(
  path: string,
  sign: readonly string[],
  environment: Environment,
): Promise<Issued | undefined> {
  const stored = await findDocument(path);
  const before = stored?.document;
  const file = stored?.file ?? trustFile(path);
  const pending = await findPending(file, before);
  if (pending === undefined) return undefined;
  const { document } = pending;
  const signers = await rootSigners(before, document, sign, environment);
  await settle(file, withSignatures(pending, before, signers), stored);
  return { file, document, before, changed: true };
}

/** Signatures that somebody else has made are not thrown away for another version. */
async function refuseToLose(
  file: string,
  before: TrustDocument | undefined,
  signers: readonly Signer[],
): Promise<void> {
  const pending = await findPending(file, before);
  if (pending === undefined) return;
  const here = signers.map(({ publicKey }) => keyName(publicKey));
  const others = [...signersOf(pending.bytes, before)].filter((key) => !here.includes(key));
  if (others.length === 0) return;
  const what = `${pending.file} waits for signatures, and has one by ${others.join(', ')}`;
  throw new IotError('E_BUSY', what, {
    hint: `sign it: iot-host keys trust --sign KEY; or give it up: rm ${pending.file}`,
  });
}

async function rootSigners(
  before: TrustDocument | undefined,
  document: TrustDocument,
  named: readonly string[],
  environment: Environment,
): Promise<Signer[]> {
  if (named.length > 0) return Promise.all(named.map((key) => readSigner(key, environment)));
  const roots = rootKeys(before, document);
  const found: Signer[] = [];
  for (const name of await listKeyNames(environment)) {
    const signer = await readSigner(name, environment).catch(() => undefined);
    if (signer !== undefined && roots.has(keyName(signer.publicKey))) found.push(signer);
  }
  // None: the error says which file was looked for.
  return found.length > 0 ? found : [await readSigner('root', environment)];
}

function distinct(signers: readonly Signer[]): Signer[] {
  return [...new Map(signers.map((signer) => [keyName(signer.publicKey), signer])).values()];
}
