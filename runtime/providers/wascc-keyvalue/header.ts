import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeef_c0de;
const VERSION = 2;
const META_BYTES = 160;
/** Offsets within a meta page on 64-bit machines, as written by the LMDB inside the `lmdb` package. */
const AT = { magic: 24, version: 28, pageSize: 48, lastPage: 144 };

/**
 * What is wrong with an LMDB file, or `undefined`. LMDB maps the file and believes it: opening one that was
 * overwritten or cut short kills the whole process, so this looks first. It reads the two meta pages and the length;
 * damage inside the pages behind them is not found.
 */
export function lmdbFileProblem(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return undefined;
    const first = read(fd, 0);
    if (first === undefined || !isMeta(first)) return 'data.mdb is not an LMDB file';
    if (!is64Bit()) return undefined;
    const pageSize = first.readUInt32LE(AT.pageSize);
    if (pageSize < 512 || pageSize > 65_536) return `data.mdb has an impossible page size of ${pageSize}`;
    const second = read(fd, pageSize);
    if (second === undefined || !isMeta(second)) return 'the second meta page of data.mdb is damaged';
    for (const meta of [first, second]) {
      const needed = (meta.readBigUInt64LE(AT.lastPage) + 1n) * BigInt(pageSize);
      if (needed > BigInt(size)) return `data.mdb is cut short: ${size} bytes of ${needed}`;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function read(fd: number, position: number): Buffer | undefined {
  const page = Buffer.alloc(META_BYTES);
  return readSync(fd, page, 0, META_BYTES, position) === META_BYTES ? page : undefined;
}

function isMeta(page: Buffer): boolean {
  if (!is64Bit()) return page.includes(Buffer.from([0xde, 0xc0, 0xef, 0xbe]));
  return page.readUInt32LE(AT.magic) === MAGIC && (page.readUInt32LE(AT.version) & 0xffff) === VERSION;
}

function is64Bit(): boolean {
  return process.arch === 'x64' || process.arch === 'arm64';
}
