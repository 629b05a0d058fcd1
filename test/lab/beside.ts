import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program in JavaScript that runs beside the test, in a process of its own. */
export interface Beside {
  /** Resolves with the next line that it prints. */
  line(): Promise<string>;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  end(): Promise<void>;
}

/** `script` finds its arguments in `process.argv` from 1 on. */
export function beside(script: string, args: readonly string[]): Beside {
  const child = spawn(process.execPath, ['-e', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let text = '';
  let wake: () => void = () => undefined;
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
    wake();
  });
  child.once('exit', () => wake());
  return {
    async line() {
      for (;;) {
        const at = text.indexOf('\n');
        if (at >= 0) {
          const line = text.slice(0, at);
          text = text.slice(at + 1);
          return line;
        }
        if (child.exitCode !== null) throw new Error('the program beside the test has ended');
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/**
 * Presses a button: writes the pull file `count` times, up and down by turns, one every `periodUs`, never two closer
 * than half of that. Prints `ready`, waits for a line, prints how many presses there were and how long they took (ms).
 */
export const PRESSER = `
const { openSync, writeSync, readSync } = require('node:fs');
// The world outside does not wait for whoever reads its edges.
require('node:os').setPriority(-20);
const [, file, count, periodUs] = process.argv;
const fd = openSync(file, 'r+');
const cell = new Int32Array(new SharedArrayBuffer(4));
console.log('ready');
readSync(0, Buffer.alloc(16));
const period = Number(periodUs) / 1000;
const begin = performance.now();
let next = begin;
for (let n = 0; n < Number(count); n++) {
  for (let left = next - performance.now(); left > 0; left = next - performance.now()) {
    // A sleep may last a little longer than it is asked to: the rest is waited for awake.
    if (left > 0.5) Atomics.wait(cell, 0, 0, left - 0.5);
  }
  writeSync(fd, n % 2 === 0 ? 'pull-up' : 'pull-down', 0);
  next = Math.max(next + period, performance.now() + period / 2);
}
console.log(Number(count), performance.now() - begin);
`;

/**
 * Looks at levels all the time. Prints \`ready\`, then at each line that it gets how often it has looked, and what it
 * has seen since, in order and without repetitions: \`1200 1 0 1\`, with several files \`1200 10 01\`.
 */
export const WATCHER = `
const { openSync, readSync } = require('node:fs');
const fds = process.argv.slice(1).map((file) => openSync(file, 'r'));
const buffer = Buffer.alloc(4);
let looks = 0;
let seen = [];
const look = () => {
  for (let n = 0; n < 50; n++) {
    let levels = '';
    for (const fd of fds) {
      readSync(fd, buffer, 0, 4, 0);
      levels += String.fromCharCode(buffer[0]);
    }
    looks += 1;
    if (seen.at(-1) !== levels) seen.push(levels);
  }
  setImmediate(look);
};
process.stdin.on('data', () => {
  console.log(looks, ...seen);
  looks = 0;
  seen = [];
});
console.log('ready');
look();
`;

/** What a watcher has seen since it was last asked. */
export async function seenBy(watcher: Beside): Promise<{ looks: number; levels: string[] }> {
  watcher.tell('what');
  const [looks, ...levels] = (await watcher.line()).split(' ');
  return { looks: Number(looks), levels };
}
