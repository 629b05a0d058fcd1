import { readdirSync } from 'node:fs';
import { release as osRelease } from 'node:os';
import { join } from 'node:path';
import { IotError } from '../../../base/errors.js';
import { errnoName, systemError } from '../../../base/linux/errno.js';
import { joinGroup } from '../../../base/linux/group.js';
import { type Libc, libc } from '../../../base/linux/libc.js';
import { chipInfoBuffer, IOCTL, lineInfoBuffer, readChipInfo, readLineInfo } from './uapi.js';

/** `fcntl.h`: O_RDWR | O_CLOEXEC. */
const OPEN_FLAGS = 0o2 | 0o2000000;

export interface ChipInfo {
  /** `/dev/gpiochip0`. */
  readonly path: string;
  /** By which boards know it: numbers move between kernels. */
  readonly label: string;
  readonly lines: number;
  /** Why it could not be asked; then `label` is empty. */
  readonly problem?: string;
}

/** The chips of this machine, those that may not be opened included. */
export function listChips(folder = '/dev', system: Libc = libc()): ChipInfo[] {
  const names = readdirSync(folder).filter((name) => /^gpiochip\d+$/.test(name));
  return names
    .sort((one, other) => Number(one.slice(8)) - Number(other.slice(8)))
    .map((name) => describe(join(folder, name), system));
}

function describe(path: string, system: Libc): ChipInfo {
  const fd = system.open(path, OPEN_FLAGS);
  if (fd < 0) return { path, label: '', lines: 0, problem: errnoName(system.errno()) };
  try {
    const info = chipInfoBuffer();
    if (system.ioctl(fd, IOCTL.chipInfo, info) < 0) {
      return { path, label: '', lines: 0, problem: errnoName(system.errno()) };
    }
    const { label, lines } = readChipInfo(info);
    return { path, label, lines };
  } finally {
    system.close(fd);
  }
}

/** An open chip. */
export class Chip {
  constructor(
    readonly path: string,
    readonly fd: number,
    private readonly system: Libc,
    /** How many there are. */
    readonly lines: number,
  ) {}

  /** Opens the chip with that label. Throws E_UNAVAILABLE, naming those there are. */
  static open(label: string, system: Libc = libc(), folder = '/dev'): Chip {
    const chips = listChips(folder, system);
    const found = chips.find((chip) => chip.label === label);
    if (found === undefined) throw notThere(label, chips);
    const fd = system.open(found.path, OPEN_FLAGS);
    if (fd < 0) throw systemError(system.errno(), `chip ${label} (${found.path})`);
    const chip = new Chip(found.path, fd, system, found.lines);
    if (found.lines > 0 && chip.lineInfo(0) === undefined) {
      const errno = system.errno();
      chip.close();
      throw oldKernel(errno);
    }
    return chip;
  }

  /** Who holds line number `offset`. */
  lineInfo(offset: number): { name: string; consumer: string; used: boolean } | undefined {
    const info = lineInfoBuffer(offset);
    return this.system.ioctl(this.fd, IOCTL.lineInfo, info) < 0 ? undefined : readLineInfo(info);
  }

  close(): void {
    this.system.close(this.fd);
  }
}

/** `release`: of this kernel, `5.4.0-42`. */
export function oldKernel(errno: number, release = osRelease()): IotError {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  const what = 'GPIO needs the character device of Linux 5.10 or later';
  if (major > 5 || (major === 5 && minor >= 10)) {
    return new IotError(
      'E_UNAVAILABLE',
      `${what}: this kernel, ${release}, does not have it (${errnoName(errno)})`,
    );
  }
  return new IotError('E_UNAVAILABLE', `${what}, this is ${release}`, { hint: 'install a newer kernel' });
}

function notThere(label: string, chips: readonly ChipInfo[]): IotError {
  const closed = chips.find((chip) => chip.problem !== undefined);
  if (closed !== undefined) {
    return new IotError('E_UNAVAILABLE', `${closed.path} may not be opened (${closed.problem})`, {
      hint: joinGroup(closed.path),
    });
  }
  const known = chips.map((chip) => chip.label).join(', ');
  return new IotError('E_UNAVAILABLE', `this machine has no GPIO chip "${label}"`, {
    hint:
      known === ''
        ? 'board: sim works without pins'
        : `it has ${known}: is board: right? iot-host board list`,
  });
}
