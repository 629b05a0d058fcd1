import { constants } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deliver, Provider, Session } from '#runtime/base/contract.js';
import contract, { type Grant } from '#runtime/providers/iot-serial/contract.js';
import { SimulatedSerial } from '#runtime/providers/iot-serial/sim.js';
import { Cleanup } from '../../helpers/cleanup.js';
import {
  call,
  createProvider,
  failure,
  providerEnv,
  recordingLogger,
  session,
  until,
} from '../../helpers/providers.js';
import { PtyCable } from './pty.js';

const KIB = 1024;
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe('a port that nobody reads or writes fast enough', () => {
  let provider: Provider;
  let far: FileHandle;

  beforeEach(async () => {
    const folder = await mkdtemp('/dev/shm/iot-serial-');
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const cable = new PtyCable(folder, 'meter');
    await cable.plug({ held: false });
    cleanup.add(() => cable.unplug());
    const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
    far = await open(cable.far, O_RDWR | O_NOCTTY | O_NONBLOCK);
    cleanup.add(() => far.close());
    const settings = { ports: { meter: { path: cable.near } } };
    provider = await createProvider(contract, 'serialport', providerEnv(), settings);
    await provider.start(new AbortController().signal);
    cleanup.add(() => provider.stop());
  });

  const bind = async (deliver: Deliver, framing: unknown = 'raw') => {
    const bound = session(contract, 'actor', { ports: { meter: { framing } } });
    await provider.bind(bound, deliver);
    return bound;
  };
  /** What the far end does until it cannot for a while; resolves with the bytes that it could. */
  async function untilStuck(work: () => Promise<number>): Promise<number> {
    let done = 0;
    for (let stuck = 0; stuck < 40; ) {
      const bytes = await work().catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EAGAIN') throw error;
        return 0;
      });
      done += bytes;
      stuck = bytes === 0 ? stuck + 1 : 0;
      if (bytes === 0) await sleep(10);
    }
    return done;
  }

  it('stops the other side while the actor is busy with one frame, and loses none of what it took', async () => {
    const line = `${'x'.repeat(99)}\n`;
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let frames = 0;
    await bind(
      async (operation) => {
        if (operation !== 'Data') return;
        await gate;
        frames++;
      },
      { delimiter: '\n' },
    );
    const most = 2_000 * KIB;
    let taken = 0;
    const piece = Buffer.from(line.repeat(40));
    await untilStuck(async () => {
      if (taken >= most) return 0;
      // Always from where the last line was cut.
      const { bytesWritten } = await far.write(piece, taken % line.length);
      taken += bytesWritten;
      return bytesWritten;
    });
    expect(taken).toBeGreaterThan(line.length);
    expect(taken).toBeLessThan(most / 2);
    expect(frames).toBe(0);
    go();
    const rest = (line.length - (taken % line.length)) % line.length;
    for (let sent = 0; sent < rest; ) {
      const all = Buffer.from(line).subarray(line.length - rest + sent);
      const wrote = await far.write(all).catch(() => ({ bytesWritten: 0 }));
      sent += wrote.bytesWritten;
      if (wrote.bytesWritten === 0) await sleep(10);
    }
    await until(() => frames === (taken + rest) / line.length, 'every line', 30_000);
  }, 60_000);

  it('takes a bounded number of bytes from the actor, refuses more, and loses none of those', async () => {
    const writer = await bind(async () => undefined);
    const write = (data: Uint8Array) =>
      call(contract, provider, writer as Session<Grant>, 'Write', { port: 'meter', data });
    const taken: Promise<unknown>[] = [];
    let refused = '';
    let asked = 0;
    while (refused === '' && asked < 64) {
      const data = new Uint8Array(64 * KIB).fill(++asked);
      const one = write(data);
      const why = await Promise.race([failure(() => one), sleep(50, 'waits')]);
      if (why === 'waits' || why === 'nothing was thrown') taken.push(one);
      else refused = why;
    }
    expect(refused).toMatch(/^E_QUEUE_FULL port meter does not take what is written: \d+ bytes wait$/);
    expect(taken.length).toBeLessThanOrEqual(8);
    const buffer = Buffer.alloc(64 * KIB);
    const counts = new Map<number, number>();
    const read = () =>
      untilStuck(async () => {
        const { bytesRead } = await far.read(buffer, 0, buffer.length, null);
        for (const byte of buffer.subarray(0, bytesRead)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
        return bytesRead;
      });
    await read();
    await Promise.all(taken);
    await write(Uint8Array.of(255));
    await read();
    expect([...counts]).toEqual([...taken.map((_, index) => [index + 1, 64 * KIB]), [255, 1]]);
  }, 60_000);
});

describe('a loose contact', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('does not fill the queue of an actor that takes nothing, and is told in full once it does', async () => {
    const provider = new SimulatedSerial(['meter'], recordingLogger([]));
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const told: string[] = [];
    const bound = session(contract, 'actor', { ports: { meter: {} } }) as Session<Grant>;
    await provider.bind(bound, async (operation) => {
      await gate;
      told.push(operation);
    });
    for (let round = 0; round < 1_000; round++) {
      provider.unplug('meter');
      provider.plug('meter');
      await vi.advanceTimersByTimeAsync(260);
    }
    go();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told.length).toBeGreaterThan(32);
    expect(told.length).toBeLessThan(80);
    expect(told).toEqual(told.map((_, index) => (index % 2 === 0 ? 'Opened' : 'Closed')));
    expect(told.at(-1)).toBe('Opened');
    await provider.stop();
  });
});
