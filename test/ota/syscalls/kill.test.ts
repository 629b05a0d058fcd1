import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { compiled } from './compile.js';
import { comesUp, SettledDisk } from './disk.js';
import { CALLS, inject, record, straceMissing } from './strace.js';

const missing = straceMissing();
if (missing !== undefined) {
  process.stderr.write(`skipped: ${missing}; ota/disk.test.ts fails the calls of an injected disk\n`);
}

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/**
 * Power cuts by the real system: the process is killed as it asks for the N-th fsync, rename, …, over and over until a
 * run has no N-th one any more. The page cache outlives it: what a disk forgets is for the explorer of ota/explorer.
 */
describe.skipIf(missing !== undefined)('a device that is killed at each of its system calls in turn', () => {
  it.each([
    ['good-2', CALLS],
    // What it opens on the way there has been seen then.
    ['trap-2', CALLS.filter((call) => call !== 'openat')],
  ] as const)(
    'while it installs %s: it comes up with the old or the new module, and goes on',
    async (name, calls) => {
      const script = await compiled(cleanup, 'test/ota/syscalls/driver.ts');
      const disk = await SettledDisk.make(cleanup);
      const whole = await disk.copied((folder) => record(folder, script, [folder, name]));
      const end = name === 'good-2' ? ['active', 'runs good-2'] : ['rolled-back', 'runs good-1'];
      expect(whole.lines.slice(-2)).toEqual(end);

      for (const call of calls) {
        let kills = 0;
        for (let finished = false; !finished; ) {
          await disk.copied(async (folder) => {
            const paths = whole.paths.map((path) => path.replace(whole.folder, folder));
            const at = { call, when: kills + 1, with: 'KILL', paths } as const;
            const { code, lines } = await inject(at, script, [folder, name]);
            expect([at, code]).toEqual([at, lines.at(-1)?.startsWith('runs') ? 0 : null]);
            finished = code === 0;
            await comesUp(folder, name, { kept: lines.includes('active'), what: at });
          });
          if (!finished) kills += 1;
        }
        // All that the recorded run did, and so at least one.
        expect([call, kills]).toEqual([call, whole.counts.get(call)]);
      }
    },
    240_000,
  );
});
