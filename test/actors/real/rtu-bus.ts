import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from '../../helpers/cleanup.js';
import { PtyCable } from '../../providers/serial/pty.js';
import { LibmodbusSlave } from './libmodbus.js';

/** What becomes of an answer on its way to the master: pieces, each sent so many milliseconds after the one before. */
export type Fault = (
  answer: Buffer,
  request: Buffer,
) => readonly (readonly [afterMs: number, bytes: Buffer])[];

/** The wire between a master and devices of libmodbus; whoever has the wire sees all, and may spoil it. */
export class RtuBus {
  /** Requests as the master sent them, oldest first. */
  readonly requests: Buffer[] = [];
  fault: Fault | undefined;
  readonly #slaves: { readonly unit: number; readonly cable: PtyCable }[] = [];
  readonly #relaying: Promise<void>;
  #running = true;

  constructor(
    private readonly cleanup: Cleanup,
    private readonly master: PtyCable,
  ) {
    this.#relaying = this.#relay();
    cleanup.add(() => this.#stop());
  }

  async #stop(): Promise<void> {
    this.#running = false;
    await this.#relaying;
  }

  /** `size`: how many there are of each kind; default 512. */
  async add(unit: number, size = 512): Promise<LibmodbusSlave> {
    const folder = await mkdtemp('/dev/shm/iot-modbus-');
    this.cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const cable = new PtyCable(folder, `unit-${unit}`);
    await cable.plug();
    this.cleanup.add(() => cable.unplug());
    const slave = new LibmodbusSlave(cable.near, unit, size);
    this.cleanup.add(() => slave.end());
    this.#slaves.push({ unit, cable });
    // Before the cable goes that it would write to.
    this.cleanup.add(() => this.#stop());
    return slave;
  }

  /** What was asked since the last call: `unit function address count` of each request. */
  asked(): string[] {
    return this.requests
      .splice(0)
      .map((request) => `${request[0]} ${request[1]} ${request.readUInt16BE(2)} ${request.readUInt16BE(4)}`);
  }

  async #relay(): Promise<void> {
    while (this.#running) {
      const request = Buffer.from(await this.master.received());
      if (request.length > 0) {
        this.requests.push(request);
        // libmodbus waits for the answers of others to be over, and would miss a request when there is none.
        const asked = this.#slaves.find(({ unit }) => unit === request[0]);
        await asked?.cable.send(request).catch(() => {});
      }
      for (const { cable } of this.#slaves) {
        const answer = Buffer.from(await cable.received());
        if (answer.length > 0) void this.#send(answer);
      }
    }
  }

  async #send(answer: Buffer): Promise<void> {
    const request = this.requests.at(-1) ?? Buffer.alloc(0);
    for (const [afterMs, bytes] of this.fault?.(answer, request) ?? [[0, answer] as const]) {
      if (afterMs > 0) await sleep(afterMs);
      await this.master.send(bytes).catch(() => {});
    }
  }
}
