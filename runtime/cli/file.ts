import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WriteOptions {
  /** Permissions; default 0644. */
  readonly mode?: number;
  /** Permissions of folders that have to be made; default 0755. */
  readonly folderMode?: number;
  /** Rejects with EEXIST when there is such a file. Default false. */
  readonly fresh?: boolean;
}

/** Writes a file as a whole: after a power cut there is the old one or the new one. Rejects with what the disk says. */
export async function writeWhole(
  file: string,
  content: Uint8Array | string,
  { mode = 0o644, folderMode = 0o755, fresh = false }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: folderMode });
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w', mode);
    try {
      // The mask of the process must not decide who may read a key, nor may what a crash left behind.
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link, unlike a rename, fails where there is a file already.
    if (fresh) await link(temporary, file);
    else await rename(temporary, file);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  await syncFolder(folder);
}

/** Makes what was renamed in a folder last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
