import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LabRun, lab } from '#scripts/lab/lab.js';

/** A kernel as the lab sees it: it gets NAME=value, writes into LAB_OUT, and ends. */
const BOOTS = `#!/bin/sh
for given in "$@"; do case $given in LAB_OUT=*) out=\${given#*=} ;; LAB_ARGS=*) file=\${given#*=} ;; LAB_PROBE=*) probe=1 ;; esac; done
touch "$out/up"
[ "$probe" ] && exit 0
report() { echo '{"numPassedTests":3,"numFailedTests":'$1',"numPendingTests":1,"numTodoTests":0}' >"$out/report.json"; }
`;
const PASSES = `${BOOTS}report 0; echo 0 >"$out/exit"`;

let folder: string;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-host-lab-runner-'));
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function script(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o755 });
  return path;
}

/** Runs two of the files with a made-up kernel; `build` is what stands for scripts/lab/build-kernel. */
async function run(kernel: string, more: Partial<LabRun> = {}, build?: string) {
  const path = await script('kernel', kernel);
  return lab({
    filters: ['gpio-chardev', 'gpio-edges'],
    options: [],
    stop: new AbortController().signal,
    build: await script('build-kernel', build ?? `#!/bin/sh\necho ${path}\n`),
    print: (line) => said.push(line),
    ...more,
  });
}

const minutes = (count: number) => Date.now() + count * 60_000;
const SKIPPED = { passed: 0, failed: 0, skipped: 2 };
const NOT_CACHED = '#!/bin/sh\n[ "$1" = --cached ] && exit 3\n';

describe.skipIf(arch() !== 'x64')('the runner of the lab', () => {
  it('runs each file on a kernel of its own and says how it ended', async () => {
    expect(await run(PASSES, { ends: minutes(30) })).toEqual({ passed: 6, failed: 0, skipped: 2 });
    expect(said[0]).toBe('lab: run, its kernel is cached');
    expect(said.slice(1)).toEqual([
      expect.stringMatching(/^ok: test\/lab\/gpio-chardev\.test\.ts \(3 passed, 1 skipped/),
      expect.stringMatching(/^ok: test\/lab\/gpio-edges\.test\.ts/),
    ]);
  });

  it('builds the kernel where it is not cached and the time allows, and says so', async () => {
    const build = `${NOT_CACHED}echo building >&2\necho ${join(folder, 'kernel')}\n`;
    expect(await run(PASSES, { ends: minutes(60) }, build)).toMatchObject({ passed: 6, failed: 0 });
    expect(said[0]).toBe('lab: run, its kernel is built first');
    expect(said).toContain('building');
  });

  it.each([
    ['too little time to build it', minutes(30), NOT_CACHED, 'its kernel is not cached and'],
    ['too little time to run it', minutes(5), undefined, 'its kernel is cached but'],
    [
      'no way to build it',
      Infinity,
      `${NOT_CACHED}echo "lab: no compiler" >&2\nexit 3\n`,
      'no kernel: no compiler',
    ],
    ['a build that says nothing', Infinity, `${NOT_CACHED}exit 1\n`, 'no kernel: it ended with 1'],
  ])('skips every file by name with %s', async (_, ends, build, reason) => {
    expect(await run(PASSES, { ends }, build)).toEqual(SKIPPED);
    expect(said.slice(-2)).toEqual([
      expect.stringContaining(`skipped: test/lab/gpio-chardev.test.ts: ${reason}`),
      expect.stringContaining(`skipped: test/lab/gpio-edges.test.ts: ${reason}`),
    ]);
  });

  it.each([
    ['the build', 'building', 0],
    ['the first file', 'ok: test/lab/gpio-chardev', 1],
  ])('skips by name what has not begun when the time is up after %s', async (_, last, ran) => {
    const real = Date.now;
    let ahead = 0;
    const now = vi.spyOn(Date, 'now').mockImplementation(() => real() + ahead);
    const print = (line: string) => {
      said.push(line);
      if (line.startsWith(last)) ahead = 61 * 60_000;
    };
    const build = `${NOT_CACHED}echo building >&2\necho ${join(folder, 'kernel')}\n`;
    try {
      const counts = await run(
        PASSES.replace('touch', 'echo boots; touch'),
        { ends: minutes(60), print },
        build,
      );
      expect(counts).toEqual({ passed: ran * 3, failed: 0, skipped: 2 });
    } finally {
      now.mockRestore();
    }
    expect(said.includes('boots')).toBe(ran > 0);
    const reason = '0 s are left, and a file may need 120';
    expect(said.filter((line) => line.startsWith('skipped: '))).toEqual(
      ['gpio-chardev', 'gpio-edges'].slice(ran).map((name) => `skipped: test/lab/${name}.test.ts: ${reason}`),
    );
  });

  it('skips what cannot be set up, with what the setup said last', async () => {
    const setup = await script(
      'setup',
      '#!/bin/sh\necho "setup: apt-get failed" >&2\necho other >&2\nexit 1\n',
    );
    expect(await run(PASSES, { setup: [setup] })).toEqual(SKIPPED);
    expect(said.at(-1)).toContain('what it needs cannot be set up: apt-get failed');
  });

  it('skips where the kernel does not boot, as where a container forbids ptrace', async () => {
    expect(await run('#!/bin/sh\necho "ptrace: Operation not permitted"\nexit 1\n')).toEqual(SKIPPED);
    expect(said.at(-1)).toContain(
      'does not boot here: the kernel ended with 1: ptrace: Operation not permitted',
    );
  });

  it('fails the file whose kernel panics, and runs the others', async () => {
    const kernel = `${BOOTS}report 0; case $file in *chardev*) echo 'Kernel panic - not syncing: oops'; exit 1 ;; esac
echo 0 >"$out/exit"`;
    expect(await run(kernel)).toEqual({ passed: 3, failed: 1, skipped: 1 });
    expect(said).toContainEqual(
      expect.stringMatching(/^FAILED: test\/lab\/gpio-chardev.*: Kernel panic - not/),
    );
    expect(said.at(-1)).toMatch(/^ok: test\/lab\/gpio-edges/);
  });

  it.each([
    ['a failed test', 'report 1; echo 1 >"$out/exit"', { passed: 6, failed: 2, skipped: 2 }],
    ['a file that does not load', 'report 0; echo 1 >"$out/exit"', { passed: 6, failed: 2, skipped: 2 }],
    ['no report', 'echo 0 >"$out/exit"', { passed: 0, failed: 2, skipped: 0 }],
  ])('fails with %s', async (_, kernel, counts) => {
    expect(await run(BOOTS + kernel)).toEqual(counts);
    expect(said.at(-1)).toMatch(/^FAILED: test\/lab\/gpio-edges/);
  });

  it('fails on a name that no file has', async () => {
    expect(await run(PASSES, { filters: ['no-such'] })).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('leaves nothing running and no folder behind when a file takes too long or the run is stopped', async () => {
    const pids = join(folder, 'pids');
    const hangs = `${BOOTS}echo "$out" >>${folder}/outs\nsleep 600 & echo $! >>${pids}; echo $$ >>${pids}; wait`;
    const counts = await run(hangs, { fileLimit: 1000, filters: ['gpio-edges'] });
    expect(counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(said.at(-1)).toContain('not at an end after 1 s');

    const stopper = new AbortController();
    const running = run(hangs, { stop: stopper.signal });
    while (!(await readFile(pids, 'utf8')).split('\n')[3]) await new Promise((go) => setTimeout(go, 20));
    stopper.abort(new Error('stopped by SIGTERM'));
    expect(await running).toEqual({ passed: 0, failed: 2, skipped: 0 });

    for (const pid of (await readFile(pids, 'utf8')).trim().split('\n')) {
      // Z: ended, and nobody has asked how yet.
      expect(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ')).toContain(' Z ');
    }
    for (const out of (await readFile(join(folder, 'outs'), 'utf8')).trim().split('\n')) {
      await expect(readdir(out)).rejects.toThrow('ENOENT');
    }
  });
});
