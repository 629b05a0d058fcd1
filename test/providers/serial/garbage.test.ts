import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '#runtime/base/contract.js';
import contract, { type Grant } from '#runtime/providers/iot-serial/contract.js';
import { SimulatedSerial } from '#runtime/providers/iot-serial/sim.js';
import { recordingLogger, session } from '../../helpers/providers.js';

const MAX_FRAME = 16;
const END = 0x0a;
/** How long a port that is gone is out of sight at most. */
const LOOK_MS = 250;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Lets the queue to the actor run empty. */
const settled = () => vi.advanceTimersByTimeAsync(1);

/** What the other side does: sends some bytes, any at all, or is unplugged and plugged in again. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  // Line ends are rare among random bytes.
  {
    weight: 6,
    arbitrary: fc.array(fc.constantFrom(END, 1, 2), { maxLength: 20 }).map((b) => Uint8Array.from(b)),
  },
  { weight: 1, arbitrary: fc.constant('replug' as const) },
);

/** The frames of one stretch between two unplugs: what ends with a line end and is not too long. */
function framesOf(stretch: readonly number[]): number[][] {
  const frames: number[][] = [[]];
  for (const byte of stretch) {
    if (byte === END) frames.push([]);
    else frames.at(-1)?.push(byte);
  }
  return frames.slice(0, -1).filter((frame) => frame.length <= MAX_FRAME);
}

describe('garbage and half frames', () => {
  it('leave every good frame whole and in order, and the actor told of each unplug', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const provider = new SimulatedSerial(['meter'], recordingLogger([]));
        const told: unknown[] = [];
        const grant = { ports: { meter: { framing: { delimiter: '\n' }, maxFrame: MAX_FRAME } } };
        const reader = session(contract, 'reader', grant) as Session<Grant>;
        await provider.bind(reader, async (operation, message) => {
          const { data } = message as { data?: Uint8Array };
          told.push(data === undefined ? operation : [...data]);
        });
        const expected: unknown[] = ['Opened'];
        let stretch: number[] = [];
        for (const one of steps) {
          if (one !== 'replug') {
            provider.send('meter', one);
            stretch.push(...one);
            continue;
          }
          await settled();
          provider.unplug('meter');
          provider.plug('meter');
          await vi.advanceTimersByTimeAsync(LOOK_MS);
          expected.push(...framesOf(stretch), 'Closed', 'Opened');
          stretch = [];
        }
        expected.push(...framesOf(stretch));
        await settled();
        await provider.stop();
        expect(told).toEqual(expected);
      }),
    );
  });
});
