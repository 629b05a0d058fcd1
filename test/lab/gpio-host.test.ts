import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { silentLogger } from '#runtime/base/logger.js';
import type { Host } from '#runtime/host/host.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { guestModule, passed } from '../helpers/guest.js';
import { HandClock } from '../helpers/hand-clock.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { TEST_BOARD, until } from '../helpers/providers.js';
import { type Beside, beside, seenBy, WATCHER } from './beside.js';

const LABEL = 'lab-host';
const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: LABEL } };
const LINES = { LED: { direction: 'out' }, RELAY: { direction: 'out', safe: 1 } };
const [LED, RELAY] = [0, 1];
const actors = [
  { name: 'a', bindings: [{ contract: 'iot:gpio', lines: LINES }], limits: { deadlineMs: 10_000 } },
];
const module = (version: string, more = {}) => guestModule({ version, capabilities: ['iot:gpio'], ...more });
const gpio = (operation: string, request: unknown) =>
  passed('default', 'iot:gpio', operation, encodePayload('cbor', request));

describe('outputs of an actor on a real chip', () => {
  let chip: SimChip;
  let running: TestHost;
  let host: Host;
  let clock: HandClock;
  let watcher: Beside;

  const write = (line: string, value: number) => host.call('a', 'Pass', gpio('Write', { line, value }));
  const levels = () => [chip.level(LED), chip.level(RELAY)];
  const state = () => host.actors()[0]?.state;
  const seen = () => seenBy(watcher);

  beforeEach(async () => {
    chip = new SimChip(LABEL, 18);
    clock = new HandClock();
    running = await startHost({ actors }, { a: module('1') }, silentLogger, [], clock, board);
    host = running.host;
    expect(host.problems()).toEqual([]);
    await write('LED', 1);
    await write('RELAY', 0);
    expect(levels()).toEqual([1, 0]);
    watcher = beside(WATCHER, [chip.valueFile(LED)]);
    expect(await watcher.line()).toBe('ready');
  });
  afterEach(async () => {
    await watcher.end();
    await running.stop();
    chip.remove();
  });

  it('keep their level without a break while the actor is swapped, and when the one before comes back', async () => {
    await seen();
    for (const version of ['2', '3', '4']) {
      const trial = await (await host.prepare('a', module(version))).activate();
      await trial.commit();
    }
    const bad = await (await host.prepare('a', module('5', { echoTraps: true }))).activate();
    const echo = host.call('a', 'Echo', new Uint8Array(0));
    await bad.fault;
    await bad.revert();
    await echo;
    const { looks, levels: sampled } = await seen();
    console.log(`${looks} looks at the level during four swaps`);
    expect([sampled, levels(), state()]).toEqual([['1'], [1, 0], 'running']);
    expect(looks).toBeGreaterThan(100);
    await write('LED', 0);
    await until(() => chip.level(LED) === 0, 'the LED off');
    await seen();
    expect((await seen()).levels).toEqual(['0']);
  });

  it('are safe after a trap', async () => {
    await expect(host.call('a', 'Trap', new Uint8Array(0))).rejects.toMatchObject({ code: 'E_TRAP' });
    await until(() => levels().join() === '0,1', 'the safe state');
    await clock.next();
    await until(() => state() === 'running', 'the next start', 60_000);
    await write('LED', 1);
    expect(levels()).toEqual([1, 1]);
  });

  it('are safe after an actor that does not end has been stopped', async () => {
    await expect(host.call('a', 'Loop', new Uint8Array(0))).rejects.toMatchObject({
      code: /E_DEADLINE|E_FUEL/,
    });
    await until(() => levels().join() === '0,1', 'the safe state', 60_000);
  });
});
