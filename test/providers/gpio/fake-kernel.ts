import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Libc, libc } from '#runtime/base/linux/libc.js';
import { IOCTL } from '#runtime/providers/iot-gpio/chardev/uapi.js';

export const [EPERM, EAGAIN, EACCES, EBUSY, ENODEV, EINVAL] = [1, 11, 13, 16, 19, 22];

export interface FakeChip {
  readonly label: string;
  readonly lines: number;
}

const encode = (text: string) => new TextEncoder().encode(text);

/**
 * The C library with the kernel's GPIO calls made up: chips are files in a folder, lines are real pipes, so that
 * `poll` and `read` are the real ones, in whatever thread.
 */
export class FakeKernel {
  readonly folder = mkdtempSync(join(tmpdir(), 'iot-fake-kernel-'));
  readonly system: Libc;
  /** Calls of `ioctl` so far, with a copy of their argument as it came. */
  readonly calls: { request: number; argument: Uint8Array }[] = [];
  /** Consumers of lines that other programs hold, by offset. */
  readonly taken = new Map<number, string>();
  /** Requests that fail, with the errno. */
  readonly failing = new Map<number, number>();
  readonly #gone = new Set<number>();
  /** Errno of the next reads, one each; then they are real again. */
  readonly readsFail: number[] = [];
  /** Errno of every `open`. */
  openFails = 0;
  readonly levels = new Map<number, number>();
  readonly #chips = new Map<string, FakeChip>();
  readonly #opened = new Map<number, FakeChip>();
  readonly #pipes = new Map<number, number>();
  #lastPipe = 0;
  #errno = 0;

  constructor(chips: readonly FakeChip[]) {
    for (const [index, chip] of chips.entries()) {
      const path = join(this.folder, `gpiochip${index}`);
      writeFileSync(path, '');
      this.#chips.set(path, chip);
    }
    const real = libc();
    this.system = {
      ...real,
      open: (path) => this.#open(path),
      close: (fd) => {
        this.#opened.delete(fd);
        this.#gone.delete(fd);
        for (const [offset, pipe] of this.#pipes) if (pipe === fd) this.#pipes.delete(offset);
        return real.close(fd);
      },
      read: (fd, into, length) => {
        const errno = this.readsFail.shift();
        return errno === undefined ? real.read(fd, into, length) : this.#fail(errno);
      },
      ioctl: (fd, request, argument) => this.#ioctl(fd, request, argument),
      errno: () => this.#errno,
    };
  }

  /** Descriptors that are open: of chips and of lines. */
  get open(): number {
    return this.#opened.size + this.#pipes.size;
  }

  /** What the kernel tells of the line: `struct gpio_v2_line_event` for each number. */
  edges(offset: number, seqs: readonly number[]): void {
    const bytes = new Uint8Array(48 * seqs.length);
    const fields = new DataView(bytes.buffer);
    for (const [index, seq] of seqs.entries()) {
      fields.setBigUint64(48 * index, BigInt(seq) * 1_000n, true);
      fields.setUint32(48 * index + 8, seq % 2 === 1 ? 1 : 2, true);
      fields.setUint32(48 * index + 20, seq, true);
    }
    writeSync(this.#pipes.get(offset) ?? -1, bytes);
  }

  /** The chips are pulled out and put back: what was opened before is dead. */
  replug(): void {
    for (const fd of [...this.#opened.keys(), ...this.#pipes.values()]) this.#gone.add(fd);
    this.#pipes.clear();
  }

  remove(): void {
    for (const fd of [...this.#opened.keys(), ...this.#pipes.values()]) closeSync(fd);
    rmSync(this.folder, { recursive: true });
  }

  #open(path: string): number {
    const chip = this.#chips.get(path);
    if (chip === undefined || this.openFails !== 0) return this.#fail(this.openFails || ENODEV);
    const fd = openSync('/dev/null', 'r+');
    this.#opened.set(fd, chip);
    return fd;
  }

  #fail(errno: number): -1 {
    this.#errno = errno;
    return -1;
  }

  #ioctl(fd: number, request: number, argument: Uint8Array): number {
    this.calls.push({ request, argument: Uint8Array.from(argument) });
    if (this.#gone.has(fd)) return this.#fail(ENODEV);
    const errno = this.failing.get(request);
    if (errno !== undefined) return this.#fail(errno);
    const fields = new DataView(argument.buffer, argument.byteOffset);
    const chip = this.#opened.get(fd);
    const offset = [...this.#pipes].find(([, pipe]) => pipe === fd)?.[0] ?? -1;
    switch (request) {
      case IOCTL.chipInfo:
        argument.set(encode(chip?.label ?? ''), 32);
        fields.setUint32(64, chip?.lines ?? 0, true);
        return 0;
      case IOCTL.lineInfo:
        argument.set(encode(this.taken.get(fields.getUint32(64, true)) ?? ''), 32);
        return 0;
      case IOCTL.getLine:
        return this.#request(fields);
      case IOCTL.getValues:
        argument[0] = this.levels.get(offset) ?? 0;
        return 0;
      case IOCTL.setValues:
        this.levels.set(offset, argument[0] ?? 0);
        return 0;
      default:
        return 0;
    }
  }

  #request(fields: DataView): number {
    const offset = fields.getUint32(0, true);
    if (this.taken.has(offset) || this.#pipes.has(offset)) return this.#fail(EBUSY);
    const path = join(this.folder, `pipe${++this.#lastPipe}`);
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, 'r+');
    this.#pipes.set(offset, fd);
    fields.setInt32(588, fd, true);
    return 0;
  }
}
