import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/iot-ble/contract.js';
import { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import { HandClock } from '../../helpers/hand-clock.js';
import { call, failure, recordingLogger, session, until } from '../../helpers/providers.js';
import { CHARACTERISTICS, SERVICE } from './ble.contract.js';
import { addThermo, THERMO, THERMO_ID } from './sim-peripherals.js';

const at = (characteristic: keyof typeof CHARACTERISTICS) => ({
  ...{ service: SERVICE, characteristic: CHARACTERISTICS[characteristic] },
});
const on = (characteristic: keyof typeof CHARACTERISTICS) => ({ id: THERMO_ID, ...at(characteristic) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('iot:ble, by a clock moved by hand', () => {
  let clock: HandClock;
  let ble: SimulatedBle;
  let lines: string[];
  let told: { operation: string; id: string; rssi?: number; value?: Uint8Array; reason?: string }[];
  /** The actor takes messages only while this is undefined. */
  let refusal: IotError | undefined;

  const create = () =>
    new SimulatedBle(recordingLogger(lines), {
      ...{ clock, random: () => 0.5, connectMs: 20_000, operationMs: 10_000 },
    });
  const bind = async (actor = 'actor', grant: object = {}, to: Provider = ble) => {
    const made = session(contract, actor, { scan: true, peripherals: ['*'], write: true, ...grant });
    await to.bind(made, async (operation, message) => {
      if (refusal !== undefined) throw refusal;
      const decoded = decodePayload('cbor', encodePayload('cbor', message)) as Omit<
        (typeof told)[number],
        'operation'
      >;
      told.push({ operation, ...decoded });
    });
    return made;
  };
  const run = (as: Session, operation: string, request?: unknown, to = ble) =>
    call(contract, to, as, operation, request);
  const count = (operation: string) => told.filter((one) => one.operation === operation).length;
  /** Waits of the given length that are under way. */
  const waits = (ms: number) => clock.waits().filter((one) => one === ms).length;

  beforeEach(async () => {
    clock = new HandClock();
    lines = [];
    told = [];
    refusal = undefined;
    ble = create();
    await ble.start();
    addThermo(ble);
  });
  afterEach(() => ble.stop());

  it('looks for a lost peripheral after 1, 2, 5, 10, 30, 60 and 60 seconds, until it is back', async () => {
    const actor = await bind();
    await run(actor, 'Connect', { id: THERMO_ID });
    ble.vanish(THERMO);
    await turn();
    expect(told).toMatchObject([{ operation: 'Disconnected', id: THERMO_ID, reason: 'connection timeout' }]);
    for (const ms of [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000]) {
      await until(() => waits(ms) === 1, `a wait of ${ms} ms`);
      clock.pass(ms);
      await until(() => waits(20_000) === 1, 'an attempt');
      clock.pass(20_000);
      await turn();
    }
    ble.appear(THERMO);
    await until(() => waits(60_000) === 1, 'the last wait');
    clock.pass(60_000);
    await until(() => waits(20_000) === 0 && waits(60_000) === 0, 'the connection');
    expect(await run(actor, 'Read', on('value'))).toEqual({ value: Uint8Array.from(Buffer.from('hello')) });
    expect(count('Disconnected')).toBe(1);
    // It did not last ten seconds: patience goes on where it was. After a lasting one it begins anew.
    ble.vanish(THERMO);
    ble.appear(THERMO);
    await until(() => waits(60_000) === 1, 'the same wait');
    await run(actor, 'Connect', { id: THERMO_ID });
    clock.pass(10_000);
    ble.vanish(THERMO);
    await until(() => waits(1_000) === 1, 'the first wait');
    expect(count('Disconnected')).toBe(3);
    await run(actor, 'Disconnect', { id: THERMO_ID });
    expect(clock.waits()).toEqual([]);
  });

  it('gives up a first attempt after its time, and leaves nothing behind', async () => {
    const actor = await bind();
    ble.vanish(THERMO);
    const connecting = failure(() => run(actor, 'Connect', { id: THERMO_ID }));
    await until(() => waits(20_000) === 1, 'the attempt');
    clock.pass(20_000);
    expect(await connecting).toBe(`E_TIMEOUT peripheral ${THERMO_ID}: no connection within 20 s`);
    expect(clock.waits()).toEqual([]);
    ble.appear(THERMO);
    const other = await bind('other');
    await run(other, 'Connect', { id: THERMO_ID });
  });

  it('ends the connection when an answer is missing, and asks for one thing at a time', async () => {
    const actor = await bind();
    await run(actor, 'Connect', { id: THERMO_ID });
    const silent = failure(() => run(actor, 'Read', on('silent')));
    const behind = failure(() => run(actor, 'Read', on('value')));
    await until(() => waits(10_000) === 1, 'the request');
    clock.pass(10_000);
    expect(await silent).toBe(`E_TIMEOUT Read a004: peripheral ${THERMO_ID}: no answer within 10 s`);
    expect(await behind).toContain('E_PROVIDER Read a001');
    await until(() => count('Disconnected') === 1, 'Disconnected');
    clock.pass(1_000);
    await turn();
    expect(await run(actor, 'Read', on('value'))).toMatchObject({ value: expect.anything() });
  });

  it('lets so many requests wait and no more', async () => {
    const actor = await bind();
    await run(actor, 'Connect', { id: THERMO_ID });
    const all = Array.from({ length: 33 }, () => failure(() => run(actor, 'Read', on('silent'))));
    expect(await all[32]).toBe(`E_QUEUE_FULL 32 requests wait for peripheral ${THERMO_ID}`);
    ble.vanish(THERMO);
    for (const one of await Promise.all(all.slice(0, 32))) expect(one).toContain('E_PROVIDER');
  });

  it('keeps the newest advertisement of each peripheral while the actor is busy, and counts what it drops', async () => {
    const actor = await bind();
    refusal = new IotError('E_QUEUE_FULL', 'full');
    await run(actor, 'Scan', { duplicates: true });
    await turn();
    for (let rssi = -60; rssi < -40; rssi++) ble.advertise(THERMO, { rssi });
    for (let index = 0; index < 70; index++) {
      addThermo(ble, `a4:c1:38:00:01:${index.toString(16).padStart(2, '0')}`);
    }
    refusal = undefined;
    await clock.next();
    await until(() => count('Advertisement') === 65, 'the adverts');
    const strangers = told.slice(1).map(({ id }) => id);
    // The one being handed over, and of the rest the newest 64.
    expect(told[0]?.id).toBe(THERMO_ID);
    expect(strangers[0]).toBe('a4c138000106');
    expect(strangers).toHaveLength(64);
    clock.pass(60_000);
    expect(lines.join('\n')).toContain(
      'warn actor cannot keep up: 0 notifications and advertisements of 7 peripherals dropped',
    );
  });

  it('keeps the newest notifications, in order, and a loss in its place', async () => {
    const actor = await bind();
    await run(actor, 'Connect', { id: THERMO_ID });
    await run(actor, 'Subscribe', on('reading'));
    refusal = new IotError('E_NOT_RUNNING', 'restarting');
    for (let value = 0; value < 300; value++) {
      ble.notify(THERMO, at('reading'), Uint8Array.of(value >> 8, value & 255));
    }
    ble.vanish(THERMO);
    await turn();
    refusal = undefined;
    await clock.next();
    await until(() => count('Disconnected') === 1, 'all of it');
    const values = told.flatMap(({ value }) =>
      value === undefined ? [] : [((value[0] ?? 0) << 8) + (value[1] ?? 0)],
    );
    expect(values).toEqual([0, ...Array.from({ length: 256 }, (_, index) => 44 + index)]);
    expect(told.at(-1)?.operation).toBe('Disconnected');
    clock.pass(60_000);
    expect(lines.join('\n')).toContain('43 notifications and advertisements of 0 peripherals dropped');
  });

  it('merges the scans of several actors, each told by its own wish', async () => {
    const once = await bind('once');
    const every = await bind('every');
    await run(once, 'Scan');
    await run(every, 'Scan', { duplicates: true, durationMs: 5_000 });
    await turn();
    const before = count('Advertisement');
    expect(before).toBe(2);
    ble.advertise(THERMO);
    ble.advertise(THERMO);
    await turn();
    expect(count('Advertisement') - before).toBe(2);
    clock.pass(5_000);
    ble.advertise(THERMO);
    await run(once, 'StopScan');
    ble.advertise(THERMO);
    await turn();
    expect(count('Advertisement') - before).toBe(2);
  });

  it('a peripheral that is none is refused, with what it should be', () => {
    expect(() => ble.add({ address: 'x', rssi: 21 })).toThrow(
      'no peripheral: address: expected an address like a4:c1:38:00:00:01; rssi: expected at most 20',
    );
  });

  it('lets through what offers a service by data alone, if grant and scan both want it', async () => {
    const cuckoo = 'a4:c1:38:00:03:01';
    ble.add({ address: cuckoo, serviceData: [{ uuid: 'fe95', data: [1] }] });
    const wanted = await bind('wanted', { services: ['FE95', '180d'] });
    await run(wanted, 'Scan', { services: ['0000fe95-0000-1000-8000-00805f9b34fb'] });
    await turn();
    expect(told.map(({ id }) => id)).toEqual([cuckoo.replaceAll(':', '')]);
    told = [];
    // Granted, and not asked for; asked for, and not granted.
    await run(wanted, 'Scan', { services: ['180d'] });
    await run(wanted, 'Scan', { services: ['a000'] });
    await turn();
    expect(told).toEqual([]);
  });

  it('hands bytes on as they came, whatever they are, and leaves out what is empty', async () => {
    const actor = await bind();
    await run(actor, 'Scan', { duplicates: true });
    await turn();
    told = [];
    for (const length of [0, 1, 31, 255]) {
      ble.advertise(THERMO, { manufacturerData: Uint8Array.from({ length }, (_, index) => 255 - index) });
    }
    const odd = { address: 'a4:c1:38:00:03:02', name: '\u0000\ufffd\u202e"\n', serviceData: [] };
    ble.add(odd);
    await turn();
    await until(() => told.some(({ id }) => id === 'a4c138000302'), 'the odd one');
    const bytes = told.map((one) => (one as { manufacturerData?: Uint8Array }).manufacturerData);
    // Of one peripheral the newest one waits.
    expect(told[0]).not.toHaveProperty('manufacturerData');
    expect(bytes[1]).toEqual(Uint8Array.from({ length: 255 }, (_, index) => 255 - index));
    expect(told.at(-1)).toMatchObject({ name: odd.name });
    expect(told.at(-1)).not.toHaveProperty('serviceData');
  });

  it('names what a binding may do, for lists', () => {
    const of = (grant: object) => contract.resources(contract.parseGrant(grant));
    expect(of({})).toEqual([]);
    expect(of({ scan: true, services: ['180D', 'fe95'], peripherals: ['thermo', 'a4:c1:*'] })).toEqual([
      { kind: 'radio', name: 'scan', use: '180d fe95' },
      { kind: 'peripheral', name: 'thermo', use: 'read' },
      { kind: 'peripheral', name: 'a4:c1:*', use: 'read' },
    ]);
    expect(of({ scan: true, write: true, peripherals: ['x'] })).toEqual([
      { kind: 'radio', name: 'scan', use: 'all' },
      { kind: 'peripheral', name: 'x', use: 'read and write' },
    ]);
  });

  it('says that the adapter is off, and is back with it', async () => {
    const actor = await bind();
    await run(actor, 'Scan');
    await run(actor, 'Connect', { id: THERMO_ID });
    ble.setPower(false);
    await turn();
    expect(ble.problem()).toBe('the simulated adapter is off');
    expect(told.at(-1)).toMatchObject({
      operation: 'Disconnected',
      reason: 'the adapter was switched off',
    });
    ble.setPower(true);
    expect(ble.problem()).toBeUndefined();
    await turn();
    await run(actor, 'Read', on('value'));
  });

  it('hands connections, subscriptions and scans to the implementation that takes its place', async () => {
    const actor = await bind();
    const scanner = await bind('scanner', { peripherals: [] });
    await run(actor, 'Connect', { id: THERMO_ID });
    await run(actor, 'Subscribe', on('reading'));
    await run(scanner, 'Scan', { services: [SERVICE], durationMs: 60_000 });
    clock.pass(20_000);
    const state = decodePayload('cbor', encodePayload('cbor', await ble.exportState()));
    await ble.stop();
    const next = create();
    await next.start();
    addThermo(next);
    await next.importState(state);
    told = [];
    await bind('actor', {}, next);
    await bind('scanner', { peripherals: [] }, next);
    await turn();
    next.notify(THERMO, at('reading'), Buffer.from('on'));
    await until(() => count('Notification') === 1, 'a notification');
    expect(await failure(() => run(scanner, 'Connect', { id: THERMO_ID }, next))).toContain('E_NOT_GRANTED');
    next.vanish(THERMO);
    next.appear(THERMO);
    await until(() => count('Advertisement') === 1, 'an advertisement');
    expect(clock.waits()).toContain(40_000);
    await next.stop();
    expect(clock.waits()).toEqual([]);
    expect(await failure(() => next.importState({ sessions: [{ actor: 1 }] }))).toContain(
      'E_PROVIDER iot:ble state is damaged',
    );
  });

  it('holds at most 16 peripherals for one binding', async () => {
    const actor = await bind();
    for (let index = 0; index <= 16; index++) {
      const address = `a4:c1:38:00:02:${index.toString(16).padStart(2, '0')}`;
      addThermo(ble, address);
      const failed = await failure(() => run(actor, 'Connect', { id: address }));
      expect(failed).toBe(
        index < 16 ? 'nothing was thrown' : 'E_NOT_GRANTED peripheral a4c138000210: actor already has 16',
      );
    }
  });
});
