import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run, type Surroundings } from '#runtime/cli/run.js';

export const MAIN = resolve('dist/runtime/cli/main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of its own, without keys, devices or brokers: nothing of the person who runs the tests leaks in. */
export async function emptyHome(): Promise<{ home: string; env: Record<string, string> }> {
  const home = await mkdtemp(join(tmpdir(), 'iot-cli-'));
  return { home, env: { HOME: home, PATH: process.env.PATH ?? '', NO_COLOR: '1', IOT_HOST_MDNS: 'off' } };
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
    // What does not end by itself, against all expectation, must not outlive the tests.
    timeout: 60_000,
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

/** Resolves with the first line on a child's stdout; what follows can be read on. */
export async function firstLine(child: ChildProcess): Promise<string> {
  const stream = child.stdout;
  if (stream === null) throw new Error('no stdout');
  let text = '';
  for await (const part of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += part;
    if (text.includes('\n')) break;
  }
  return text.slice(0, text.indexOf('\n'));
}

/**
 * The same inside this process, which has to be in the right folder (`process.chdir`): for everything that needs no
 * process of its own, since that costs a quarter of a second.
 */
export async function inProcess(
  args: readonly string[],
  { env }: { env: Record<string, string> },
  stdin?: Surroundings['stdin'],
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const code = await run(args, {
    env,
    stdin,
    stdout: {
      write(text) {
        stdout += text;
      },
    },
    stderr: {
      write(text) {
        stderr += text;
      },
    },
  });
  return { code, stdout, stderr };
}

export async function allInProcess(
  lines: readonly (readonly string[])[],
  place: { env: Record<string, string> },
): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const line of lines) ended.push(await inProcess(line, place));
  return ended;
}
