import { unlink } from 'node:fs/promises';
import { asIotError, IotError } from '../../../base/errors.js';
import { verifyBlocks } from '../../../trust/cose/authentication.js';
import { keyName } from '../../../trust/cose/key.js';
import type { Signer } from '../../../trust/cose/signer.js';
import { keysOf, type TrustDocument } from '../../../trust/document/document.js';
import { addSignatures, readUnfinished } from '../../../trust/document/signed.js';
import { writeWhole } from '../../file.js';
import { readOptional, replaceDocument, requireAcceptable, type StoredDocument } from './store.js';

/** The next version while it lacks signatures: no device looks for a file of this name. */
export const pendingFile = (file: string) => file.replace(/cbor$/, 'next.cbor');

/**
 * What waits beside the document `file` for more signatures. Throws E_CONFIG when it does not follow `before`, or
 * cannot be read.
 */
export async function findPending(
  file: string,
  before: TrustDocument | undefined,
): Promise<StoredDocument | undefined> {
  const next = pendingFile(file);
  const bytes = await readOptional(next);
  if (bytes === undefined) return undefined;
  const { document } = readUnfinished(bytes);
  if (document.version === (before?.version ?? 0) + 1) return { file: next, bytes, document };
  const what = `${next} holds version ${document.version}, which does not follow ${before?.version ?? 'nothing'}`;
  throw new IotError('E_CONFIG', what, { hint: `remove it: rm ${next}` });
}

/** Names of the root keys, of either version, that have signed. */
export function signersOf(bytes: Uint8Array, before: TrustDocument | undefined): ReadonlySet<string> {
  const { document, authentication } = readUnfinished(bytes);
  return verifyBlocks(authentication, rootKeys(before, document)).keys;
}

export function rootKeys(before: TrustDocument | undefined, document: TrustDocument) {
  return new Map([...(before === undefined ? [] : keysOf(before, 'root')), ...keysOf(document, 'root')]);
}

/** `pending` with more signatures. Throws E_UNTRUSTED for a key that has no say in it. */
export function withSignatures(
  { bytes, document }: StoredDocument,
  before: TrustDocument | undefined,
  signers: readonly Signer[],
): Uint8Array {
  const roots = rootKeys(before, document);
  const stranger = signers.map(({ publicKey }) => keyName(publicKey)).find((key) => !roots.has(key));
  if (stranger !== undefined) {
    throw new IotError('E_UNTRUSTED', `key ${stranger} is no root key of version ${document.version}`, {
      hint: 'iot-host keys list shows who has which role',
    });
  }
  return addSignatures(bytes, roots, signers);
}

/**
 * Puts `bytes` in the place of `stored`, once the root keys of both have signed; until then they wait beside it.
 * Throws E_UNTRUSTED when they wait, with the keys that are missing.
 */
export async function settle(
  file: string,
  bytes: Uint8Array,
  stored: StoredDocument | undefined,
): Promise<void> {
  const next = pendingFile(file);
  try {
    requireAcceptable(bytes, stored?.document);
  } catch (thrown) {
    const error = asIotError(thrown);
    if (error.code !== 'E_UNTRUSTED') throw error;
    const begun = signersOf(bytes, stored?.document).size > 0;
    if (begun) await writeWhole(next, bytes);
    throw unfinished(bytes, stored?.document, error, begun ? next : undefined);
  }
  await replaceDocument(file, bytes, stored);
  await unlink(next).catch(() => undefined);
}

function unfinished(
  bytes: Uint8Array,
  before: TrustDocument | undefined,
  cause: IotError,
  next: string | undefined,
): IotError {
  const { document } = readUnfinished(bytes);
  const { version } = document;
  const which =
    before === undefined ? 'its root keys' : `the root keys of versions ${version - 1} and ${version}`;
  const what = `version ${version} is not signed by enough of ${which}: ${cause.message}`;
  if (next === undefined) {
    const hint = 'name every root key that signs, by name or file: --sign root --sign /media/safe/root-2.nk';
    return new IotError('E_UNTRUSTED', what, { hint, cause });
  }
  const waits = [what, `it waits in ${next} for`, ...missingKeys(bytes, before, document)];
  return new IotError('E_UNTRUSTED', waits.join('\n'), {
    hint: 'take the folder to where they are: iot-host keys trust FOLDER --sign KEY',
    cause,
  });
}

/** One line for each version whose threshold is not met. */
function missingKeys(
  bytes: Uint8Array,
  before: TrustDocument | undefined,
  document: TrustDocument,
): string[] {
  const signed = signersOf(bytes, before);
  return [before, document].flatMap((one) => {
    const role = one?.roles.get('root');
    if (one === undefined || role === undefined) return [];
    const others = role.keys.filter((key) => !signed.has(key));
    const more = role.threshold - (role.keys.length - others.length);
    return more <= 0 ? [] : [`${more} more of the root keys of version ${one.version}: ${others.join(', ')}`];
  });
}
