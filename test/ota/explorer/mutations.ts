import type { File, FileSystem, OpenMode } from '#runtime/ota/index.js';
import { PROBATION_STARTS } from '#runtime/ota/machine/transitions.js';
import { writeAll } from '#runtime/ota/storage/fs.js';
import type { StateRecord } from '#runtime/ota/storage/record.js';
import { decodeRecord, encodeRecord } from '#runtime/ota/storage/record-codec.js';
import { digestOf } from '../bench.js';
import type { Scenario, Through } from './scenario.js';

const isModule = (path: string) => /\.(part|wasm)$/.test(path);
const isState = (path: string) => /state\.[ab]$/.test(path);
const nothing = async () => {};

/** Modules are renamed and named in the record before their bytes are on the disk. */
export const blobNotSynced: Through = (fs) => files(fs, isModule, (file) => ({ ...file, fsync: nothing }));

export const folderNotSynced: Through = (fs) => ({ ...passing(fs), fsyncDir: nothing });

export const stateNotSynced: Through = (fs) =>
  files(fs, isState, (file) => ({ ...file, fsync: nothing, fdatasync: nothing }));

/** One state file instead of two in turn. */
export const stateInPlace: Through = (fs) => ({
  ...passing(fs),
  open: (path, mode) => fs.open(path.replace(/state\.b$/, 'state.a'), mode),
});

export const floorRaisedAtInstall: Through = (fs) => {
  const raised = new Map<string, number>();
  return records(fs, (name, component) => {
    const floor = Math.max(component.floor, component.pending?.sequence ?? 0, raised.get(name) ?? 0);
    raised.set(name, floor);
    return { ...component, floor };
  });
};

export const attemptNotPersisted: Through = (fs) =>
  records(fs, (_, { pending, ...rest }) =>
    pending === undefined ? rest : { ...rest, pending: { ...pending, left: PROBATION_STARTS } },
  );

/** When a module is wanted and its name is there, then its content is taken for what the name says. */
export function nameTrusted(modules: () => readonly Uint8Array[]): Through {
  return (fs, booted) => ({
    ...passing(fs),
    open: async (path, mode) => {
      const file = await fs.open(path, mode);
      const promised = modules().find((bytes) => path.endsWith(`${digestOf(bytes)}.wasm`));
      if (promised === undefined || mode !== 'read' || !booted()) return file;
      return {
        ...forwarding(file),
        size: async () => promised.length,
        read: async (offset, length) => promised.slice(offset, offset + length),
      };
    },
  });
}

export function modulesOf({ steps }: Pick<Scenario, 'steps'>): Uint8Array[] {
  return steps.flatMap(({ modules }) => [...modules.values()]);
}

type Component = StateRecord['components'][string];

/** Changes what is written into the record. */
function records(fs: FileSystem, edit: (name: string, component: Component) => Component): FileSystem {
  return files(fs, isState, (file) => ({
    ...file,
    async pwrite(bytes, offset) {
      const record = offset === 0 ? decodeRecord(bytes) : undefined;
      if (record === undefined) return file.pwrite(bytes, offset);
      const edited = Object.entries(record.components).map(([name, each]) => [name, edit(name, each)]);
      await writeAll(file, encodeRecord({ ...record, components: Object.fromEntries(edited) }), 0);
      return bytes.length;
    },
  }));
}

function files(fs: FileSystem, which: (path: string) => boolean, change: (file: File) => File): FileSystem {
  const open = async (path: string, mode: OpenMode) => {
    const file = await fs.open(path, mode);
    return which(path) ? change(forwarding(file)) : file;
  };
  return { ...passing(fs), open };
}

function passing(fs: FileSystem): FileSystem {
  return {
    mkdir: (path) => fs.mkdir(path),
    readdir: (path) => fs.readdir(path),
    open: (path, mode) => fs.open(path, mode),
    rename: (from, to) => fs.rename(from, to),
    unlink: (path) => fs.unlink(path),
    fsyncDir: (path) => fs.fsyncDir(path),
    freeBytes: (path) => fs.freeBytes(path),
  };
}

function forwarding(file: File): File {
  return {
    size: () => file.size(),
    read: (offset, length) => file.read(offset, length),
    pwrite: (bytes, offset) => file.pwrite(bytes, offset),
    fsync: () => file.fsync(),
    fdatasync: () => file.fdatasync(),
    chmod: (mode) => file.chmod(mode),
    close: () => file.close(),
  };
}
