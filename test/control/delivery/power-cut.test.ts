import { afterEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, CHUNK_WINDOW } from '#runtime/base/limits.js';
import { startAedes } from '../../helpers/broker.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { MemoryFileSystem } from '../../helpers/memory-fs.js';
import { bareLink, chunkCount, digestOf, moduleOf } from '../fixture.js';
import { Rig, ScriptedSender } from './rig.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MODULE = moduleOf(40 * CHUNK_BYTES + 100);
const CHUNKS = chunkCount(MODULE.length);

/** What a power cut leaves of what was written since the last sync. */
type Loss = 'nothing of it' | 'the data but not the map' | 'the map but not the data' | 'half of each file';
const LOSSES: readonly Loss[] = [
  'nothing of it',
  'the data but not the map',
  'the map but not the data',
  'half of each file',
];

/** A disk that remembers what was made durable. */
class CacheDisk {
  readonly fs = new MemoryFileSystem();
  private readonly durable = new Map<string, Uint8Array>();

  constructor() {
    this.fs.before = (operation, path) => {
      if (operation === 'fdatasync' || operation === 'fsync') this.durable.set(path, this.fs.content(path));
    };
  }

  /** The disk after a power cut; names are there, since the folder was synced after they were made. */
  cut(loss: Loss): MemoryFileSystem {
    const after = new MemoryFileSystem();
    for (const [path, now] of this.fs.files) {
      const old = this.durable.get(path) ?? new Uint8Array(0);
      const kept =
        (loss === 'the data but not the map' && path.endsWith('.part')) ||
        (loss === 'the map but not the data' && path.endsWith('.map'));
      const half = Uint8Array.from(now);
      half.set(old.subarray(0, now.length >> 1));
      after.files.set(path, kept ? now : loss === 'half of each file' ? half : old);
    }
    return after;
  }
}

describe.each([
  ['with signed digests of chunks', true],
  ['without', false],
])('the power is cut during a fetch %s', (_, signed) => {
  it.each(LOSSES)(
    'at every fourth chunk, and the disk keeps %s of the last moment: at most one window is sent again',
    async (loss) => {
      const broker = await startAedes();
      cleanup.add(() => broker.stop());
      const link = await bareLink(broker.url);
      cleanup.add(() => link.close());
      let sent = 0;
      let dark = false;
      const sender = new ScriptedSender(link, MODULE, (piece, self) => {
        if (dark) return;
        sent++;
        self.send(piece);
      });
      await sender.start();
      // Nothing is asked for again because this machine is busy.
      const timing = { silenceMs: 10_000, retriesMs: [10_000] };
      for (let cut = 1; cut < CHUNKS; cut += 4) {
        sent = 0;
        const disk = new CacheDisk();
        const device = await Rig.start(cleanup, broker.url, { timing, fs: disk.fs });
        const off = new AbortController();
        let after: MemoryFileSystem | undefined;
        const received = (bytes: number) => {
          if (bytes < cut * CHUNK_BYTES || after !== undefined) return;
          after = disk.cut(loss);
          dark = true;
          off.abort(new Error('dark'));
        };
        await expect(device.obtain(MODULE, { signed, signal: off.signal, received })).rejects.toThrow('dark');
        await device.source.stop();
        await device.link.close();
        // What was asked for before the light went out is asked of nobody any more.
        await link.barrier();
        dark = false;
        const asked = sent;
        const again = await Rig.start(cleanup, broker.url, { timing, fs: after as MemoryFileSystem });
        expect(digestOf(await again.obtain(MODULE, { signed }))).toBe(digestOf(MODULE));
        expect([cut, asked > 0, sent - CHUNKS <= CHUNK_WINDOW]).toEqual([cut, true, true]);
        await again.source.stop();
        await again.link.close();
      }
    },
    60_000,
  );
});
