import { clockNow } from './clocks.js';
import { ERRNO, type Errno } from './errno.js';
import { fault } from './stop.js';
import type { WasiGuest } from './wasi-guest.js';

/** Where the fields of a clock subscription lie: snapshot 0 has an identifier of its own in front of them. */
export interface PollLayout {
  readonly subscriptionBytes: number;
  readonly clockId: number;
  readonly timeout: number;
  readonly flags: number;
}

export const PREVIEW1_POLL: PollLayout = { subscriptionBytes: 48, clockId: 16, timeout: 24, flags: 40 };
export const UNSTABLE_POLL: PollLayout = { subscriptionBytes: 56, clockId: 24, timeout: 32, flags: 48 };

const TAG = 8;
const CLOCK_TAG = 0;
const ABSOLUTE = 1;
const EVENT_BYTES = 32;
const MAX_SUBSCRIPTIONS = 64;
const NS_PER_MS = 1_000_000;

interface Wait {
  readonly userdata: bigint;
  readonly type: number;
  /** Nanoseconds from now; nothing to wait for when there is an error. */
  readonly delay: bigint;
  readonly error: Errno;
}

/**
 * Waits for the earliest of some clocks; anything else is answered at once with `badf`. A guest whose wait would
 * end after its call's deadline is stopped with E_DEADLINE right away: it could not answer in time anyhow, and
 * until then it would keep the thread from other actors.
 */
export function pollOneoff(
  guest: WasiGuest,
  layout: PollLayout,
  [subscriptions = 0, events = 0, count = 0, stored = 0]: readonly number[],
): Errno {
  const { memory } = guest;
  const total = count >>> 0;
  if (total === 0 || total > MAX_SUBSCRIPTIONS) return ERRNO.inval;
  memory.bytes(subscriptions, total * layout.subscriptionBytes);
  memory.bytes(events, total * EVENT_BYTES);
  memory.u32(stored);
  const waits = Array.from({ length: total }, (_, index) =>
    readWait(guest, layout, (subscriptions >>> 0) + index * layout.subscriptionBytes),
  );
  let first = waits[0]?.delay ?? 0n;
  for (const { delay } of waits) if (delay < first) first = delay;
  if (first > 0n) sleep(guest, first);
  const due = waits.filter(({ delay }) => delay <= first);
  due.forEach(({ userdata, error, type }, index) => {
    const at = (events >>> 0) + index * EVENT_BYTES;
    memory.bytes(at, EVENT_BYTES).fill(0);
    memory.setU64(at, userdata);
    memory.setU32(at + TAG, error | (type << 16));
  });
  memory.setU32(stored, due.length);
  return ERRNO.success;
}

function readWait({ memory, clock }: WasiGuest, layout: PollLayout, at: number): Wait {
  const userdata = memory.u64(at);
  const type = memory.u8(at + TAG);
  if (type !== CLOCK_TAG) return { userdata, type, delay: 0n, error: ERRNO.badf };
  const now = clockNow(clock, memory.u32(at + layout.clockId));
  if (now === undefined) return { userdata, type, delay: 0n, error: ERRNO.inval };
  const timeout = memory.u64(at + layout.timeout);
  const delay = (memory.u16(at + layout.flags) & ABSOLUTE) === 0 ? timeout : timeout - now;
  return { userdata, type, delay: delay < 0n ? 0n : delay, error: ERRNO.success };
}

function sleep(guest: WasiGuest, nanoseconds: bigint): void {
  const milliseconds = Number(nanoseconds) / NS_PER_MS;
  const left = guest.remainingMs();
  if (milliseconds > left) {
    throw fault(
      'E_DEADLINE',
      `the actor wanted to sleep ${milliseconds} ms with ${Math.max(0, Math.floor(left))} ms left for its call`,
    );
  }
  guest.clock.sleep(milliseconds);
}
