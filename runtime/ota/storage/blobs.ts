import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../../base/logger.js';
import { asStorageError, type FileSystem, isMissing, readAll, withFile } from './fs.js';

const SUFFIX = '.wasm';
const READ_ONLY = 0o444;
/** What cannot be read once is not given up: with it, a device may lose the only module that it can run. */
const READ_TRIES = 2;

/** Modules on disk, named by their SHA-256; a name is never believed without hashing what it names. */
export class Blobs {
  constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
    private readonly maxBytes: number,
    private readonly log: Logger,
  ) {}

  async open(): Promise<void> {
    await this.fs.mkdir(this.folder);
  }

  /** The module, made durable; `undefined` when it is not there or not whole: a broken one is removed. */
  async read(digest: string): Promise<Uint8Array | undefined> {
    const path = this.path(digest);
    for (let tries = 1; tries <= READ_TRIES; tries++) {
      try {
        const bytes = await this.content(path);
        if (sha256Hex(bytes) === digest) {
          // Its name may be as new: a host that was killed between renaming and syncing leaves it behind.
          await this.fs.fsyncDir(this.folder);
          return bytes;
        }
        this.log.error(`module ${digest} on disk is corrupt and is removed`, { digest });
        await this.remove(digest);
        return undefined;
      } catch (thrown) {
        if (isMissing(thrown)) return undefined;
        this.log.error(asStorageError(thrown, `module ${digest} cannot be read`).message);
      }
    }
    return undefined;
  }

  private content(path: string): Promise<Uint8Array> {
    return withFile(this.fs, path, 'read', async (file) => {
      const content = await readAll(file, this.maxBytes);
      // It may have been renamed here just before a power cut that its content did not survive.
      await file.fsync();
      return content;
    });
  }

  /** Takes over a finished download: durable content first, then the name, then the folder. */
  async adopt(part: string, digest: string): Promise<void> {
    await withFile(this.fs, part, 'update', async (file) => {
      await file.chmod(READ_ONLY);
      await file.fsync();
    });
    await this.fs.rename(part, this.path(digest));
    await this.fs.fsyncDir(this.folder);
  }

  async remove(digest: string): Promise<void> {
    try {
      await this.fs.unlink(this.path(digest));
    } catch (thrown) {
      if (!isMissing(thrown)) this.log.warn(`module ${digest} cannot be removed`, { error: String(thrown) });
    }
  }

  /** Removes what `keep` does not name. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await this.fs.readdir(this.folder)) {
      const digest = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '';
      if (digest !== '' && !keep.has(digest)) await this.remove(digest);
    }
  }

  private path(digest: string): string {
    return join(this.folder, `${digest}${SUFFIX}`);
  }
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
