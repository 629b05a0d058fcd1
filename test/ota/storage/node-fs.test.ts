import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeFileSystem as fs } from '#runtime/ota/index.js';
import { isMissing, readAll, withFile, writeAll } from '#runtime/ota/storage/fs.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ota-fs-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('writes in place, reads back, renames and removes', async () => {
  const path = join(folder, 'x');
  await withFile(fs, path, 'create', async (file) => {
    await writeAll(file, Uint8Array.of(1, 2, 3, 4), 0);
    await writeAll(file, Uint8Array.of(9), 1);
    await file.fsync();
    await file.fdatasync();
  });
  await fs.rename(path, join(folder, 'y'));
  await fs.fsyncDir(folder);
  const bytes = await withFile(fs, join(folder, 'y'), 'read', (file) => readAll(file, 10));
  expect([...bytes]).toEqual([1, 9, 3, 4]);
  await expect(withFile(fs, join(folder, 'y'), 'read', (file) => readAll(file, 3))).rejects.toMatchObject({
    code: 'E_TOO_LARGE',
  });
  await fs.unlink(join(folder, 'y'));
  expect(await fs.readdir(folder)).toEqual([]);
  expect(await fs.freeBytes(folder)).toBeGreaterThan(0);
});

it('tells a missing file from a taken name, and follows no link', async () => {
  const missing = await fs.open(join(folder, 'no'), 'update').catch((thrown: unknown) => thrown);
  expect(isMissing(missing)).toBe(true);
  await writeFile(join(folder, 'there'), 'x');
  await expect(fs.open(join(folder, 'there'), 'create')).rejects.toMatchObject({ code: 'EEXIST' });
  await symlink(join(folder, 'there'), join(folder, 'link'));
  await expect(fs.open(join(folder, 'link'), 'update')).rejects.toMatchObject({ code: 'ELOOP' });
});

it('reads all of a file, however short each read is, and what is left of one that has become shorter', async () => {
  const path = join(folder, 'x');
  await writeFile(
    path,
    Uint8Array.from({ length: 10 }, (_, at) => at),
  );
  for (const [told, most, length] of [
    [10, 3, 10],
    [10, 10, 10],
    [14, 3, 10],
    [14, 14, 10],
    [0, 3, 0],
  ] as const) {
    const bytes = await withFile(fs, path, 'read', (file) => {
      const read = file.read.bind(file);
      file.size = () => Promise.resolve(told);
      file.read = (offset, asked) => read(offset, Math.min(most, asked));
      return readAll(file, 20);
    });
    expect([...bytes]).toEqual(Array.from({ length }, (_, at) => at));
  }
});
