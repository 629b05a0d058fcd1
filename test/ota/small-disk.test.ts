import { afterEach, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '#runtime/ota/index.js';
import { Cleanup } from '../helpers/cleanup.js';
import { SmallDisk, smallDiskMissing } from '../helpers/small-disk.js';
import { Bench, HAPPY, moduleBytes } from './bench.js';

const missing = smallDiskMissing();
if (missing !== undefined)
  process.stderr.write(`skipped: ${missing}; ota/disk.test.ts fills an injected one\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const RUNNING = { installed: { sequence: 1 } };

describe.skipIf(missing !== undefined)('a real disk that is full to the last byte', () => {
  it.each(['trap-2', 'good-2'])(
    'from the probation of %s on: it is kept or taken back all the same, over restarts, and updates go on when there is room',
    async (name) => {
      const disk = await SmallDisk.mount(cleanup, 512);
      let bench = await Bench.start({ fs: nodeFileSystem, folder: disk.path('ota') });
      await bench.push(1, moduleBytes('good-1'));
      let giveBack = async () => {};
      const prepare = bench.target.prepare.bind(bench.target);
      bench.target.prepare = async (...given) => {
        giveBack = await disk.fill();
        expect(await nodeFileSystem.freeBytes(disk.path())).toBe(0);
        return prepare(...given);
      };
      const envelope = await bench.push(2, moduleBytes(name));
      const good = name === 'good-2';
      const [runs, ending] = good ? [name, 'active'] : ['good-1', 'rolled-back'];
      expect(bench.running).toBe(runs);
      expect(bench.sink.last?.state).toBe(ending);
      if (!good) expect(bench.sink.last).toMatchObject(RUNNING);

      // What happened is on the disk: nothing is tried again, and a start is counted.
      const { session } = bench.updates;
      bench = await bench.restart();
      expect([bench.running, bench.updates.session]).toEqual([runs, session + 1]);
      bench.updates.desired('blink', envelope);
      await bench.updates.idle();
      expect([bench.sink.last?.state, bench.target.log]).toEqual([ending, []]);

      // Old modules and downloads have made room as they went; not enough for this.
      const large = moduleBytes('good-3', { size: 200_000 });
      await bench.push(3, large);
      expect(bench.sink.lines().at(-1)).toBe('failed E_NO_SPACE');
      expect(bench.running).toBe(runs);
      await giveBack();
      bench.sink.clear();
      await bench.push(3, moduleBytes('good-3'));
      expect(bench.sink.lines()).toEqual(HAPPY);
      expect((await bench.restart()).running).toBe('good-3');
    },
  );
});
