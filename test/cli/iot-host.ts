import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const MAIN = resolve('dist/runtime/cli/main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of its own, without keys, devices or brokers: nothing of the person who runs the tests leaks in. */
export async function emptyHome(): Promise<{ home: string; env: Record<string, string> }> {
  const home = await mkdtemp(join(tmpdir(), 'iot-cli-'));
  return { home, env: { HOME: home, PATH: process.env.PATH ?? '', NO_COLOR: '1' } };
}

/** Runs the built command line as a person would, in `home`. */
export function iotHost(
  args: readonly string[],
  { home, env }: { home: string; env: Record<string, string> },
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code) => settle({ code, stdout, stderr }));
  });
}

/** Several at a time, in the order given: each costs a fifth of a second. */
export function all(
  lines: readonly (readonly string[])[],
  place: { home: string; env: Record<string, string> },
): Promise<Ended[]> {
  return Promise.all(lines.map((line) => iotHost(line, place)));
}
