import { join } from 'node:path';
import { IotError } from '../../base/errors.js';
import { CHUNK_BYTES } from '../../base/limits.js';
import { type File, type FileSystem, isMissing, readAll, withFile, writeAll } from './fs.js';

/** The bitmap is written this often, without waiting for the disk: what it says is checked by the digest. */
const CHUNKS_PER_SAVE = 64;

/** A module on its way to the disk, `tmp/<digest>.part`, with a bitmap of its chunks in `tmp/<digest>.map`. */
export class Download {
  private closed = false;
  private unsaved = 0;

  private constructor(
    private readonly fs: FileSystem,
    private readonly file: File,
    /** The file that is being filled. */
    readonly path: string,
    private readonly mapPath: string,
    private readonly size: number,
    private readonly map: Uint8Array,
  ) {}

  /** Goes on with what an earlier attempt left behind, or begins. */
  static async open(fs: FileSystem, folder: string, digest: string, size: number): Promise<Download> {
    const path = join(folder, `${digest}.part`);
    const mapPath = join(folder, `${digest}.map`);
    const map = new Uint8Array(Math.ceil(chunkCount(size) / 8));
    await fs.mkdir(folder);
    const resumed = await reopen(fs, path, mapPath, map);
    if (resumed === undefined) map.fill(0);
    const file = resumed ?? (await createAnew(fs, path));
    return new Download(fs, file, path, mapPath, size, map);
  }

  /** Whether chunk number `index` has been written. */
  has(index: number): boolean {
    return ((this.map[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** Bytes written so far. */
  get received(): number {
    let bytes = 0;
    for (let index = 0; index < chunkCount(this.size); index++) {
      if (this.has(index)) bytes += this.length(index);
    }
    return bytes;
  }

  get complete(): boolean {
    return this.received === this.size;
  }

  /** Takes one whole chunk. Throws E_FETCH for any other piece, E_CANCELLED once closed. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.closed) throw new IotError('E_CANCELLED', 'the download has ended');
    const index = offset / CHUNK_BYTES;
    if (!Number.isInteger(index) || index < 0 || bytes.length !== this.length(index)) {
      throw new IotError('E_FETCH', `${bytes.length} bytes at ${offset} are no chunk of ${this.size} bytes`);
    }
    await writeAll(this.file, bytes, offset);
    this.map[index >> 3] = (this.map[index >> 3] ?? 0) | (1 << (index & 7));
    this.unsaved += 1;
    if (this.unsaved >= CHUNKS_PER_SAVE) await this.save();
  }

  /** Closes the file; what was received stays for another attempt. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.file.close();
    await this.save();
  }

  /** Closes the file and forgets what was received. */
  async discard(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      await this.file.close();
    }
    await discardDownload(this.fs, this.path);
  }

  /** Removes the bitmap of a download whose file has been taken over. */
  async finish(): Promise<void> {
    await unlinkIfThere(this.fs, this.mapPath);
  }

  private async save(): Promise<void> {
    this.unsaved = 0;
    const write = (file: File) => writeAll(file, this.map, 0);
    try {
      await withFile(this.fs, this.mapPath, 'update', write);
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
      await withFile(this.fs, this.mapPath, 'create', write);
    }
  }

  private length(index: number): number {
    return Math.min(CHUNK_BYTES, this.size - index * CHUNK_BYTES);
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

export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

async function discardDownload(fs: FileSystem, path: string): Promise<void> {
  await unlinkIfThere(fs, path);
  await unlinkIfThere(fs, path.replace(/part$/, 'map'));
}

/** Opens an earlier part and fills `map`; `undefined` when there is none, or none that can be written to. */
async function reopen(
  fs: FileSystem,
  path: string,
  mapPath: string,
  map: Uint8Array,
): Promise<File | undefined> {
  try {
    const saved = await withFile(fs, mapPath, 'read', (file) => readAll(file, map.length));
    if (saved.length !== map.length) return undefined;
    const file = await fs.open(path, 'update');
    map.set(saved);
    return file;
  } catch {
    return undefined;
  }
}

async function createAnew(fs: FileSystem, path: string): Promise<File> {
  await discardDownload(fs, path);
  return fs.open(path, 'create');
}

async function unlinkIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
}
