import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDir } from '../../../helpers/providers.js';

/** Opcodes (Core specification, Vol 4 Part E 7) and what the answer has beside its status. */
const ANSWERS: Readonly<Record<number, number[]>> = {
  4097: [9, 0, 0, 9, 0xf1, 5, 0, 0],
  4105: [1, 2, 3, 4, 5, 6],
  3180: [1, 0],
  8194: [0xfb, 0, 8],
};
const LE_FEATURES = 0x2003;
const SCAN_ENABLE: readonly number[] = [0x200c, 0x2042];

/** A controller on a serial port that says whatever the test wants; commands all succeed. */
export class ScriptedController {
  readonly #folder = temporaryDir();
  readonly path = join(this.#folder.path, 'hci');
  #server: Server | undefined;
  #socat: ChildProcess | undefined;
  #socket: Socket | undefined;
  #input = Buffer.alloc(0);
  scanning = false;

  /** `extended`: it has the advertisements of Bluetooth 5, up to 255 bytes each. */
  constructor(private readonly extended: boolean) {}

  async start(): Promise<void> {
    const socket = join(this.#folder.path, 'socket');
    const server = createServer((connection) => {
      this.#socket = connection;
      connection.on('data', (bytes) => this.#hear(bytes));
      connection.on('error', () => {});
    });
    this.#server = server.listen(socket);
    await once(server, 'listening');
    this.#socat = spawn('socat', [`PTY,link=${this.path},rawer`, `UNIX-CONNECT:${socket}`], {
      stdio: 'ignore',
    });
    while (!existsSync(this.path)) await sleep(5);
  }

  /** One advertisement, as it was heard: `data` are the bytes that a stranger chose. */
  advertise(data: Uint8Array, address = [0x66, 5, 4, 3, 2, 1]): void {
    const from = [...address].reverse();
    const report = this.extended
      ? [0x0d, 1, 0, 0, 0, ...from, 1, 0, 0, 0x7f, 0xc4, 0, 0, 0, ...[0, 0, 0, 0, 0, 0], data.length, ...data]
      : [0x02, 1, 3, 0, ...from, data.length, ...data, 0xc4];
    this.say([0x04, 0x3e, report.length, ...report]);
  }

  say(bytes: ArrayLike<number>): void {
    this.#socket?.write(Uint8Array.from(bytes));
  }

  async stop(): Promise<void> {
    this.#server?.close();
    if (this.#socat !== undefined && this.#socat.exitCode === null) {
      const exit = once(this.#socat, 'exit');
      this.#socat.kill('SIGTERM');
      await exit;
    }
    this.#folder.remove();
  }

  #hear(bytes: Uint8Array): void {
    this.#input = Buffer.concat([this.#input, bytes]);
    while (this.#input.length >= 4 && this.#input.length >= 4 + (this.#input[3] ?? 0)) {
      const end = 4 + (this.#input[3] ?? 0);
      this.#answer(this.#input.readUInt16LE(1), this.#input.subarray(4, end));
      this.#input = this.#input.subarray(end);
    }
  }

  #answer(opcode: number, given: Uint8Array): void {
    const features = [0, this.extended ? 0x10 : 0, 0, 0, 0, 0, 0, 0];
    const rest = opcode === LE_FEATURES ? features : (ANSWERS[opcode] ?? []);
    if (SCAN_ENABLE.includes(opcode)) this.scanning = given[0] === 1;
    this.say([0x04, 0x0e, 4 + rest.length, 1, opcode & 255, opcode >> 8, 0, ...rest]);
  }
}
