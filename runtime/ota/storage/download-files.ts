import { IotError } from '../../base/errors.js';
import { CHUNK_BYTES } from '../../base/limits.js';
import { CHUNK_DIGEST_BYTES, isChunk } from '../../trust/suit/chunk-digests.js';
import { type File, type FileSystem, isMissing, readAll, writeAll } from './fs.js';

/** What must be free for a download beside its own bytes, as a share of them. */
const RESERVE = 0.25;
/** Bytes of zeros in one write. */
const BLANK_BYTES = 16 * CHUNK_BYTES;

export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** The two files of a download. */
export interface Files {
  readonly part: File;
  /** Absent when the digests of the chunks are signed. */
  readonly map: File | undefined;
}

/** An earlier attempt, chunk by chunk compared with what it ought to be; `undefined` when there is none of use. */
export async function resume(
  fs: FileSystem,
  path: string,
  size: number,
  signed: Uint8Array | undefined,
): Promise<{ files: Files; there: boolean[] } | undefined> {
  const open: File[] = [];
  try {
    const part = await fs.open(path, 'update');
    open.push(part);
    const map = signed === undefined ? await fs.open(mapOf(path), 'update') : undefined;
    if (map !== undefined) open.push(map);
    const count = chunkCount(size);
    const digests = signed ?? (map && (await readAll(map, count * CHUNK_DIGEST_BYTES)));
    const bytes = await readAll(part, size);
    if (bytes.length === size && digests?.length === count * CHUNK_DIGEST_BYTES) {
      const chunk = (index: number) => bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      const there = Array.from({ length: count }, (_, index) => isChunk(digests, index, chunk(index)));
      return { files: { part, map }, there };
    }
  } catch {
    // Whatever is the matter with it: it was only a beginning.
  }
  for (const file of open) await file.close().catch(() => undefined);
  return undefined;
}

export async function createFiles(
  fs: FileSystem,
  path: string,
  size: number,
  mapped: boolean,
): Promise<Files> {
  const part = await fs.open(path, 'create');
  let map: File | undefined;
  try {
    // A hole in a file reserves nothing.
    await blank(part, size);
    if (mapped) map = await fs.open(mapOf(path), 'create');
    if (map !== undefined) await blank(map, chunkCount(size) * CHUNK_DIGEST_BYTES);
    return { part, map };
  } catch (thrown) {
    await closeFiles({ part, map }).catch(() => undefined);
    throw thrown;
  }
}

async function blank(file: File, size: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(size, BLANK_BYTES));
  for (let at = 0; at < size; at += zeros.length) {
    await writeAll(file, zeros.subarray(0, size - at), at);
  }
}

export async function closeFiles({ part, map }: Files): Promise<void> {
  await part.close();
  await map?.close();
}

export async function requireSpace(fs: FileSystem, folder: string, size: number): Promise<void> {
  const needed = Math.ceil(size * (1 + RESERVE));
  const free = await fs.freeBytes(folder);
  if (free >= needed) return;
  throw new IotError('E_NO_SPACE', `the module needs ${needed} bytes of disk, ${free} are free`);
}

export function lengthOf(size: number, index: number): number {
  return Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES);
}

export function mapOf(path: string): string {
  return path.replace(/part$/, 'map');
}

export async function discardFiles(fs: FileSystem, path: string): Promise<void> {
  await unlinkIfThere(fs, path);
  await unlinkIfThere(fs, mapOf(path));
}

export async function unlinkIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
}
