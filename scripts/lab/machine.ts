import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** From dist/scripts/lab/ to the checkout. */
const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const MEMORY = '1024M';
/** Minutes after which the machine is switched off from outside. */
const LONGEST_MINUTES = 20;

export interface LabReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/**
 * Path of the lab's kernel; built first unless `cachedOnly`. `undefined`, with the reason on stderr, where it is not
 * there or cannot be had.
 */
export async function kernel(cachedOnly: boolean): Promise<string | undefined> {
  const script = join(CHECKOUT, 'scripts/lab/build-kernel');
  const child = promisify(execFile)(script, cachedOnly ? ['--cached'] : []);
  child.child.stderr?.pipe(process.stderr);
  try {
    return (await child).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Boots the kernel on the machine's own files and runs test/lab inside it. Rejects when it did not come that far. */
export async function runTests(kernelPath: string, args: readonly string[]): Promise<LabReport> {
  return (await run(kernelPath, args, {})) as LabReport;
}

/** Boots the kernel and runs a program of the checkout inside it; what it wrote as JSON into its first argument. */
export async function runProgram(
  kernelPath: string,
  program: string,
  args: readonly string[],
): Promise<unknown> {
  return run(kernelPath, args, { LAB_PROGRAM: program });
}

async function run(
  kernelPath: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<unknown> {
  const out = await mkdtemp(join(tmpdir(), 'iot-host-lab-'));
  try {
    await boot(kernelPath, {
      LAB_CHECKOUT: CHECKOUT.replace(/\/$/, ''),
      LAB_OUT: out,
      LAB_PATH: dirname(process.execPath),
      LAB_ARGS: args.join(','),
      ...more,
    });
    const report = await readFile(join(out, 'report.json'), 'utf8').catch(() => undefined);
    if (report === undefined) throw new Error('the lab ended without a report');
    return JSON.parse(report);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

function boot(kernelPath: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(
    kernelPath,
    [
      `mem=${MEMORY}`,
      ...[
        'root=none',
        'rootfstype=hostfs',
        'rootflags=/',
        'ro',
        `init=${join(CHECKOUT, 'scripts/lab/init')}`,
      ],
      ...['con=null', 'con0=fd:0,fd:1', 'quiet', 'panic=-1'],
      // What the kernel does not know becomes the environment of its first process.
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true },
  );
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // The kernel is a group of processes.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      reject(new Error(`the lab did not end within ${LONGEST_MINUTES} minutes`));
    }, LONGEST_MINUTES * 60_000);
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
