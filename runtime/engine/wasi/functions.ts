import { CLOCK_RESOLUTION, clockNow, isClock } from './clocks.js';
import { ERRNO, type Errno } from './errno.js';
import { type PollLayout, PREVIEW1_POLL, pollOneoff, UNSTABLE_POLL } from './poll.js';
import { GuestStopped } from './stop.js';
import type { WasiGuest } from './wasi-guest.js';

/** `arguments` are the low 32 bits of each parameter, which is all that any of these looks at. */
type Run = (guest: WasiGuest, args: readonly number[], poll: PollLayout) => Errno;

/** One function that guests may import; its number is its index in `WASI_IMPORTS`. */
export interface WasiImport {
  readonly module: string;
  readonly name: string;
  readonly signature: string;
  run(guest: WasiGuest, args: readonly number[]): Errno;
}

const IOVEC_BYTES = 8;
const MAX_IOVECS = 1024;

const fdWrite: Run = ({ memory, output, writeBytes }, [fd = 0, iovecs = 0, count = 0, written = 0]) => {
  const lines = output(fd);
  if (lines === undefined) return ERRNO.badf;
  const total = count >>> 0;
  if (total > MAX_IOVECS) return ERRNO.inval;
  memory.bytes(iovecs, total * IOVEC_BYTES);
  memory.u32(written);
  // All addresses are looked at before anything is written: a call that fails leaves nothing in the log.
  const parts = Array.from({ length: total }, (_, index) => {
    const at = (iovecs >>> 0) + index * IOVEC_BYTES;
    return memory.bytes(memory.u32(at), memory.u32(at + 4));
  });
  let room = writeBytes;
  for (const part of parts) {
    const taken = part.subarray(0, room);
    lines.write(taken);
    room -= taken.length;
  }
  memory.setU32(written, writeBytes - room);
  return ERRNO.success;
};

const clockTimeGet: Run = ({ memory, clock }, [id = 0, _precision, at = 0]) => {
  if (!isClock(id)) return ERRNO.inval;
  memory.u64(at);
  memory.setU64(at, clockNow(clock, id) ?? 0n);
  return ERRNO.success;
};

const clockResGet: Run = ({ memory }, [id = 0, at = 0]) => {
  if (!isClock(id)) return ERRNO.inval;
  memory.setU64(at, CLOCK_RESOLUTION);
  return ERRNO.success;
};

const randomGet: Run = ({ memory, random }, [at = 0, length = 0]) => {
  random(memory.bytes(at, length));
  return ERRNO.success;
};

/** There are no arguments and no environment: nothing of the machine leaks through them. */
const noSizes: Run = ({ memory }, [count = 0, bytes = 0]) => {
  memory.u32(bytes);
  memory.setU32(count, 0);
  memory.setU32(bytes, 0);
  return ERRNO.success;
};

const nothing: Run = () => ERRNO.success;
/** No files: nothing but 1 and 2 is open, and these can only be written. */
const notOpen: Run = () => ERRNO.badf;

const procExit: Run = (_guest, [code = 0]) => {
  throw new GuestStopped({ kind: 'exit', code: code >>> 0 });
};

const FUNCTIONS: readonly (readonly [name: string, signature: string, run: Run])[] = [
  ['fd_write', 'i(iiii)', fdWrite],
  ['fd_read', 'i(iiii)', notOpen],
  ['fd_close', 'i(i)', notOpen],
  ['fd_seek', 'i(iIii)', notOpen],
  ['fd_fdstat_get', 'i(ii)', notOpen],
  ['fd_prestat_get', 'i(ii)', notOpen],
  ['fd_prestat_dir_name', 'i(iii)', notOpen],
  ['proc_exit', 'v(i)', procExit],
  ['random_get', 'i(ii)', randomGet],
  ['clock_time_get', 'i(iIi)', clockTimeGet],
  ['clock_res_get', 'i(ii)', clockResGet],
  ['args_get', 'i(ii)', nothing],
  ['args_sizes_get', 'i(ii)', noSizes],
  ['environ_get', 'i(ii)', nothing],
  ['environ_sizes_get', 'i(ii)', noSizes],
  ['sched_yield', 'i()', nothing],
  ['poll_oneoff', 'i(iiii)', (guest, args, poll) => pollOneoff(guest, poll, args)],
];

function inModule(module: string, poll: PollLayout): WasiImport[] {
  return FUNCTIONS.map(([name, signature, run]) => ({
    module,
    name,
    signature,
    run: (guest, args) => run(guest, args, poll),
  }));
}

/**
 * WASI preview 1 under the names it has had: `wasi_unstable` (snapshot 0, and plain `wasi` in the first hosts) lays
 * out subscriptions differently, and numbers the `whence` of `fd_seek` cur, end, set instead of set, cur, end, which
 * does not matter here as nothing can be sought.
 */
export const WASI_IMPORTS: readonly WasiImport[] = [
  ...inModule('wasi_snapshot_preview1', PREVIEW1_POLL),
  ...inModule('wasi_unstable', UNSTABLE_POLL),
  ...inModule('wasi', UNSTABLE_POLL),
];
