import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDir } from '#runtime/compose/data-dir.js';
import { temporaryDir } from '../helpers/providers.js';

let dir: ReturnType<typeof temporaryDir>;
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => dir.remove());

describe('the data folder', () => {
  it('belongs to one host at a time, by whatever path it is opened', async () => {
    const first = await DataDir.open(join(dir.path, 'data'));
    const busy = { code: 'E_BUSY', hint: expect.stringContaining('dataDir') };
    await expect(DataDir.open(first.path)).rejects.toMatchObject(busy);
    await symlink(first.path, join(dir.path, 'alias'));
    await expect(DataDir.open(join(dir.path, 'alias'))).rejects.toMatchObject(busy);
    await first.close();
    await (await DataDir.open(first.path)).close();
  });

  it('is free again as soon as its host was killed', async () => {
    const module = import.meta.resolve('#runtime/compose/data-dir.js');
    const script = `import(${JSON.stringify(module)}).then(async ({ DataDir }) => {
      await DataDir.open(process.argv[1]);
      console.log('open');
      setInterval(() => {}, 1000);
    })`;
    const child = spawn(process.execPath, ['-e', script, dir.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await expect(DataDir.open(dir.path)).rejects.toMatchObject({ code: 'E_BUSY' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await DataDir.open(dir.path)).close();
  });

  it('says so when it cannot be made', async () => {
    await writeFile(join(dir.path, 'file'), '');
    const open = DataDir.open(join(dir.path, 'file', 'data'));
    await expect(open).rejects.toMatchObject({ code: 'E_CONFIG', hint: expect.stringContaining('dataDir') });
  });

  it('keeps the key of the device, makes one after a cut at the first start, and never guesses at a damaged one', async () => {
    const data = await DataDir.open(dir.path);
    const file = join(dir.path, 'device.key');
    await writeFile(file, '');
    const seed = await data.deviceSeed();
    expect(seed).toHaveLength(32);
    expect(await data.deviceSeed()).toEqual(seed);
    expect(new Uint8Array(await readFile(file))).toEqual(seed);
    await writeFile(file, 'short');
    await expect(data.deviceSeed()).rejects.toMatchObject({ code: 'E_KEY' });
    await data.close();
  });
});
