import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures were taken on, in one line. */
export function machine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    `${processors.length} × ${model} (${process.arch}), ${memory}`,
    `Linux ${release().split('-')[0]}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    firstLine('gcc', ['--version']),
    firstLine('mosquitto', ['-h']),
    `commit ${firstLine('git', ['rev-parse', '--short', 'HEAD'])}`,
    `load average ${loadavg()[0]?.toFixed(1)}`,
  ].join('; ');
}

function firstLine(program: string, args: readonly string[]): string {
  try {
    const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text.split('\n')[0] ?? program;
  } catch (thrown) {
    // Mosquitto prints its help and ends with 3.
    const { stdout } = thrown as { stdout?: string };
    return typeof stdout === 'string' && stdout !== '' ? (stdout.split('\n')[0] ?? program) : `no ${program}`;
  }
}
