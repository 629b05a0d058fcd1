import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { ActorBench } from '../helpers/actor-bench.js';
import { Cleanup } from '../helpers/cleanup.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const input = { direction: 'in', bias: 'pull-up', edge: 'both' };
const start = () =>
  ActorBench.start(cleanup, 'door', [
    { contract: 'iot:gpio', lines: { GPIO17: input, BUTTON: input } },
    { contract: 'iot:timer' },
    { contract: 'iot:mqtt', publish: ['home/door/+'] },
  ]);
const DOOR = 'home/door/GPIO17';
const BUTTON = 'home/door/BUTTON';

async function press(bench: ActorBench, line: string, value: 0 | 1) {
  bench.gpio.press(line, value);
  await bench.settle();
}

describe('door', () => {
  it('says at once how things stand, and each opening and closing', async () => {
    const bench = await start();
    expect(bench.last(DOOR)).toEqual({ state: 'open', count: 0, lost: 0 });
    expect(bench.last(BUTTON)).toBeUndefined();
    await press(bench, 'GPIO17', 0);
    expect(bench.last(DOOR)).toEqual({ state: 'closed', count: 0, lost: 0 });
    for (const level of [1, 0, 1] as const) await press(bench, 'GPIO17', level);
    expect(bench.last(DOOR)).toEqual({ state: 'open', count: 2, lost: 0 });
    expect(bench.mqtt.published.every(({ topic, retain }) => topic === DOOR && retain)).toBe(true);
  });

  it('tells a press, a long one, and the release', async () => {
    const bench = await start();
    await press(bench, 'BUTTON', 0);
    expect(bench.last(BUTTON)).toEqual({ event: 'press', count: 1, lost: 0 });
    await bench.pass(999);
    expect(bench.last(BUTTON)).toMatchObject({ event: 'press' });
    await bench.pass(2);
    expect(bench.last(BUTTON)).toEqual({ event: 'long', count: 1, lost: 0 });
    await press(bench, 'BUTTON', 1);
    expect(bench.last(BUTTON)).toMatchObject({ event: 'release', count: 1 });
    await press(bench, 'BUTTON', 0);
    await press(bench, 'BUTTON', 1);
    await bench.pass(5_000);
    const events = bench.mqtt.published.filter(({ topic }) => topic === BUTTON);
    expect(events.map(({ payload }) => JSON.parse(payload).event)).toEqual([
      ...['press', 'long', 'release', 'press', 'release'],
    ]);
    expect(events.some(({ retain }) => retain)).toBe(false);
  });

  it('says that a door was left open, until it is closed', async () => {
    const bench = await start();
    await press(bench, 'GPIO17', 0);
    await press(bench, 'GPIO17', 1);
    await bench.pass(299_999);
    expect(bench.last(DOOR)).toEqual({ state: 'open', count: 1, lost: 0 });
    await bench.pass(2);
    expect(bench.last(DOOR)).toEqual({ state: 'open', long: true, count: 1, lost: 0 });
    await press(bench, 'GPIO17', 0);
    expect(bench.last(DOOR)).toEqual({ state: 'closed', count: 1, lost: 0 });
    await press(bench, 'GPIO17', 1);
    await press(bench, 'GPIO17', 0);
    await bench.pass(600_000);
    expect(bench.last(DOOR)).toEqual({ state: 'closed', count: 2, lost: 0 });
  });

  it('reports edges that were lost, believes the line, and counts none twice', async () => {
    const bench = await start();
    const edge = (seq: number, kind: string) =>
      bench.host.call(
        'door',
        'Edge',
        encodePayload('cbor', { line: 'GPIO17', edge: kind, timestampNs: 1, seq }),
      );
    await edge(1, 'falling');
    await edge(1, 'falling');
    expect(bench.last(DOOR)).toEqual({ state: 'closed', count: 0, lost: 0 });
    // Two are missing, and the line says open, whatever the last edge was.
    await edge(4, 'falling');
    expect(bench.last(DOOR)).toEqual({ state: 'open', count: 1, lost: 2 });
    await edge(5, 'falling');
    expect(bench.last(DOOR)).toEqual({ state: 'closed', count: 1, lost: 2 });
    await expect(edge(0, 'up')).resolves.toBeDefined();
    const strange = encodePayload('cbor', { line: 'LED', edge: 'rising', timestampNs: 1, seq: 1 });
    await expect(bench.host.call('door', 'Edge', strange)).rejects.toThrow('does not watch');
  });
});
