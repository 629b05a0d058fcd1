import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Counts, reportCounts } from './counts.js';

const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['format and lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['imports point one way', ['depcruise', '--config', '.dependency-cruiser.json', 'runtime', 'scripts']],
  ['types of the tests', ['tsc', '-p', 'tsconfig.test.json']],
];

function run(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(join('node_modules', '.bin', program), args, {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** What is looked at without running it. */
export async function checks(): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, command] of CHECKS) {
    const ok = (await run(command)) === 0;
    console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`);
    counts[ok ? 'passed' : 'failed'] += 1;
  }
  return counts;
}

/** The tests that any Linux machine can run; `args` are for vitest. */
export async function tests(args: readonly string[]): Promise<Counts> {
  const file = join(tmpdir(), `iot-host-test-${process.pid}.json`);
  const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await run(['vitest', 'run', ...report, ...args]);
  try {
    return reportCounts(await readFile(file, 'utf8'), code);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    await rm(file, { force: true });
  }
}
