import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.js';

/** Why there can be no small disk here; `undefined` when there can. */
export function smallDiskMissing(): string | undefined {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    execFileSync('nsenter', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'a disk that can be filled needs root, unshare and nsenter (util-linux)';
  }
}

/** A tmpfs of a few KiB that only processes started `through` it can see. */
export class SmallDisk {
  private constructor(
    /** Where it is, for processes that run through `nsenter`. */
    readonly folder: string,
    private readonly holder: number,
  ) {}

  static async mount(cleanup: Cleanup, kib: number): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'iot-small-'));
    const script = `mount -t tmpfs -o size=${kib}k tmpfs "$0" && echo mounted && exec cat`;
    // It lives as long as its standard input: not longer than this process, whatever becomes of it.
    const child = spawn('unshare', ['-m', 'sh', '-c', script, folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = new Promise((settle) => child.once('exit', settle));
    cleanup.add(async () => {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    });
    const mounted = new Promise<void>((settle) => child.stdout.once('data', () => settle()));
    await Promise.race([mounted, exited.then((code) => Promise.reject(new Error(`mount failed: ${code}`)))]);
    return new SmallDisk(folder, child.pid ?? 0);
  }

  /** Runs the command that follows in `cwd`, where the disk is mounted. */
  through(cwd: string): readonly string[] {
    const enter = ['nsenter', '-t', String(this.holder), '-m', '--'];
    // Whoever enters a mount namespace stands at its root.
    return [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', cwd];
  }

  /** How this process gets at a file on it. */
  path(...parts: string[]): string {
    return join(`/proc/${this.holder}/root`, this.folder, ...parts);
  }

  /** Takes all the room there is; the result gives it back. */
  async fill(): Promise<() => Promise<void>> {
    const file = this.path('filler');
    const handle = await open(file, 'w');
    try {
      for (const size of [65_536, 1]) {
        const block = Buffer.alloc(size);
        while ((await handle.write(block).catch(() => ({ bytesWritten: 0 }))).bytesWritten > 0);
      }
    } finally {
      await handle.close();
    }
    return () => rm(file);
  }
}
