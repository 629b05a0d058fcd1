import { counted } from '../../../base/counted.js';
import { IotError } from '../../../base/errors.js';
import { systemError } from '../../../base/linux/errno.js';
import type { Libc } from '../../../base/linux/libc.js';
import type { Chip } from './chips.js';
import {
  EVENT_BYTES,
  IOCTL,
  type LineConfig,
  lineConfig,
  lineRequest,
  lineValues,
  readEvents,
  requestedFd,
} from './uapi.js';

/** `poll.h`. */
const POLLIN = 1;

/** One line, held as long as its descriptor is open. */
export class Line {
  readonly fd: number;

  /** Throws E_BUSY (with the holder's name), E_UNAVAILABLE (no such line, not permitted, gone), E_PROVIDER. */
  constructor(
    chip: Chip,
    private readonly what: string,
    offset: number,
    consumer: string,
    config: LineConfig,
    private readonly system: Libc,
  ) {
    const request = lineRequest(offset, consumer, config);
    if (offset >= chip.lines) {
      throw new IotError(
        'E_UNAVAILABLE',
        `${what} is not there: ${chip.path} has ${counted(chip.lines, 'line')}`,
        {
          hint: 'is board: right? iot-host board list',
        },
      );
    }
    if (system.ioctl(chip.fd, IOCTL.getLine, request) < 0) {
      const errno = system.errno();
      throw systemError(errno, what, chip.lineInfo(offset)?.consumer);
    }
    this.fd = requestedFd(request);
  }

  configure(config: LineConfig): void {
    this.#call(IOCTL.setConfig, lineConfig(config));
  }

  read(): 0 | 1 {
    const values = lineValues();
    this.#call(IOCTL.getValues, values);
    return values[0] === 1 ? 1 : 0;
  }

  write(level: 0 | 1): void {
    this.#call(IOCTL.setValues, lineValues(level));
  }

  /** Throws away the edges that were not read yet; the number of the last one, if there was any. */
  drain(): number | undefined {
    const buffer = new Uint8Array(EVENT_BYTES * 64);
    let last: number | undefined;
    while (hasEvents(this.system, this.fd)) {
      const length = Number(this.system.read(this.fd, buffer, buffer.length));
      if (length <= 0) break;
      last = readEvents(buffer.subarray(0, length)).at(-1)?.seq ?? last;
    }
    return last;
  }

  close(): void {
    this.system.close(this.fd);
  }

  #call(request: number, argument: Uint8Array): void {
    if (this.system.ioctl(this.fd, request, argument) < 0) throw systemError(this.system.errno(), this.what);
  }
}

/** `struct pollfd` for each descriptor, all waiting for input. */
export function pollList(fds: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * fds.length);
  const fields = new DataView(bytes.buffer);
  for (const [index, fd] of fds.entries()) {
    fields.setInt32(8 * index, fd, true);
    fields.setInt16(8 * index + 4, POLLIN, true);
  }
  return bytes;
}

/** Whether the descriptor at `index` has something: input, an error or its end. */
export function polled(list: Uint8Array, index: number): boolean {
  return new DataView(list.buffer, list.byteOffset).getInt16(8 * index + 6, true) !== 0;
}

function hasEvents(system: Libc, fd: number): boolean {
  const list = pollList([fd]);
  return system.poll(list, 1, 0) > 0 && polled(list, 0);
}
