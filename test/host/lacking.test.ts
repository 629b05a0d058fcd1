import { afterEach, expect, it } from 'vitest';
import type { Contract } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import { checkedActor } from '../helpers/actors.js';
import { fakeStore } from '../helpers/fake-store.js';
import { guestModule } from '../helpers/guest.js';
import { HandClock } from '../helpers/hand-clock.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { recordingLogger, until } from '../helpers/providers.js';

/** A module that was pushed and worked; then its slot, or a binding of it, was taken out of the configuration. */
const module = guestModule({ startCallsHost: true, capabilities: ['wascc:keyvalue', 'iot:timer'] });
const nothing = new Uint8Array(0);

let running: TestHost;
let clock: HandClock;
let lines: string[];
let quarantined: string[];
afterEach(() => running.stop());

async function start(
  bindings: readonly object[],
  guest = module,
  fakes: readonly Contract[] = [],
): Promise<void> {
  clock = new HandClock();
  lines = [];
  quarantined = [];
  const config = { actors: [{ name: 'a', bindings }] };
  running = await startHost(config, { a: guest }, recordingLogger(lines), fakes, clock);
  running.host.onQuarantine((slot) => quarantined.push(slot));
}
const actor = () => running.host.actors()[0];

it('an actor whose Start lacks a binding waits for it, says what to type, and is not taken for a bad module', async () => {
  await start([]);
  expect(actor()).toMatchObject({
    state: 'backoff',
    restarts: 0,
    problem: 'it waits for what its Start needs and nobody has bound: wascc:keyvalue, iot:timer',
  });
  expect(running.host.problems()).toEqual([
    expect.stringMatching(/nobody has bound: .*; iot-host bind a wascc:keyvalue KEY=VALUE….*iot-host rm a /),
  ]);
  await expect(running.host.call('a', 'Version', nothing)).rejects.toMatchObject({
    code: 'E_NOT_RUNNING',
    message: expect.stringContaining('nobody has bound: wascc:keyvalue'),
    hint: expect.stringContaining('iot-host bind a wascc:keyvalue'),
  });
  // Neither tried again and again nor put into quarantine, which would bring the module before it back.
  expect(clock.waits()).toEqual([]);
  expect(lines.filter((line) => line.includes('nobody has bound'))).toHaveLength(1);
  await running.host.restartActor('a');
  for (let n = 0; n < 5; n++) await running.host.startActor('a');
  expect(actor()).toMatchObject({ state: 'backoff' });
  expect(quarantined).toEqual([]);
});

it('it starts as soon as it is bound', async () => {
  await start([]);
  await running.host.bind('a', { contract: 'iot:timer', name: 'default' });
  await until(() => /nobody has bound: wascc:keyvalue$/.test(actor()?.problem ?? ''), 'only one is missing');
  await running.host.bind('a', { contract: 'wascc:keyvalue', name: 'default' });
  await until(() => actor()?.state === 'running', 'running');
  expect(actor()?.problem).toBeUndefined();
  await running.host.call('a', 'Version', nothing);
  expect(running.host.problems()).toEqual([]);
});

it('stopped meanwhile, it stays stopped when it is bound', async () => {
  await start([]);
  await running.host.stopActor('a');
  await running.host.bind('a', { contract: 'wascc:keyvalue', name: 'default' });
  await running.host.stopActor('a');
  expect(actor()?.state).toBe('stopped');
});

it('a Start that fails for its own reasons is a fault as before', async () => {
  await start([], guestModule({ startTraps: true }));
  expect(actor()).toMatchObject({ state: 'backoff', problem: expect.not.stringContaining('bound') });
  expect(clock.waits()).toHaveLength(1);
});

it.each([
  ['E_NOT_BOUND', { capabilities: ['wascc:keyvalue'] }],
  ['E_PROVIDER', { startTriesMore: true, capabilities: ['wascc:keyvalue', 'acme:nothing'] }],
] as const)(
  'one whose binding is there, and whose provider says %s, is tried again later',
  async (code, more) => {
    const { contract, plans } = fakeStore();
    plans.one.refusal = new IotError(code, 'nothing to add to');
    const guest = guestModule({
      startCallsHost: true,
      ...more,
      capabilities: [...more.capabilities],
    });
    await start([{ contract: 'wascc:keyvalue' }], guest, [contract]);
    expect(actor()).toMatchObject({
      state: 'backoff',
      problem: expect.stringContaining('nothing to add to'),
    });
    expect(clock.waits()).toHaveLength(1);
  },
);

it('what fails again and again for want of a binding is one line in the log, and says so once', async () => {
  await start([], guestModule({ capabilities: ['wascc:keyvalue'] }));
  for (let n = 0; n < 20; n++)
    await expect(running.host.call('a', 'Key', nothing)).rejects.toThrow('no binding');
  const said = () => lines.filter((line) => line.includes('no binding'));
  expect(said()).toHaveLength(1);
  clock.pass(60_000);
  await expect(running.host.call('a', 'Key', nothing)).rejects.toThrow('no binding');
  expect(said()[1]).toMatch(/^warn Key: .*"again":19/);
});

it('of a guest that says itself which call failed, the line says so once', async () => {
  lines = [];
  const bindings = [{ contract: 'iot:timer' }];
  const blink = checkedActor('blink-v1', ['iot:gpio', 'iot:timer']);
  running = await startHost({ actors: [{ name: 'a', bindings }] }, { a: blink }, recordingLogger(lines));
  await until(() => lines.some((line) => line.includes('Tick')), 'a tick');
  expect(lines.find((line) => line.includes('Tick'))).toMatch(
    /^warn Tick: iot:gpio Write: E_NOT_BOUND: no binding "default" for iot:gpio /,
  );
});
