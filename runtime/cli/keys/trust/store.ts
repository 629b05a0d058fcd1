import { readFile } from 'node:fs/promises';
import { asIotError, IotError, withContext } from '../../../base/errors.js';
import type { TrustDocument } from '../../../trust/document/document.js';
import { trustFile } from '../../../trust/document/file.js';
import { acceptNext, readTrustDocument } from '../../../trust/document/signed.js';
import { writeWhole } from '../../file.js';

/** A trust document as it lies on a disk. */
export interface StoredDocument {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly document: TrustDocument;
}

/** `undefined` when there is none at `path`. Throws what a broken document is refused with. */
export async function findDocument(path: string): Promise<StoredDocument | undefined> {
  const file = trustFile(path);
  const bytes = await readOptional(file);
  return bytes === undefined ? undefined : { file, bytes, document: read(file, bytes) };
}

/** Throws E_NOT_FOUND with the line that makes one. */
export async function requireDocument(path: string): Promise<StoredDocument> {
  const found = await findDocument(path);
  if (found !== undefined) return found;
  throw new IotError('E_NOT_FOUND', `there is no trust document ${trustFile(path)}`, {
    hint: `iot-host keys trust ${path}`,
  });
}

/** Where an older version lies: `root.3.cbor` beside `root.cbor`. */
export const versionFile = (file: string, version: number) => file.replace(/cbor$/, `${version}.cbor`);

/** Puts a new version in the place of `before`, which stays beside it: devices that are behind need it. */
export async function replaceDocument(
  file: string,
  bytes: Uint8Array,
  before: StoredDocument | undefined,
): Promise<void> {
  if (before !== undefined) await writeWhole(versionFile(file, before.document.version), before.bytes);
  await writeWhole(file, bytes);
}

/** As many versions as a device may be behind. */
const MAX_HISTORY = 1_024;

/**
 * Every version that is there, oldest first: the document and those beside it, back to the first that is missing. A
 * device passes over those it knows. Throws E_NOT_FOUND without a document, E_CONFIG for a file with another version
 * in it.
 */
export async function history(path: string): Promise<StoredDocument[]> {
  const newest = await requireDocument(path);
  const versions = [newest];
  for (let version = newest.document.version - 1; version > 0 && versions.length < MAX_HISTORY; version--) {
    const file = versionFile(newest.file, version);
    const bytes = await readOptional(file);
    if (bytes === undefined) break;
    const document = read(file, bytes);
    if (document.version !== version) {
      throw new IotError('E_CONFIG', `${file} holds version ${document.version}`, {
        hint: 'copy it again from where that version was made',
      });
    }
    versions.unshift({ file, bytes, document });
  }
  return versions;
}

export async function readOptional(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new IotError('E_CONFIG', `${file} cannot be read: ${code ?? message}`, { cause: thrown });
  }
}

function read(file: string, bytes: Uint8Array): TrustDocument {
  try {
    return readTrustDocument(bytes);
  } catch (thrown) {
    throw withContext(asIotError(thrown), file);
  }
}

/** Throws unless a device with `before` would take `bytes`: as a first document it must only agree with itself. */
export function requireAcceptable(bytes: Uint8Array, before: TrustDocument | undefined): void {
  if (before === undefined) readTrustDocument(bytes);
  else acceptNext(before, bytes);
}
