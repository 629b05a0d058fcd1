import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

/** Lines that are kept of what a program said. */
const KEPT_LINES = 60;
/** Milliseconds that a program has to tidy up before it is killed. */
const GRACE = 10_000;
/** Milliseconds after its end in which what it said is still read. */
const LINGER = 5_000;

export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  /** It did not end by itself. */
  readonly overtime: boolean;
  /** The last lines that it said, on stdout and stderr. */
  readonly tail: readonly string[];
  /** The last line on stdout, for a program whose answer it is. */
  readonly answer: string | undefined;
}

export interface Limits {
  /** Milliseconds after which the program and all that it started are stopped. */
  readonly limit: number;
  /** Stops them earlier; then the call rejects with its reason. */
  readonly stop: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  /** Told each line as it comes. */
  readonly line?: (line: string) => void;
}

/**
 * Runs a program in a process group of its own, of which nothing is left when this settles. Who left the group lives on
 * and is not waited for.
 */
export async function runGroup(
  program: string,
  args: readonly string[],
  { limit, stop, env, line }: Limits,
): Promise<Ended> {
  stop.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Nobody of the group is left.
    }
  };
  let kill: NodeJS.Timeout | undefined;
  const end = () => {
    signal('SIGTERM');
    kill ??= setTimeout(() => signal('SIGKILL'), GRACE);
  };
  let deaf: NodeJS.Timeout | undefined;
  let overtime = false;
  const timer = setTimeout(
    () => {
      overtime = true;
      end();
    },
    Math.min(limit, 2 ** 31 - 1),
  );
  stop.addEventListener('abort', end);
  const tail: string[] = [];
  let answer: string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (raw) => {
      const text = stripVTControlCharacters(raw);
      if (stream === child.stdout) answer = text;
      tail.push(text);
      if (tail.length > KEPT_LINES) tail.shift();
      line?.(text);
    });
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => {
        // Those that it leaves behind hold its output open; one with a session of its own is not of the group.
        signal('SIGKILL');
        deaf = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, LINGER);
      });
      child.on('close', resolve);
    });
    stop.throwIfAborted();
    return { code, overtime, tail, answer };
  } finally {
    clearTimeout(timer);
    clearTimeout(kill);
    clearTimeout(deaf);
    stop.removeEventListener('abort', end);
  }
}

/** Does `work` with a signal that SIGINT, SIGTERM and SIGHUP raise, so that it can put things in order before we end. */
export async function untilStopped<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (name: NodeJS.Signals) => controller.abort(new Error(`stopped by ${name}`));
  for (const name of names) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, stop);
  }
}
