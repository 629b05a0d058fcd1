import { asIotError, IotError } from '../../../base/errors.js';
import type { Environment } from '../../../base/paths.js';
import { keyName } from '../../../trust/cose/key.js';
import type { Signer } from '../../../trust/cose/signer.js';
import { keysOf, type TrustDocument } from '../../../trust/document/document.js';
import { trustFile } from '../../../trust/document/file.js';
import { signTrustDocument } from '../../../trust/document/signed.js';
import { listKeyNames } from '../folder.js';
import { readSigner } from '../signer.js';
import { type Edit, NOTHING, nextDocument } from './edit.js';
import { findDocument, replaceDocument, requireAcceptable, type StoredDocument } from './store.js';

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
 * E_UNTRUSTED when signatures are missing, and what a broken document is refused with.
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
  const signers = [...(await rootSigners(before, document, sign, environment)), ...extra];
  const bytes = signed(document, stored, distinct(signers));
  await replaceDocument(file, bytes, stored);
  return { file, document, before, changed: true };
}

async function rootSigners(
  before: TrustDocument | undefined,
  document: TrustDocument,
  named: readonly string[],
  environment: Environment,
): Promise<Signer[]> {
  if (named.length > 0) return Promise.all(named.map((key) => readSigner(key, environment)));
  const roots = [before, document].flatMap((one) =>
    one === undefined ? [] : [...keysOf(one, 'root').keys()],
  );
  const found: Signer[] = [];
  for (const name of await listKeyNames(environment)) {
    const signer = await readSigner(name, environment).catch(() => undefined);
    if (signer !== undefined && roots.includes(keyName(signer.publicKey))) found.push(signer);
  }
  // None: the error says which file was looked for.
  return found.length > 0 ? found : [await readSigner('root', environment)];
}

function distinct(signers: readonly Signer[]): Signer[] {
  return [...new Map(signers.map((signer) => [keyName(signer.publicKey), signer])).values()];
}

function signed(
  document: TrustDocument,
  stored: StoredDocument | undefined,
  signers: readonly Signer[],
): Uint8Array {
  const bytes = signTrustDocument(document, signers);
  try {
    requireAcceptable(bytes, stored?.document);
    return bytes;
  } catch (thrown) {
    const error = asIotError(thrown);
    if (error.code !== 'E_UNTRUSTED') throw error;
    const which =
      stored === undefined
        ? 'its root keys'
        : `the root keys of versions ${document.version - 1} and ${document.version}`;
    throw new IotError(
      'E_UNTRUSTED',
      `version ${document.version} is not signed by enough of ${which}: ${error.message}`,
      {
        hint: 'name every root key that signs, by name or file: --sign root --sign /media/safe/root-2.nk',
        cause: thrown,
      },
    );
  }
}
