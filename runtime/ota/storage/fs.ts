import { asIotError, IotError } from '../../base/errors.js';

/** `create` fails with EEXIST when the name is taken, the others with ENOENT when it is not. */
export type OpenMode = 'read' | 'update' | 'create';

/** One open file. Failures are `Error`s with the system's `code` (ENOSPC, EIO, …). */
export interface File {
  /** Bytes. */
  size(): Promise<number>;
  /** Up to `length` bytes from `offset`: fewer, or none, at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes a beginning of `bytes` and says how many bytes that was; `writeAll` asks until all are written. */
  pwrite(bytes: Uint8Array, offset: number): Promise<number>;
  fsync(): Promise<void>;
  fdatasync(): Promise<void>;
  chmod(mode: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Everything that updates do with a disk. Nothing under the data folder is written in another way, so that a test
 * can stop, forget or refuse at each of these calls.
 */
export interface FileSystem {
  /** Parents, too; nothing happens when it exists. */
  mkdir(path: string): Promise<void>;
  /** Names, without `.` and `..`. */
  readdir(path: string): Promise<readonly string[]>;
  open(path: string, mode: OpenMode): Promise<File>;
  /** Takes the place of whatever has the name `to`. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes names in the folder durable. */
  fsyncDir(path: string): Promise<void>;
  /** Bytes that can still be written below `path`. */
  freeBytes(path: string): Promise<number>;
}

/** Writes all of `bytes`, however short each write is. */
export async function writeAll(file: File, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const count = await file.pwrite(bytes.subarray(done), offset + done);
    // The system says 0 rather than an error on some full file systems; asking again would never end.
    if (count <= 0) throw new IotError('E_NO_SPACE', `the disk took ${done} of ${bytes.length} bytes`);
    done += count;
  }
}

/** Reads the whole file; throws E_TOO_LARGE beyond `limit` bytes. */
export async function readAll(file: File, limit: number): Promise<Uint8Array> {
  const size = await file.size();
  if (size > limit) throw new IotError('E_TOO_LARGE', `file of ${size} bytes exceeds ${limit}`);
  // Mostly that is all of it: then its bytes are copied nowhere.
  const first = await file.read(0, size);
  if (first.length === size) return first;
  const bytes = new Uint8Array(size);
  for (let done = 0, part = first; ; part = await file.read(done, size - done)) {
    bytes.set(part, done);
    done += part.length;
    if (part.length === 0 || done === size) return bytes.subarray(0, done);
  }
}

/** Opens, uses and closes a file; a failure of `use` wins over one of `close`. */
export async function withFile<T>(
  fs: FileSystem,
  path: string,
  mode: OpenMode,
  use: (file: File) => Promise<T>,
): Promise<T> {
  const file = await fs.open(path, mode);
  let result: T;
  try {
    result = await use(file);
  } catch (thrown) {
    await file.close().catch(() => undefined);
    throw thrown;
  }
  await file.close();
  return result;
}

export function isMissing(thrown: unknown): boolean {
  return systemCode(thrown) === 'ENOENT';
}

/** Whether the disk itself could not do it: nothing that a free name, a right or a descriptor would change. */
export function isDamaged(thrown: unknown): boolean {
  return ['EIO', 'EUCLEAN', 'EBADMSG'].includes(systemCode(thrown));
}

/** What a failed file operation means to an update: E_NO_SPACE for a full disk, else E_INTERNAL. */
export function asStorageError(thrown: unknown, what: string): IotError {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(thrown));
  if (full) return new IotError('E_NO_SPACE', `${what}: the disk is full`, { cause: thrown });
  if (thrown instanceof IotError) return thrown;
  return new IotError('E_INTERNAL', `${what}: ${asIotError(thrown).message}`, { cause: thrown });
}

function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
