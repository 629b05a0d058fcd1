import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hciconfig } from '../providers/ble/two-adapters.js';

/** Controllers emulated by btvirt over /dev/vhci: hci0 and hci1 hear each other. */
export class VirtualRadio {
  #btvirt: ChildProcess | undefined;

  async start(): Promise<void> {
    this.#btvirt = spawn('btvirt', ['-L', '-l2'], { stdio: 'ignore' });
    for (const adapter of ['hci0', 'hci1']) {
      while (!existsSync(`/sys/class/bluetooth/${adapter}`)) await sleep(20);
      await this.#settled(adapter);
    }
  }

  /** The kernel sets a new controller up by itself first, and refuses meanwhile. */
  async #settled(adapter: string): Promise<void> {
    for (;;) {
      try {
        return hciconfig(adapter, 'up');
      } catch {
        await sleep(50);
      }
    }
  }

  async stop(): Promise<void> {
    this.#btvirt?.kill('SIGKILL');
    while (existsSync('/sys/class/bluetooth/hci0') || existsSync('/sys/class/bluetooth/hci1'))
      await sleep(20);
  }
}
