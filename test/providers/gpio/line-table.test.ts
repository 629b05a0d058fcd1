import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { LineTable } from '#runtime/providers/iot-gpio/chardev/line-table.js';

const TABLE = new URL('../../../dist/runtime/providers/iot-gpio/chardev/line-table.js', import.meta.url).href;
/** What the threads and the test share. */
const [FORBIDDEN, INSIDE, USES, REFUSED, VIOLATIONS, STAY] = [0, 1, 2, 3, 4, 5];

/** Uses line 0 as `blink` all the time; counts uses that begin or go on while they are forbidden. */
const THREAD = `
const { workerData } = require('node:worker_threads');
import(${JSON.stringify(TABLE)}).then(({ LineTable }) => {
  const table = new LineTable(workerData.memory);
  const seen = new Int32Array(workerData.shared);
  for (;;) {
    const used = table.use(0, 'blink', true, (fd) => {
      Atomics.add(seen, ${INSIDE}, 1);
      for (let spin = 0; spin < 50 || Atomics.load(seen, ${STAY}) === 1; spin++) {
        if (Atomics.load(seen, ${FORBIDDEN}) === 1) { Atomics.add(seen, ${VIOLATIONS}, 1); break; }
      }
      Atomics.sub(seen, ${INSIDE}, 1);
      return fd;
    });
    if (used !== undefined && used !== 40) Atomics.add(seen, ${VIOLATIONS}, 1);
    Atomics.add(seen, used === undefined ? ${REFUSED} : ${USES}, 1);
  }
});`;

describe('LineTable', () => {
  const threads: Worker[] = [];
  afterEach(async () => {
    for (const thread of threads.splice(0)) await thread.terminate();
  });

  const share = () => {
    const table = LineTable.of(2);
    const shared = new SharedArrayBuffer(4 * 6);
    const seen = new Int32Array(shared);
    const load = (field: number) => Atomics.load(seen, field);
    return { table, seen, load, workerData: { memory: table.memory, shared } };
  };
  const start = async (count: number, workerData: unknown) => {
    for (let index = 0; index < count; index++) {
      const thread = new Worker(THREAD, { eval: true, workerData });
      threads.push(thread);
      await once(thread, 'online');
    }
  };
  const grows = async (load: () => number) => {
    const before = load();
    while (load() < before + 5) await new Promise(setImmediate);
  };

  it('lends a line to its holder only, and to be driven only as an output', () => {
    const table = LineTable.of(2);
    const get = (line: number, owner: string, drive = false) => table.use(line, owner, drive, (fd) => fd);
    expect(get(0, 'blink')).toBeUndefined();
    table.open(0, 7, true, 'blink');
    table.open(1, 8, false, 'blink (binding outside)');
    const all = [get(0, 'blink'), get(0, 'blink', true), get(0, 'thief'), get(0, 'blink (binding outside)')];
    expect(all).toEqual([7, 7, undefined, undefined]);
    expect([get(1, 'blink (binding outside)'), get(1, 'blink (binding outside)', true)]).toEqual([
      8,
      undefined,
    ]);
    table.driveAlone(0, true);
    expect([get(0, 'blink'), get(0, 'blink', true)]).toEqual([7, undefined]);
    table.driveAlone(0, false);
    expect(get(0, 'blink', true)).toBe(7);
    expect(() =>
      table.use(0, 'blink', true, () => {
        throw new Error('ioctl');
      }),
    ).toThrow('ioctl');
    table.close(0);
    expect(get(0, 'blink')).toBeUndefined();
    table.open(0, 0, true, 'other');
    expect([get(0, 'blink'), get(0, 'other')]).toEqual([undefined, 0]);
  });

  it.each(['close', 'driveAlone'] as const)('has nobody in a line once %s has returned', async (how) => {
    const { table, seen, load, workerData } = share();
    table.open(0, 40, true, 'blink');
    await start(2, workerData);
    for (let round = 0; round < 60; round++) {
      await grows(() => load(USES));
      if (how === 'close') table.close(0);
      else table.driveAlone(0, true);
      expect(load(INSIDE)).toBe(0);
      Atomics.store(seen, FORBIDDEN, 1);
      await grows(() => load(REFUSED));
      Atomics.store(seen, FORBIDDEN, 0);
      if (how === 'close') table.open(0, 40, true, 'blink');
      else table.driveAlone(0, false);
    }
    expect(load(VIOLATIONS)).toBe(0);
  });

  it('gives up a thread that was ended inside, and is whole afterwards', async () => {
    const { table, seen, load, workerData } = share();
    table.open(0, 40, true, 'blink');
    Atomics.store(seen, STAY, 1);
    await start(2, workerData);
    while (load(INSIDE) < 2) await new Promise(setImmediate);
    for (const thread of threads.splice(0)) await thread.terminate();
    const users = () => (new Int32Array(table.memory)[3] ?? 0) & 0xffff;
    expect(users()).toBe(2);
    table.driveAlone(0, true);
    expect(users()).toBe(0);
    table.driveAlone(0, false);
    // One that was given up and comes out all the same is not counted twice.
    table.use(0, 'blink', true, () => table.driveAlone(0, true));
    expect(users()).toBe(0);
    table.driveAlone(0, false);
    expect(table.use(0, 'blink', true, (fd) => [fd, users()])).toEqual([40, 1]);
    expect(users()).toBe(0);
  });
});
