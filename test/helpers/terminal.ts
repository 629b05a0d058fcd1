import { type ChildProcess, spawn } from 'node:child_process';
import type { Ended } from '../cli/iot-host.js';
import type { Cleanup } from './cleanup.js';

/** Nothing that a person types may take longer, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Something that goes on running, started from a terminal. */
export interface Background {
  /** What it has printed so far, stdout and stderr together. */
  output(): string;
  /** Ends it and whatever it has started; resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A shell as a person has it: one folder, one set of aliases, one line after the other. */
export class Terminal {
  readonly #aliases: string[] = [];

  constructor(
    private readonly folder: string,
    private readonly env: Record<string, string>,
  ) {}

  /** `alias …` lines hold from now on. */
  alias(line: string): void {
    this.#aliases.push(line);
  }

  /** Runs `lines` to their end; the exit code is that of the first one that fails. */
  async run(lines: string): Promise<Ended> {
    const child = this.#spawn(`set -e\n${lines}`);
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), PATIENCE_MS);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    const code = await new Promise<number | null>((settle) => child.once('close', settle));
    clearTimeout(timer);
    return { code, stdout, stderr };
  }

  /** Leaves `line` running; it ends with the test at the latest. */
  background(line: string, cleanup: Cleanup): Background {
    const child = this.#spawn(line);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        output += data.toString();
      });
    }
    const closed = new Promise<number | null>((settle) => child.once('close', settle));
    const end = (signal: NodeJS.Signals) => {
      if (child.exitCode === null && child.signalCode === null) signalGroup(child, signal);
      return closed;
    };
    cleanup.add(() => end('SIGKILL'));
    return { output: () => output, end };
  }

  #spawn(lines: string): ChildProcess {
    const script = ['shopt -s expand_aliases', ...this.#aliases, lines].join('\n');
    return spawn('bash', ['-c', script], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: what the shell starts ends together with it.
      detached: true,
    });
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined) process.kill(-child.pid, signal);
}
