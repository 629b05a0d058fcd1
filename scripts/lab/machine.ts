import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Counts, reportCounts } from '../counts.js';
import { runGroup } from './group.js';

/** From dist/scripts/lab/ to the checkout. */
export const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const MEBIBYTES = 1024;
const TMPFS = 0x0102_1994;
/** What the kernel says at every start and end, and nobody has to read. */
const NOISE = /^\s*$|sysrq: Power Off|reboot: Power down|JSON report written|initialize ubd device/;

export interface Machine {
  /** Path of the User-Mode Linux kernel. */
  readonly kernel: string;
  /** Milliseconds after which it is switched off from outside. */
  readonly limit: number;
  readonly stop: AbortSignal;
  readonly print: (line: string) => void;
}

/** What a boot left behind. */
interface Left {
  /** The kernel came as far as its first process. */
  readonly up: boolean;
  readonly report: string | undefined;
  /** The exit code of what ran; `undefined` where the kernel did not live to see it. */
  readonly code: number | undefined;
  /** Why it did not, as far as is known. */
  readonly why: string;
}

/** Boots and switches off again. `undefined` where that works, else why it does not. */
export async function cannotBoot(machine: Machine): Promise<string | undefined> {
  const { up, why } = await boot({ ...machine, limit: 60_000 }, { LAB_PROBE: '1' });
  return up ? undefined : why;
}

/** Runs one file of tests inside. `options` are for vitest. Throws with the reason when it did not come to its end. */
export async function runFile(machine: Machine, file: string, options: readonly string[]): Promise<Counts> {
  const { report, code, why } = await boot(machine, { LAB_ARGS: [file, ...options].join(',') });
  if (report === undefined || code === undefined) throw new Error(why);
  return reportCounts(report, code);
}

/** Runs a program of the checkout inside; what it wrote as JSON into its first argument. */
export async function runProgram(
  machine: Machine,
  program: string,
  args: readonly string[],
): Promise<unknown> {
  const { report, why } = await boot(machine, { LAB_PROGRAM: program, LAB_ARGS: args.join(',') });
  if (report === undefined) throw new Error(why);
  return JSON.parse(report);
}

async function boot(machine: Machine, environment: Readonly<Record<string, string>>): Promise<Left> {
  const out = await mkdtemp(join(tmpdir(), 'iot-host-lab-'));
  try {
    const { code, overtime, tail } = await runGroup(
      machine.kernel,
      [
        ...[`mem=${MEBIBYTES}M`, `uml_dir=${out}/`, 'quiet', 'panic=-1'],
        ...['root=none', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${CHECKOUT}scripts/lab/init`],
        ...['con=null', 'con0=fd:0,fd:1'],
        // What the kernel does not know becomes the environment of its first process.
        `LAB_CHECKOUT=${CHECKOUT.replace(/\/$/, '')}`,
        `LAB_OUT=${out}`,
        `LAB_PATH=${dirname(process.execPath)}`,
        ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ],
      {
        limit: machine.limit,
        stop: machine.stop,
        env: { ...process.env, ...(await memoryFolder()) },
        line: (line) => !NOISE.test(line) && machine.print(line),
      },
    );
    const file = (name: string) => readFile(join(out, name), 'utf8').catch(() => undefined);
    const ended = await file('exit');
    return {
      up: (await file('up')) !== undefined,
      report: await file('report.json'),
      code: ended === undefined ? undefined : Number(ended),
      why: overtime ? `not at an end after ${machine.limit / 1000} s` : reason(code, tail),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

function reason(code: number | null, tail: readonly string[]): string {
  const said = tail.filter((line) => !NOISE.test(line));
  const panic = said.find((line) => line.includes('Kernel panic'))?.trim();
  return (
    panic ?? `the kernel ended with ${code ?? 'a signal'}: ${said.slice(-3).join(' | ') || 'it said nothing'}`
  );
}

/** The memory of the kernel is a file; on /dev/shm unless that is too small for it, as it is in many containers. */
async function memoryFolder(): Promise<NodeJS.ProcessEnv> {
  const shm = await statfs('/dev/shm').catch(() => undefined);
  const roomy = shm?.type === TMPFS && shm.bavail * shm.bsize >= MEBIBYTES * 2 ** 20;
  return { TMPDIR: roomy ? '/dev/shm' : tmpdir() };
}
