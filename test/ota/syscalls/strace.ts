import { execFile, execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';

/** What the system is asked by, each way that a change of a folder can take. */
export const CALLS = ['openat', 'pwrite64', 'fsync', 'fdatasync', 'rename'] as const;
/** The same requests by other names: were Node to use them, nothing would be injected, and nobody would notice. */
const TWINS = ['open', 'openat2', 'write', 'writev', 'pwritev', 'pwritev2', 'renameat', 'renameat2'];
const RINGS = ['io_uring_setup', 'io_uring_enter'];
/** How long one run may take on a busy machine. */
const PATIENCE_MS = 30_000;

export type Call = (typeof CALLS)[number] | 'pread64';

/** Why no system call can be interfered with here; `undefined` when they can. */
export function straceMissing(): string | undefined {
  const probe = ['-f', '-qq', '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO', 'true'];
  try {
    execFileSync('strace', probe, { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'failing single system calls needs strace, and the right to trace a process (ptrace)';
  }
}

/** What became of a process. */
export interface Ended {
  /** `null` when it was killed. */
  readonly code: number | null;
  /** Lines of its standard output. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** What a process asked the system to do with a folder. */
export interface Recording extends Ended {
  readonly folder: string;
  /** All its files that were named, and the folder itself. */
  readonly paths: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Runs `script` as it is and takes down its calls. */
export async function record(folder: string, script: string, args: readonly string[]): Promise<Recording> {
  const log = `${folder}.strace`;
  const calls = [...CALLS, ...TWINS, ...RINGS, 'pread64', '%file'].join(',');
  const ended = await run(['-y', '-o', log, '-e', `trace=${calls}`], script, args);
  const lines = (await readFile(log, 'utf8')).split('\n');
  await rm(log);
  const paths = new Set([folder]);
  const counts = new Map<string, number>();
  for (const line of lines) {
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1] ?? '';
    // A name is in quotes, what a descriptor stands for in angle brackets.
    const named = [...line.matchAll(/["<]([^">]+)[">]/g)].flatMap(([, path = '']) =>
      path === folder || path.startsWith(`${folder}/`) ? [path] : [],
    );
    for (const path of named) paths.add(path);
    if (named.length > 0 || RINGS.includes(call)) counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  const twins = [...TWINS, ...RINGS].filter((call) => counts.has(call));
  if (twins.length > 0) throw new Error(`Node uses ${twins.join(', ')}, which nothing here fails`);
  return { ...ended, folder, paths: [...paths], counts };
}

/** One call of a process is failed, or the last thing it does. */
export interface Injection {
  readonly call: Call;
  /** The N-th of its kind, from 1; none: each. */
  readonly when?: number;
  /** `KILL`: the process is gone before the system has done it. */
  readonly with: 'KILL' | 'EIO' | 'ENOSPC';
  /** Only calls about these. */
  readonly paths: readonly string[];
}

/** Runs `script` with that going wrong; `injected`: how often it did. */
export async function inject(
  injection: Injection,
  script: string,
  args: readonly string[],
): Promise<Ended & { readonly injected: number }> {
  const { call, when, with: fault, paths } = injection;
  const what = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`;
  const nth = when === undefined ? '' : `:when=${when}`;
  const only = paths.flatMap((path) => ['-P', path]);
  const log = `${args[0]}.strace`;
  const options = ['-o', log, '-e', `trace=${call}`, ...only, '-e', `inject=${call}:${what}${nth}`];
  const ended = await run(options, script, args);
  const injected = (await readFile(log, 'utf8')).split('(INJECTED)').length - 1;
  await rm(log);
  return { ...ended, injected };
}

/** Runs node under strace; one thread does the work with files, so that its calls have an order. */
function run(options: readonly string[], script: string, args: readonly string[]): Promise<Ended> {
  const command = ['-f', '-qq', ...options, process.execPath, script, ...args];
  const env = { PATH: process.env.PATH ?? '', UV_THREADPOOL_SIZE: '1' };
  return new Promise((settle, reject) => {
    execFile(
      'strace',
      command,
      { env, timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : (error.code ?? null);
        const over = error?.killed === true || typeof code === 'string';
        if (over || stderr.startsWith('strace:')) reject(new Error(`strace: ${error?.message} ${stderr}`));
        else settle({ code, lines: stdout.split('\n').filter((line) => line !== ''), stderr });
      },
    );
  });
}
