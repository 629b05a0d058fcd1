import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import type { Host } from '#runtime/host/host.js';
import type { SimulatedGpio } from '#runtime/providers/iot-gpio/sim.js';
import { type GuestOptions, guestModule, passed } from '../helpers/guest.js';
import { HandClock } from '../helpers/hand-clock.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';
import { recordingLogger, until } from '../helpers/providers.js';

const nothing = new Uint8Array(0);
const LINES = { LED: { direction: 'out' }, RELAY: { direction: 'out', safe: 1 } };
const actors = [
  { name: 'a', bindings: [{ contract: 'iot:gpio', lines: LINES }], limits: { deadlineMs: 2_000 } },
];
const module = (options: GuestOptions = {}) =>
  guestModule({ capabilities: ['iot:gpio', 'wascc:keyvalue'], ...options });
const gpio = (operation: string, request: unknown) =>
  passed('default', 'iot:gpio', operation, encodePayload('cbor', request));

describe('outputs of an actor that nobody is in charge of', () => {
  let running: TestHost;
  let host: Host;
  let clock: HandClock;
  const logs: string[] = [];

  const pins = () => host.providers.get('iot:gpio').provider as unknown as SimulatedGpio;
  const levels = () => [pins().level('LED'), pins().level('RELAY')];
  const state = () => host.actors().find(({ name }) => name === 'a')?.state;
  const reaches = (wanted: string) => until(() => state() === wanted, `a ${wanted}`);
  const write = (line: string, value: number) => host.call('a', 'Pass', gpio('Write', { line, value }));
  const awayFromSafe = async () => {
    await write('LED', 1);
    await write('RELAY', 0);
    expect(levels()).toEqual([1, 0]);
  };
  const trap = () => expect(host.call('a', 'Trap', nothing)).rejects.toMatchObject({ code: 'E_TRAP' });

  beforeEach(async () => {
    clock = new HandClock();
    logs.length = 0;
    running = await startHost({ actors }, { a: module() }, recordingLogger(logs), [], clock);
    host = running.host;
    await awayFromSafe();
  });
  afterEach(() => running.stop());

  it('are safe after a trap, before the actor is started again, and its own afterwards', async () => {
    await trap();
    await until(() => levels().join() === '0,1', 'the safe state');
    await clock.next();
    await reaches('running');
    expect(levels()).toEqual([0, 1]);
    await awayFromSafe();
  });

  it('are safe when it does not end, and in quarantine', async () => {
    await expect(host.call('a', 'Loop', nothing)).rejects.toMatchObject({ code: /E_DEADLINE|E_FUEL/ });
    await until(() => levels().join() === '0,1', 'the safe state');
    for (const _again of [1, 2]) {
      await clock.next();
      await reaches('running');
      await awayFromSafe();
      await trap();
    }
    await reaches('quarantined');
    expect(levels()).toEqual([0, 1]);
  });

  it('are safe when it is stopped, restarted, cleared and removed', async () => {
    await host.call('a', 'Pass', gpio('Pulse', { line: 'LED', ms: 1_000_000 }));
    await host.stopActor('a');
    expect(levels()).toEqual([0, 1]);
    await host.startActor('a');
    await awayFromSafe();
    await host.restartActor('a');
    expect([levels(), state()]).toEqual([[0, 1], 'running']);
    await awayFromSafe();
    await host.clear('a');
    expect([levels(), state()]).toEqual([[0, 1], 'empty']);
  });

  it('keep their level when another module comes, and when the one before comes back', async () => {
    const changes: string[] = [];
    pins().on('change', (line, value) => changes.push(`${line} ${value}`));
    const good = await (await host.prepare('a', module({ version: '2' }))).activate();
    await good.commit();
    expect(levels()).toEqual([1, 0]);
    const bad = await (await host.prepare('a', module({ version: '3', echoTraps: true }))).activate();
    const echo = host.call('a', 'Echo', bytes('still here'));
    await bad.fault;
    await bad.revert();
    expect(text(await echo)).toBe('still here');
    const stillborn = await host.prepare('a', module({ startTraps: true }));
    await expect(stillborn.activate()).rejects.toMatchObject({ code: 'E_TRAP' });
    expect([levels(), changes, state()]).toEqual([[1, 0], [], 'running']);
  });

  it('are safe with a provider that comes while the actor is down', async () => {
    const slot = host.providers.get('iot:gpio');
    const exported = (await slot.provider?.exportState?.()) as { sessions: unknown[] };
    expect(exported.sessions).toMatchObject([{ levels: { LED: 1, RELAY: 0 } }]);
    await slot.remove();
    await host.stopActor('a');
    await slot.start();
    expect(levels()).toEqual([0, 1]);
    await host.startActor('a');
    await awayFromSafe();
  });
});
