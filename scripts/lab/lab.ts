import { readdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { type Counts, sum } from '../counts.js';
import { runGroup } from './group.js';
import { BUILD, builtKernel, cachedKernel, lastWords } from './kernel.js';
import { CHECKOUT, cannotBoot, type Machine, runFile } from './machine.js';

const MINUTE = 60_000;
/** Milliseconds that have to be left: for the tests themselves, and for the kernel on a slow machine. */
const TESTS_TAKE = 20 * MINUTE;
const BUILD_TAKES = 20 * MINUTE;
/** Milliseconds that have to be left for a file of tests to begin. */
const FILE_TAKES = 2 * MINUTE;
/** The longest that one file of tests may take, with its boot. */
const FILE_LIMIT = 10 * MINUTE;
/** The longest that setting up and building may take, where there is that much time. */
const SETUP_LIMIT = 20 * MINUTE;
const BUILD_LIMIT = 40 * MINUTE;

export interface LabRun {
  /** Parts of the names of test files; all of them if there is none. */
  readonly filters: readonly string[];
  /** For vitest. */
  readonly options: readonly string[];
  readonly stop: AbortSignal;
  /** Milliseconds since 1970 at which everything has to be over. */
  readonly ends?: number;
  /** What installs all that the lab needs, where that has not been done. */
  readonly setup?: readonly [program: string, ...args: string[]];
  readonly print?: (line: string) => void;
  /** The script that has or builds the kernel. */
  readonly build?: string;
  readonly fileLimit?: number;
}

/**
 * Runs the tests of test/lab, each file on a kernel of its own, and says for each how it ended. Where the kernel cannot
 * be had, or too little time is left, all of them are skipped by name; so is each that the end comes before. Never
 * rejects.
 */
export async function lab(run: LabRun): Promise<Counts> {
  const print = run.print ?? ((line) => console.log(line));
  const files = await testFiles(run.filters);
  const kernel = await obtain(run, print).catch((thrown) => ({ failure: (thrown as Error).message }));
  if ('failure' in kernel) {
    print(`FAILED: lab: ${kernel.failure}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  if ('reason' in kernel) {
    for (const file of files) print(`skipped: ${file}: ${kernel.reason}`);
    return { passed: 0, failed: 0, skipped: files.length };
  }
  const parts: Counts[] = [];
  for (const file of files) parts.push(await one(file, kernel.path, run, print));
  return parts.length > 0 ? sum(parts) : none(run.filters, print);
}

/** The kernel, which is known to boot; or why there is none. */
async function obtain(
  { stop, ends = Infinity, setup, build = BUILD }: LabRun,
  print: (line: string) => void,
): Promise<{ path: string } | { reason: string }> {
  if (arch() !== 'x64') return { reason: `User-Mode Linux runs on x64 only, this is ${arch()}` };
  const cached = await cachedKernel(stop, build);
  const left = ends - Date.now();
  const needed = TESTS_TAKE + (cached === undefined ? BUILD_TAKES : 0);
  if (left < needed) {
    const what = cached === undefined ? 'its kernel is not cached and' : 'its kernel is cached but';
    const minutes = Math.max(0, Math.floor(left / MINUTE));
    return { reason: `${what} ${minutes} minutes are left of the ${needed / MINUTE} that may be needed` };
  }
  const atMost = (limit: number) => ({ limit: Math.min(limit, ends - Date.now()), stop, line: print });
  if (setup !== undefined) {
    const [program, ...args] = setup;
    const ended = await runGroup(program, args, atMost(SETUP_LIMIT));
    if (ended.code !== 0) return { reason: `what it needs cannot be set up: ${lastWords(ended, 'setup: ')}` };
  }
  print(`lab: run, its kernel is ${cached === undefined ? 'built first' : 'cached'}`);
  const kernel = cached === undefined ? await builtKernel(atMost(BUILD_LIMIT), build) : { path: cached };
  if ('reason' in kernel) return { reason: `no kernel: ${kernel.reason}` };
  // Setup and build took what they took.
  const late = tooLate(ends);
  if (late !== undefined) return { reason: late };
  const why = await cannotBoot({ kernel: kernel.path, limit: MINUTE, stop, print });
  return why === undefined ? kernel : { reason: `its kernel does not boot here: ${why}` };
}

/** Why no other file is begun; `undefined` while there is time. */
function tooLate(ends: number): string | undefined {
  const left = ends - Date.now();
  if (left >= FILE_TAKES) return undefined;
  const seconds = Math.max(0, Math.floor(left / 1000));
  return `${seconds} s are left, and a file may need ${FILE_TAKES / 1000}`;
}

async function one(
  file: string,
  kernel: string,
  run: LabRun,
  print: (line: string) => void,
): Promise<Counts> {
  const { ends = Infinity } = run;
  const late = tooLate(ends);
  if (late !== undefined) {
    print(`skipped: ${file}: ${late}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const began = Date.now();
  const limit = Math.max(1, Math.min(run.fileLimit ?? FILE_LIMIT, ends - began));
  const machine: Machine = { kernel, limit, stop: run.stop, print };
  const took = () => `${Math.round((Date.now() - began) / 1000)} s`;
  try {
    const counts = await runFile(machine, file, run.options);
    const ok = counts.failed === 0 && counts.passed + counts.skipped > 0;
    print(`${ok ? 'ok' : 'FAILED'}: ${file} (${counts.passed} passed, ${counts.skipped} skipped, ${took()})`);
    return ok ? counts : { ...counts, failed: Math.max(1, counts.failed) };
  } catch (thrown) {
    print(`FAILED: ${file} (${took()}): ${(thrown as Error).message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

async function testFiles(filters: readonly string[]): Promise<string[]> {
  const names = (await readdir(join(CHECKOUT, 'test/lab')))
    .filter((name) => name.endsWith('.test.ts'))
    .sort();
  const files = names.map((name) => `test/lab/${name}`);
  return files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
}

function none(filters: readonly string[], print: (line: string) => void): Counts {
  print(`FAILED: lab: no file of test/lab is called "${filters.join('" or "')}"`);
  return { passed: 0, failed: 1, skipped: 0 };
}
