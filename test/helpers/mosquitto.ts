import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './port.js';

export interface RunningBroker {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it as an administrator would. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export interface MosquittoOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Further lines of the configuration. */
  readonly config?: readonly string[];
  /** A folder in which it keeps sessions and retained messages over a restart; default: it keeps nothing. */
  readonly keepIn?: string;
}

/** Whether Mosquitto is installed, and what to say when a test is skipped because it is not. */
export function mosquittoMissing(): string | undefined {
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT')
      return 'mosquitto is not installed (apt-get install mosquitto)';
  }
  return undefined;
}

/** A real Mosquitto on a port of its own, for everybody on this machine. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<RunningBroker> {
  const port = options.port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  const root = process.getuid?.() === 0 ? ['user root'] : [];
  const { keepIn } = options;
  const persistence =
    keepIn === undefined ? ['persistence false'] : ['persistence true', `persistence_location ${keepIn}/`];
  const lines = [...root, `listener ${port} 127.0.0.1`, 'allow_anonymous true', ...persistence];
  await writeFile(file, [...lines, ...(options.config ?? []), ''].join('\n'));
  const child = spawn('mosquitto', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (data: Buffer) => {
    text = (text + data.toString()).slice(-4_096);
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await ended(child, signal);
    await rm(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (child.exitCode !== null || attempt > 200) {
      await end('SIGKILL');
      throw new Error(`mosquitto did not start on port ${port}: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else {
      child.once('exit', () => resolve());
      child.kill(signal);
    }
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
