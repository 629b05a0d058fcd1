import { join } from 'node:path';
import { MAX_DOCUMENT_BYTES } from '../../trust/document/signed.js';
import { asStorageError, type FileSystem, isMissing, readAll, withFile, writeAll } from '../storage/fs.js';

/** Where a document grows before it gets its number. */
const NEW = 'new';

/** Trust documents as they were signed, one file for each version: `trust/7`. */
export class TrustFiles {
  constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
  ) {}

  async open(): Promise<void> {
    await this.fs.mkdir(this.folder);
  }

  /** `undefined` when there is no such file. Rejects when it cannot be read. What it says is not checked here. */
  async read(version: number): Promise<Uint8Array | undefined> {
    try {
      return await withFile(this.fs, this.path(version), 'read', (file) => readAll(file, MAX_DOCUMENT_BYTES));
    } catch (thrown) {
      if (isMissing(thrown)) return undefined;
      throw thrown;
    }
  }

  /** Resolves once the document would survive a power cut under its number. Rejects with E_NO_SPACE, E_INTERNAL. */
  async write(version: number, bytes: Uint8Array): Promise<void> {
    const part = join(this.folder, NEW);
    try {
      await this.unlink(part);
      await withFile(this.fs, part, 'create', async (file) => {
        await writeAll(file, bytes, 0);
        await file.fsync();
      });
      await this.fs.rename(part, this.path(version));
      await this.fs.fsyncDir(this.folder);
    } catch (thrown) {
      throw asStorageError(thrown, `trust document ${version} was not written`);
    }
  }

  /** Leaves `version` and the one before it. */
  async prune(version: number): Promise<void> {
    for (const name of await this.fs.readdir(this.folder)) {
      const kept = name === String(version) || name === String(version - 1);
      if (!kept) await this.unlink(join(this.folder, name));
    }
  }

  private async unlink(path: string): Promise<void> {
    try {
      await this.fs.unlink(path);
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
    }
  }

  private path(version: number): string {
    return join(this.folder, String(version));
  }
}
