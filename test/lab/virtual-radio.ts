import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Controllers emulated by btvirt over /dev/vhci: hci0 and hci1 hear each other. */
export class VirtualRadio {
  #btvirt: ChildProcess | undefined;

  async start(): Promise<void> {
    this.#btvirt = spawn('btvirt', ['-L', '-l2'], { stdio: 'ignore' });
    for (const adapter of ['hci0', 'hci1']) {
      while (!existsSync(`/sys/class/bluetooth/${adapter}`)) await sleep(20);
      await this.up(adapter);
    }
  }

  /** The kernel sets a new controller up by itself first, and refuses meanwhile. */
  async up(adapter: string): Promise<void> {
    for (;;) {
      try {
        execFileSync('hciconfig', [adapter, 'up'], { stdio: 'pipe' });
        return;
      } catch {
        await sleep(50);
      }
    }
  }

  down(adapter: string): void {
    execFileSync('hciconfig', [adapter, 'down'], { stdio: 'pipe' });
  }

  async stop(): Promise<void> {
    this.#btvirt?.kill('SIGKILL');
    while (existsSync('/sys/class/bluetooth/hci0') || existsSync('/sys/class/bluetooth/hci1'))
      await sleep(20);
  }
}
