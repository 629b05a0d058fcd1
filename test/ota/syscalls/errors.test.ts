import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { digestOf, moduleBytes } from '../bench.js';
import { compiled } from './compile.js';
import { comesUp, SettledDisk } from './disk.js';
import { CALLS, inject, record, straceMissing } from './strace.js';

const missing = straceMissing();
if (missing !== undefined) {
  process.stderr.write(`skipped: ${missing}; ota/disk.test.ts fails the calls of an injected disk\n`);
}

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Calls that a full disk can refuse; opening is one where it makes a file. */
const FILLED = ['pwrite64', 'fsync', 'fdatasync', 'rename', 'openat'] as const;

describe.skipIf(missing !== undefined)('one system call after the other fails once', () => {
  it.each([
    ['EIO', [...CALLS, 'pread64']],
    ['ENOSPC', FILLED],
  ] as const)(
    'with %s, while good-2 is installed: old or new runs, now and after a restart, and the next update works',
    async (fault, calls) => {
      const script = await compiled(cleanup, 'test/ota/syscalls/driver.ts');
      const disk = await SettledDisk.make(cleanup);
      const whole = await disk.copied((folder) => record(folder, script, [folder, 'good-2']));

      for (const call of calls) {
        const made = fault === 'ENOSPC' && call === 'openat';
        const of = whole.paths.filter((path) => !made || path.endsWith('.part') || path.endsWith('.map'));
        let failed = 0;
        for (let injected = 1; injected > 0; failed += injected) {
          injected = await disk.copied(async (folder) => {
            const paths = of.map((path) => path.replace(whole.folder, folder));
            const at = { call, when: failed + 1, with: fault, paths } as const;
            const { code, lines, stderr, ...ended } = await inject(at, script, [folder, 'good-2']);
            // A device that cannot read or write what it begins with says so; whoever runs it starts it again.
            if (lines.length === 0) expect(stderr).toMatch(/IotError.*update record/);
            else expect([at, code, lines.at(-1)]).toEqual([at, 0, expect.stringMatching(/^runs good-[12]$/)]);
            await comesUp(folder, 'good-2', { kept: lines.includes('active'), what: at });
            return ended.injected;
          });
        }
        expect([call, failed]).toEqual([call, made ? expect.any(Number) : whole.counts.get(call)]);
        expect(failed).toBeGreaterThan(0);
      }
    },
    240_000,
  );
});

describe.skipIf(missing !== undefined)('a file that cannot be read any more when the device starts', () => {
  it('is made up for by the other record, or by the module before', async () => {
    const script = await compiled(cleanup, 'test/ota/syscalls/driver.ts');
    const disk = await SettledDisk.make(cleanup);
    const blob = (name: string) => `blobs/${digestOf(moduleBytes(name))}.wasm`;
    const files = { 'state.a': /good-[12]/, 'state.b': /good-[12]/, [blob('good-2')]: /good-1/ };
    for (const [file, allowed] of Object.entries(files)) {
      await disk.copied(async (folder) => {
        const { lines } = await record(folder, script, [folder, 'good-2']);
        expect(lines.at(-1)).toBe('runs good-2');
        const fault = { call: 'pread64', with: 'EIO', paths: [`${folder}/${file}`] } as const;
        const ended = await inject(fault, script, [folder]);
        expect([file, ended.injected > 0]).toEqual([file, true]);
        expect(ended.lines[0]).toMatch(allowed);
      });
    }
  }, 60_000);
});
