import { join } from 'node:path';
import { IotError } from '../../base/errors.js';
import { CHUNK_BYTES } from '../../base/limits.js';
import { CHUNK_DIGEST_BYTES, chunkDigests } from '../../trust/suit/chunk-digests.js';
import {
  chunkCount,
  closeFiles,
  createFiles,
  discardFiles,
  type Files,
  lengthOf,
  mapOf,
  requireSpace,
  resume,
  unlinkIfThere,
} from './download-files.js';
import { type FileSystem, writeAll } from './fs.js';

export interface DownloadOptions {
  /** Hex. */
  readonly digest: string;
  readonly size: number;
  /** Signed: then the chunks on the disk need no other witness. */
  readonly chunkDigests?: Uint8Array | undefined;
  /** Bytes of other files that are to come after it: there must be room for them, too. Default 0. */
  readonly more?: number;
}

/**
 * A module on its way to the disk. `tmp/<digest>.part` has its full size from the beginning. A chunk counts as there
 * when its content says so: it fits its signed digest or, without one, what `tmp/<digest>.map` says was written
 * (`chunkDigests`, zeros for what is missing). So whichever part of it a power cut takes, the rest is of use.
 */
export class Download {
  private closed = false;

  private constructor(
    private readonly fs: FileSystem,
    private readonly files: Files,
    /** The file that is being filled. */
    readonly path: string,
    private readonly size: number,
    private readonly there: boolean[],
  ) {}

  /** Goes on with what an earlier attempt left behind, or begins. Rejects with E_NO_SPACE. */
  static async open(fs: FileSystem, folder: string, options: DownloadOptions): Promise<Download> {
    const { digest, size, chunkDigests, more = 0 } = options;
    const path = join(folder, `${digest}.part`);
    await fs.mkdir(folder);
    const resumed = await resume(fs, path, size, chunkDigests);
    if (resumed !== undefined) return new Download(fs, resumed.files, path, size, resumed.there);
    await discardFiles(fs, path);
    await requireSpace(fs, folder, size + more);
    const files = await createFiles(fs, path, size, chunkDigests === undefined);
    await fs.fsyncDir(folder);
    return new Download(
      fs,
      files,
      path,
      size,
      Array.from({ length: chunkCount(size) }, () => false),
    );
  }

  /** Whether chunk number `index` has been written. */
  has(index: number): boolean {
    return this.there[index] === true;
  }

  /** Bytes written so far. */
  get received(): number {
    return this.there.reduce((sum, there, index) => sum + (there ? lengthOf(this.size, index) : 0), 0);
  }

  get complete(): boolean {
    return this.there.every((there) => there);
  }

  /** Takes one whole chunk. Throws E_FETCH for any other piece, E_CANCELLED once closed. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.closed) throw new IotError('E_CANCELLED', 'the download has ended');
    const index = offset / CHUNK_BYTES;
    const fits = Number.isInteger(index) && index >= 0 && bytes.length > 0;
    if (!fits || bytes.length !== lengthOf(this.size, index)) {
      throw new IotError('E_FETCH', `${bytes.length} bytes at ${offset} are no chunk of ${this.size} bytes`);
    }
    const { part, map } = this.files;
    await writeAll(part, bytes, offset);
    if (map !== undefined) await writeAll(map, chunkDigests(bytes), index * CHUNK_DIGEST_BYTES);
    this.there[index] = true;
  }

  /** What was written is still there after a power cut. */
  async sync(): Promise<void> {
    if (this.closed) return;
    await this.files.part.fdatasync();
    await this.files.map?.fdatasync();
  }

  /** Closes the files; what was received stays for another attempt. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await closeFiles(this.files);
  }

  /** Closes the files and forgets what was received. */
  async discard(): Promise<void> {
    await this.close();
    await discardFiles(this.fs, this.path);
  }

  /** Removes what stood beside a download whose file has been taken over. */
  async finish(): Promise<void> {
    await unlinkIfThere(this.fs, mapOf(this.path));
  }
}

/** Removes what unfinished downloads left behind, except for the digests in `keep`. */
export async function sweepDownloads(
  fs: FileSystem,
  folder: string,
  keep: ReadonlySet<string>,
): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    if (!keep.has(name.slice(0, name.indexOf('.')))) await unlinkIfThere(fs, join(folder, name));
  }
}
