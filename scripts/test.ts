import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Everything that can be tested on any Linux machine. The last line is `N passed, N failed` (`, N skipped`). */
const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['format and lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['imports point one way', ['depcruise', '--config', '.dependency-cruiser.json', 'runtime', 'scripts']],
  ['types of the tests', ['tsc', '-p', 'tsconfig.test.json']],
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

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

async function checks(): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, command] of CHECKS) {
    const ok = (await run(command)) === 0;
    console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`);
    counts[ok ? 'passed' : 'failed'] += 1;
  }
  return counts;
}

/** Arguments are passed on to vitest: `npm test -- test/host`. */
async function tests(args: readonly string[]): Promise<Counts> {
  const file = join(tmpdir(), `iot-host-test-${process.pid}.json`);
  const code = await run([
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...args,
  ]);
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as Record<string, number>;
    const passed = report.numPassedTests ?? 0;
    const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
    const failed = report.numFailedTests ?? 0;
    // A file that cannot be loaded, or an error outside of any test, has failed without a test of its own.
    return { passed, skipped, failed: code !== 0 && failed === 0 ? 1 : failed };
  } catch {
    return { passed: 0, skipped: 0, failed: 1 };
  } finally {
    await rm(file, { force: true });
  }
}

const args = process.argv.slice(2);
const parts = [...(args.length === 0 ? [await checks()] : []), await tests(args)];
const total = (key: keyof Counts) => parts.reduce((sum, part) => sum + part[key], 0);
const skipped = total('skipped') > 0 ? `, ${total('skipped')} skipped` : '';
console.log(`${total('passed')} passed, ${total('failed')} failed${skipped}`);
process.exitCode = total('failed') === 0 && total('passed') > 0 ? 0 : 1;
