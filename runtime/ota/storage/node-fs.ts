import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import type { File, FileSystem, OpenMode } from './fs.js';

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  update: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};
/** Nobody but the host's user may read what was not checked yet. */
const NEW_FILE_MODE = 0o600;

/** The disk of this machine. */
export const nodeFileSystem: FileSystem = {
  async mkdir(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  readdir: (path) => readdir(path),
  // O_NOFOLLOW: a link planted under one of our names must not lead a write elsewhere.
  open: async (path, mode) =>
    new NodeFile(await open(path, FLAGS[mode] | constants.O_NOFOLLOW, NEW_FILE_MODE)),
  rename: (from, to) => rename(from, to),
  unlink: (path) => unlink(path),
  async fsyncDir(path) {
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

class NodeFile implements File {
  constructor(private readonly handle: FileHandle) {}

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(length);
    const { bytesRead } = await this.handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  async pwrite(bytes: Uint8Array, offset: number): Promise<number> {
    return (await this.handle.write(bytes, 0, bytes.length, offset)).bytesWritten;
  }

  fsync(): Promise<void> {
    return this.handle.sync();
  }

  fdatasync(): Promise<void> {
    return this.handle.datasync();
  }

  chmod(mode: number): Promise<void> {
    return this.handle.chmod(mode);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
