import type { File, FileSystem, OpenMode } from '#runtime/ota/index.js';

export type Operation =
  | 'open'
  | 'pwrite'
  | 'fsync'
  | 'fdatasync'
  | 'rename'
  | 'unlink'
  | 'fsyncDir'
  | 'mkdir';

/** A disk in memory. `before` sees every operation that changes something and may refuse it by throwing. */
export class MemoryFileSystem implements FileSystem {
  readonly files = new Map<string, Uint8Array>();
  free = 1e9;
  /** Most bytes that one write takes. */
  longestWrite = Number.POSITIVE_INFINITY;
  before: (operation: Operation, path: string) => void = () => {};

  /** What a disk looks like after the power came back: the same content, no open files, no rules. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem();
    for (const [path, bytes] of this.files) copy.files.set(path, bytes.slice());
    return copy;
  }

  async mkdir(path: string): Promise<void> {
    this.before('mkdir', path);
  }

  async readdir(path: string): Promise<string[]> {
    return [...this.files.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    const there = this.files.has(path);
    if (mode === 'create') {
      if (there) throw systemError('EEXIST', path);
      this.before('open', path);
      this.files.set(path, new Uint8Array(0));
    } else if (!there) {
      throw systemError('ENOENT', path);
    }
    // Like a descriptor, the content stays reachable when the name moves.
    return new MemoryFile(this, path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.before('rename', to);
    this.files.set(to, this.content(from));
    this.files.delete(from);
  }

  async unlink(path: string): Promise<void> {
    this.content(path);
    this.before('unlink', path);
    this.files.delete(path);
  }

  async fsyncDir(path: string): Promise<void> {
    this.before('fsyncDir', path);
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  content(path: string): Uint8Array {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw systemError('ENOENT', path);
    return bytes;
  }
}

class MemoryFile implements File {
  constructor(
    private readonly fs: MemoryFileSystem,
    private readonly path: string,
  ) {}

  async size(): Promise<number> {
    return this.fs.content(this.path).length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.fs.content(this.path).slice(offset, offset + length);
  }

  async pwrite(bytes: Uint8Array, offset: number): Promise<number> {
    this.fs.before('pwrite', this.path);
    const piece = bytes.subarray(0, this.fs.longestWrite);
    const old = this.fs.content(this.path);
    const content = new Uint8Array(Math.max(old.length, offset + piece.length));
    content.set(old);
    content.set(piece, offset);
    this.fs.files.set(this.path, content);
    return piece.length;
  }

  async fsync(): Promise<void> {
    this.fs.before('fsync', this.path);
  }

  async fdatasync(): Promise<void> {
    this.fs.before('fdatasync', this.path);
  }

  async chmod(): Promise<void> {}

  async close(): Promise<void> {}
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
