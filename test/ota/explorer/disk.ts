import type { File, FileSystem, OpenMode } from '#runtime/ota/index.js';
import { type Operation, systemError } from '../../helpers/memory-fs.js';

/** A file or a folder: what the disk certainly has of it, and what programs see. Contents are never changed in place. */
export interface Item {
  readonly folder: boolean;
  durable: Uint8Array;
  volatile: Uint8Array;
}

/** One change of names, whole or not at all: a name and what it stands for afterwards, twice for a rename. */
export type Change = readonly (readonly [path: string, item: Item | undefined])[];

const NOTHING = new Uint8Array(0);

/**
 * A disk in memory with a durable and a volatile plane. It promises as little as POSIX does: content is durable once
 * the file was synced, a name once its folder was. `watch` is called before and after everything that changes either plane.
 */
export class Disk implements FileSystem {
  /** What programs see, and what the disk certainly has. */
  readonly seen = new Map<string, Item>();
  readonly stored = new Map<string, Item>();
  /** Changes of names that may or may not have reached the disk, each on its own; oldest first. */
  unsynced: Change[] = [];
  watch: (operation: Operation, path: string) => void = () => {};
  /** The host has died: whatever it still asks for is never answered. */
  dead = false;
  /** Counts what was changed in either plane. */
  changes = 0;

  /** A disk on which exactly these are durable; one item may have two names. */
  static of(items: Iterable<[string, Item]>): Disk {
    const disk = new Disk();
    for (const [path, item] of items) {
      disk.seen.set(path, item);
      disk.stored.set(path, item);
    }
    return disk;
  }

  /** An empty disk with one folder. */
  static empty(folder: string): Disk {
    return Disk.of([[folder, newItem(true)]]);
  }

  /** The same disk once more, with both planes. */
  fork(): Disk {
    const twins = new Map<Item, Item>();
    const twin = (item: Item): Item => {
      const known = twins.get(item) ?? { ...item };
      twins.set(item, known);
      return known;
    };
    const copy = new Disk();
    for (const [path, item] of this.seen) copy.seen.set(path, twin(item));
    for (const [path, item] of this.stored) copy.stored.set(path, twin(item));
    copy.unsynced = this.unsynced.map((change) =>
      change.map(([path, item]) => [path, item === undefined ? undefined : twin(item)] as const),
    );
    return copy;
  }

  /** Everything reaches the disk, as it does when it is left alone for a while. */
  settle(): void {
    for (const item of this.seen.values()) item.durable = item.volatile;
    this.stored.clear();
    for (const [path, item] of this.seen) this.stored.set(path, item);
    this.unsynced = [];
    this.changes += 1;
  }

  async mkdir(path: string): Promise<void> {
    if (this.seen.has(path)) return;
    await this.mkdir(parentOf(path));
    await this.change('mkdir', path, () => this.bind([[path, newItem(true)]]));
  }

  async readdir(path: string): Promise<string[]> {
    this.existing(path);
    const inside = [...this.seen.keys()].filter((name) => parentOf(name) === path);
    return inside.map((name) => name.slice(path.length + 1)).sort();
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    if (mode !== 'create') return new DiskFile(this, path, this.existing(path));
    if (this.seen.has(path)) throw systemError('EEXIST', path);
    this.existing(parentOf(path));
    const item = newItem(false);
    await this.change('open', path, () => this.bind([[path, item]]));
    return new DiskFile(this, path, item);
  }

  async rename(from: string, to: string): Promise<void> {
    const item = this.existing(from);
    const change: Change = [
      [to, item],
      [from, undefined],
    ];
    await this.change('rename', to, () => this.bind(change));
  }

  async unlink(path: string): Promise<void> {
    this.existing(path);
    await this.change('unlink', path, () => this.bind([[path, undefined]]));
  }

  async fsyncDir(path: string): Promise<void> {
    this.existing(path);
    await this.change('fsyncDir', path, () => {
      const concerned = (change: Change) => change.some(([inside]) => parentOf(inside) === path);
      const synced = this.unsynced.filter(concerned);
      const last = new Map(synced.flat());
      for (const [inside, item] of last) apply(this.stored, inside, item);
      // What was done to the same names before has happened, too.
      this.unsynced = this.unsynced
        .filter((change) => !synced.includes(change))
        .map((change) => change.filter(([inside]) => !last.has(inside)))
        .filter((change) => change.length > 0);
    });
  }

  async freeBytes(): Promise<number> {
    return 1e9;
  }

  /** One operation that changes something: a moment before and one after which the power may go. */
  async change<T>(operation: Operation, path: string, make: () => T): Promise<T> {
    if (this.dead) return new Promise(() => {});
    this.watch(operation, path);
    const result = make();
    this.changes += 1;
    this.watch(operation, path);
    return result;
  }

  private existing(path: string): Item {
    const item = this.seen.get(path);
    if (item === undefined) throw systemError('ENOENT', path);
    return item;
  }

  private bind(change: Change): void {
    for (const [path, item] of change) apply(this.seen, path, item);
    this.unsynced.push(change);
  }
}

class DiskFile implements File {
  constructor(
    private readonly disk: Disk,
    private readonly path: string,
    private readonly item: Item,
  ) {}

  async size(): Promise<number> {
    return this.item.volatile.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.item.volatile.slice(offset, offset + length);
  }

  pwrite(bytes: Uint8Array, offset: number): Promise<number> {
    return this.disk.change('pwrite', this.path, () => {
      const content = new Uint8Array(Math.max(this.item.volatile.length, offset + bytes.length));
      content.set(this.item.volatile);
      content.set(bytes, offset);
      this.item.volatile = content;
      return bytes.length;
    });
  }

  fsync(): Promise<void> {
    return this.sync('fsync');
  }

  fdatasync(): Promise<void> {
    return this.sync('fdatasync');
  }

  async chmod(): Promise<void> {}

  async close(): Promise<void> {}

  private sync(operation: Operation): Promise<void> {
    return this.disk.change(operation, this.path, () => {
      this.item.durable = this.item.volatile;
    });
  }
}

export function newItem(folder: boolean, content: Uint8Array = NOTHING): Item {
  return { folder, durable: content, volatile: content };
}

export function apply(names: Map<string, Item>, path: string, item: Item | undefined): void {
  if (item === undefined) names.delete(path);
  else names.set(path, item);
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
