import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { nodeFileSystem } from '#runtime/ota/index.js';
import type { Cleanup } from '../../helpers/cleanup.js';
import { Bench, moduleBytes } from '../bench.js';

/** The data folder of a device that runs `good-1`, on the real disk, and copies of it. */
export class SettledDisk {
  private copies = 0;

  private constructor(private readonly folder: string) {}

  static async make(cleanup: Cleanup): Promise<SettledDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'iot-calls-'));
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const bench = await Bench.start({ fs: nodeFileSystem, folder: join(folder, 'settled') });
    await bench.push(1, moduleBytes('good-1'));
    await bench.updates.stop();
    // As on any device that was ever restarted, both records name what runs.
    await (await bench.restart()).updates.stop();
    return new SettledDisk(folder);
  }

  /** Gives `use` a folder of its own that is as it was when `good-1` was settled. */
  async copied<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const copy = join(this.folder, `copy-${this.copies++}`);
    await cp(join(this.folder, 'settled'), copy, { recursive: true });
    try {
      return await use(copy);
    } finally {
      await rm(copy, { recursive: true });
    }
  }
}

/**
 * Starts a device on `folder` as after a power cut: it runs the old module or, never when that is bad, the new one, whole; it
 * ends where the same push should end, and takes a further one. `kept`: the new one was said to be active before.
 */
export async function comesUp(
  folder: string,
  name: string,
  { kept, what }: { kept: boolean; what: unknown },
): Promise<void> {
  const bench = await Bench.start({ fs: nodeFileSystem, folder });
  const wanted = moduleBytes(name);
  const good = name.startsWith('good');
  const { name: runs = 'neither', bytes } = bench.target.running.get('blink') ?? {};
  const allowed = !good ? ['good-1'] : kept ? [name] : ['good-1', name];
  expect(allowed, JSON.stringify(what)).toContain(runs);
  expect(bytes).toEqual(moduleBytes(runs));

  // The retained message comes again, as from a broker.
  await bench.push(2, wanted);
  expect([what, bench.running]).toEqual([what, good ? name : 'good-1']);
  await bench.push(3, moduleBytes('good-3'));
  expect([what, bench.running]).toEqual([what, 'good-3']);
  await bench.updates.stop();
  const again = await Bench.start({ fs: nodeFileSystem, folder });
  expect([what, again.running, again.updates.floor('blink')]).toEqual([what, 'good-3', 3]);
  await again.updates.stop();
}
