import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Cleanup } from './cleanup.js';

const MAIN = resolve('dist/runtime/cli/main.js');
/** Milliseconds that a start may take on a busy machine. */
const PATIENCE_MS = 15_000;
/** As much of the log as is kept. */
const LOG_CHARACTERS = 8_192;

/** `iot-host up` in a process of its own. */
export interface UpProcess {
  readonly pid: number;
  /** As in its first line with `--json`. */
  readonly ready: { readonly event: string; readonly device: string; readonly urls: Record<string, string> };
  /** The end of what it has logged. */
  logged(): string;
  /** Resolves with the exit code, `null` after a signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface UpOptions {
  /** Where it is run: the folder of `iot-host.yaml`. */
  readonly cwd: string;
  readonly env?: Record<string, string>;
  /** A command and its arguments that run it, such as `nsenter …`. */
  readonly through?: readonly string[];
  /** Milliseconds that the start may take; default 15,000. */
  readonly patienceMs?: number;
}

/** Starts it and waits until it says that it is ready; it is killed with the test. */
export async function up(
  cleanup: Cleanup,
  { cwd, env = {}, through = [], patienceMs = PATIENCE_MS }: UpOptions,
): Promise<UpProcess> {
  const [program = '', ...args] = [...through, process.execPath, MAIN, 'up', '--json'];
  const child = spawn(program, args, {
    cwd,
    env: { HOME: cwd, PATH: process.env.PATH ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (signal: NodeJS.Signals) => ended(child, signal);
  cleanup.add(() => end('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_CHARACTERS);
  });
  const logged = () => log;
  const ready = JSON.parse(await firstLine(child, logged, patienceMs));
  return { pid: child.pid ?? 0, ready, logged, end };
}

function firstLine(child: ChildProcess, logged: () => string, patienceMs: number): Promise<string> {
  return new Promise((settle, reject) => {
    let stdout = '';
    const timer = setTimeout(
      () => reject(new Error(`not ready after ${patienceMs} ms: ${logged()}`)),
      patienceMs,
    );
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString();
      const at = stdout.indexOf('\n');
      if (at < 0) return;
      clearTimeout(timer);
      settle(stdout.slice(0, at));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`iot-host up ended (${code ?? signal}) before it was ready: ${logged()}`));
    });
  });
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((settle) => {
    child.once('exit', (code) => settle(code));
    child.kill(signal);
  });
}
