import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryDir } from '../../../helpers/providers.js';

const PRELOAD = fileURLToPath(new URL('btvirt-preload.c', import.meta.url));
const TOOLS = { btvirt: 'bluez-test-tools', socat: 'socat', gcc: 'gcc' } as const;

/** Why there is no emulated air on this machine; `undefined` when there is. */
export function airProblem(): string | undefined {
  for (const [tool, debian] of Object.entries(TOOLS)) {
    const { error } = spawnSync(tool, ['--version'], { stdio: 'ignore', timeout: 10_000 });
    if (error !== undefined) return `${tool} is not here: sudo apt install ${debian}`;
  }
  return undefined;
}

/** Radio with no kernel: controllers that btvirt emulates and that hear each other, each on a serial port. */
export class EmulatedAir {
  readonly #folder = temporaryDir();
  readonly #controllers: UartController[] = [];
  #btvirt: ChildProcess | undefined;

  async start(): Promise<void> {
    const library = join(this.#folder.path, 'btvirt-preload.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, PRELOAD, '-ldl']);
    this.#btvirt = spawn('btvirt', ['-s'], {
      env: { ...process.env, LD_PRELOAD: library, BTVIRT_DIR: this.#folder.path },
      stdio: 'ignore',
    });
    await appeared(this.#socket, this.#btvirt);
  }

  /** A serial port that is there while its controller is plugged in. */
  controller(name: string): UartController {
    const made = new UartController(join(this.#folder.path, name), () => this.#socket);
    this.#controllers.push(made);
    return made;
  }

  async stop(): Promise<void> {
    for (const controller of this.#controllers) await controller.unplug();
    await ended(this.#btvirt);
    this.#folder.remove();
  }

  get #socket(): string {
    return join(this.#folder.path, 'bt-server-le');
  }
}

/** A controller and its serial port. */
export class UartController {
  #socat: ChildProcess | undefined;

  constructor(
    /** The port; a symbolic link, as `/dev/serial0` is one. */
    readonly path: string,
    private readonly socket: () => string,
  ) {}

  /** A new controller, whatever the one before it was doing. */
  async plug(): Promise<void> {
    await this.unplug();
    // A socat that was ending by itself when it was told to may leave its link behind.
    rmSync(this.path, { force: true });
    const ends = [`PTY,link=${this.path},rawer`, `UNIX-CONNECT:${this.socket()}`];
    this.#socat = spawn('socat', ends, { stdio: 'ignore' });
    await appeared(this.path, this.#socat);
  }

  /** Gone with its port, and with what it advertised. */
  async unplug(): Promise<void> {
    await ended(this.#socat);
    this.#socat = undefined;
  }
}

async function appeared(path: string, by: ChildProcess): Promise<void> {
  while (!existsSync(path)) {
    if (by.exitCode !== null || by.signalCode !== null) throw new Error(`${by.spawnfile} ended, no ${path}`);
    await sleep(5);
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
