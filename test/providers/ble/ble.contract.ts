import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/iot-ble/contract.js';
import { call, failure, session, until } from '../../helpers/providers.js';

/** The service of the test peripheral, which is called `thermo`. */
export const SERVICE = 'a000';
/** `value`: `hello`; `target`: may be written; `reading`: notifies; `silent`: never answers a read. */
export const CHARACTERISTICS = { value: 'a001', target: 'a002', reading: 'a003', silent: 'a004' } as const;

/** A provider with one peripheral within reach. */
export interface Bench {
  readonly provider: Provider;
  /** `aa:bb:…` */
  readonly address: string;
  /** The peripheral sends a notification. */
  notify(value: string): Promise<void>;
  /** What was last written to it. */
  written(): Promise<string | undefined>;
  /** Resolves when it has been asked for the value that it does not tell. */
  asked(): Promise<void>;
  /** Switched off without a word, and on again. */
  vanish(): Promise<void>;
  appear(): Promise<void>;
  close(): Promise<void>;
}

interface Told {
  readonly operation: string;
  readonly id: string;
  readonly name?: string;
  readonly services?: string[];
  readonly rssi?: number;
  readonly reason?: string;
  readonly value?: Uint8Array;
}

/** What every implementation of `iot:ble` does. `patience`: milliseconds until something has to have happened. */
export function testBleContract(
  name: string,
  make: (lines: string[]) => Promise<Bench>,
  patience = 20_000,
): void {
  describe(`iot:ble ${name}`, { timeout: 6 * patience }, () => {
    let bench: Bench;
    let id: string;
    let lines: string[];
    let told: Told[];
    /** The actor takes nothing now. */
    let isBusy: boolean;

    const deliver = async (operation: string, message: unknown) => {
      if (isBusy) throw new IotError('E_QUEUE_FULL', 'busy');
      const decoded = decodePayload('cbor', encodePayload('cbor', message)) as Omit<Told, 'operation'>;
      told.push({ operation, ...decoded });
    };
    const bound = async (actor: string, grant: object) => {
      const made = session(contract, actor, grant);
      await bench.provider.bind(made, deliver);
      return made;
    };
    const run = (as: Session, operation: string, request?: unknown) =>
      call(contract, bench.provider, as, operation, request);
    const at = (characteristic: keyof typeof CHARACTERISTICS) => ({
      ...{ id, service: SERVICE, characteristic: CHARACTERISTICS[characteristic] },
    });
    const of = (operation: string) => told.filter((one) => one.operation === operation && one.id === id);
    const notified = () => of('Notification').map(({ value }) => Buffer.from(value ?? []).toString());
    const everything = () => ({ scan: true, peripherals: [bench.address], write: true });
    const value = async (as: Session) => {
      const { value: bytes } = (await run(as, 'Read', at('value'))) as { value: Uint8Array };
      return Buffer.from(bytes).toString();
    };

    beforeEach(async () => {
      lines = [];
      told = [];
      isBusy = false;
      bench = await make(lines);
      id = bench.address.replaceAll(':', '');
      await bench.provider.start(new AbortController().signal);
    }, 3 * patience);
    afterEach(async () => {
      await bench.provider.stop();
      await bench.close();
    }, 3 * patience);

    it('hears what the grant and the scan let through', async () => {
      const all = await bound('all', { scan: true });
      const hearts = await bound('hearts', { scan: true, services: ['180d'] });
      await run(hearts, 'Scan');
      await run(all, 'Scan', { services: ['180D'] });
      await run(all, 'Scan', { services: ['0000A000-0000-1000-8000-00805F9B34FB'] });
      await until(() => of('Advertisement').length > 0, 'an advertisement', patience);
      const heard = { name: 'thermo', address: bench.address, services: [SERVICE] };
      expect(of('Advertisement')).toEqual([expect.objectContaining(heard)]);
      expect(of('Advertisement')[0]?.rssi).toBeTypeOf('number');
      await run(all, 'StopScan');
      await run(all, 'Scan', { durationMs: 60_000 });
      await until(() => of('Advertisement').length === 2, 'the same once more', patience);
    });

    it('connects, discovers, reads, writes, subscribes', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id: bench.address.toUpperCase() });
      await run(actor, 'Connect', { id });
      const { services } = (await run(actor, 'Discover', { id })) as { services: unknown[] };
      expect(services).toContainEqual({
        uuid: SERVICE,
        characteristics: expect.arrayContaining([
          { uuid: CHARACTERISTICS.value, properties: ['read'] },
          expect.objectContaining({ uuid: CHARACTERISTICS.reading, properties: ['notify'] }),
        ]),
      });
      expect(await value(actor)).toBe('hello');
      await run(actor, 'Write', { ...at('target'), value: 'warm' });
      expect(await bench.written()).toBe('warm');
      await run(actor, 'Write', { ...at('target'), value: Uint8Array.of(0x31), withoutResponse: true });
      await expect.poll(() => bench.written(), { timeout: patience }).toBe('1');
      await run(actor, 'Subscribe', at('reading'));
      await bench.notify('21.5');
      await until(() => notified().length === 1, 'a notification', patience);
      expect(notified()).toEqual(['21.5']);
      await run(actor, 'Unsubscribe', at('reading'));
      await run(actor, 'Unsubscribe', at('reading'));
      await bench.notify('22');
      expect(await value(actor)).toBe('hello');
      expect(notified()).toEqual(['21.5']);
      await run(actor, 'Disconnect', { id });
      await run(actor, 'Disconnect', { id });
      expect(await failure(() => value(actor))).toBe(`E_PROVIDER peripheral ${id} is not connected`);
      expect(of('Disconnected')).toEqual([]);
    });

    it('says what a characteristic cannot do', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id });
      expect(await failure(() => run(actor, 'Read', at('target')))).toBe(
        `E_PROVIDER Read a002: peripheral ${id}: characteristic a002 has no read`,
      );
      const nowhere = { ...at('value'), characteristic: 'ffff' };
      expect(await failure(() => run(actor, 'Read', nowhere))).toContain(
        'it has no characteristic ffff in a service a000',
      );
    });

    it('fails a read at once when the peripheral vanishes, and gets it back with its subscriptions', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id });
      await run(actor, 'Subscribe', at('reading'));
      const reading = failure(() => run(actor, 'Read', at('silent')));
      const writing = failure(() => run(actor, 'Write', { ...at('target'), value: 'x' }));
      await bench.asked();
      await bench.vanish();
      expect(await reading).toMatch(/^E_PROVIDER Read a004: peripheral \w+ is gone: /);
      expect(await writing).toMatch(/^E_PROVIDER Write a002: peripheral \w+ is not connected/);
      await until(() => of('Disconnected').length === 1, 'Disconnected', patience);
      expect(of('Disconnected')[0]?.reason).toBeTypeOf('string');
      expect(await failure(() => value(actor))).toMatch(/is not connected, it is being looked for$/);
      await bench.appear();
      await expect.poll(() => value(actor).catch(() => 'away'), { timeout: patience }).toBe('hello');
      await bench.notify('back');
      await until(() => notified().length === 1, 'a notification without subscribing again', patience);
      expect(notified()).toEqual(['back']);
      expect(of('Disconnected')).toHaveLength(1);
    });

    it('lets 32 requests wait and no more, and none of them for a peripheral that is gone', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id });
      const all = Array.from({ length: 33 }, () => failure(() => run(actor, 'Read', at('silent'))));
      expect(await all[32]).toBe(`E_QUEUE_FULL 32 requests wait for peripheral ${id}`);
      await bench.asked();
      await bench.vanish();
      const [first, ...others] = await Promise.all(all.slice(0, 32));
      expect(first).toMatch(/^E_PROVIDER Read a004: peripheral \w+ is gone: /);
      for (const other of others) expect(other).toMatch(/^E_PROVIDER Read a004: .* is not connected/);
      await bench.appear();
    });

    it('keeps the newest 256 notifications for an actor that is busy, in order', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id });
      await run(actor, 'Subscribe', at('reading'));
      isBusy = true;
      for (let index = 0; index < 300; index++) await bench.notify(`${index}`);
      expect(await value(actor)).toBe('hello');
      isBusy = false;
      await until(() => notified().length === 257, 'all that was kept', patience);
      // The one that is being handed over, and of the rest the newest.
      expect(notified()).toEqual(['0', ...Array.from({ length: 256 }, (_, index) => `${44 + index}`)]);
      await bench.provider.unbind(actor);
      expect(lines.join('\n')).toContain('actor cannot keep up: 43 notifications');
    });

    it('denies what is not granted, and gives a peripheral to one only', async () => {
      const nobody = await bound('nobody', {});
      for (const operation of ['Connect', 'Discover', 'Disconnect']) {
        expect(await failure(() => run(nobody, operation, { id }))).toContain('E_NOT_GRANTED');
      }
      expect(await failure(() => run(nobody, 'Scan'))).toContain('E_NOT_GRANTED');
      const reader = await bound('reader', { peripherals: [bench.address] });
      for (const operation of ['Connect', 'Discover', 'Disconnect']) {
        expect(await failure(() => run(reader, operation, { id: 'a4c138ffffff' }))).toContain(
          'E_NOT_GRANTED peripheral a4:c1:38:ff:ff:ff is not granted',
        );
      }
      await run(reader, 'Connect', { id });
      expect(await failure(() => run(reader, 'Write', { ...at('target'), value: 'x' }))).toBe(
        'E_NOT_GRANTED writing is not granted',
      );
      const thief = await bound('thief', everything());
      expect(await failure(() => run(thief, 'Connect', { id }))).toBe(
        `E_BUSY peripheral ${id} cannot go to thief: reader holds it`,
      );
      await bench.provider.unbind(reader);
      expect(await failure(() => run(reader, 'Read', at('value')))).toContain('E_NOT_BOUND');
      await run(thief, 'Connect', { id });
      expect(await value(thief)).toBe('hello');
      const tooLong = { ...at('target'), value: new Uint8Array(513) };
      expect(await failure(() => run(thief, 'Write', tooLong))).toContain('E_PAYLOAD');
      expect(await failure(() => run(thief, 'Read', { ...at('value'), service: '12' }))).toContain(
        'E_PAYLOAD',
      );
      // Taken out of the grant: gone.
      await bound('thief', { scan: true });
      expect(await failure(() => value(thief))).toContain('E_NOT_GRANTED');
    });

    it('connects by name only to what has been heard', async () => {
      const named = await bound('named', { scan: true, peripherals: ['therm*'] });
      expect(await failure(() => run(named, 'Connect', { id }))).toContain('E_NOT_GRANTED');
      await run(named, 'Scan');
      await until(() => of('Advertisement').length > 0, 'an advertisement', patience);
      await run(named, 'Connect', { id });
      expect(await value(named)).toBe('hello');
    });

    it('may be stopped while it connects, at any moment, and connects when it is started again', async () => {
      for (const ms of [0, 1, 3, 6, 12]) {
        const actor = await bound('actor', everything());
        await run(actor, 'Scan');
        await until(() => of('Advertisement').length > 0, 'an advertisement', patience);
        const connecting = run(actor, 'Connect', { id }).catch(() => {});
        await sleep(ms);
        await bench.provider.stop();
        await connecting;
        told = [];
        await bench.provider.start(new AbortController().signal);
      }
      const actor = await bound('actor', everything());
      // One that takes over a second for an answer may still give it on the next connection, to another question.
      const hello = () => run(actor, 'Connect', { id }).then(() => value(actor));
      await expect.poll(() => hello().catch(String), { timeout: patience }).toBe('hello');
    });

    it('keeps connections and subscriptions while the code of the actor is swapped', async () => {
      const actor = await bound('actor', everything());
      await run(actor, 'Connect', { id });
      await run(actor, 'Subscribe', at('reading'));
      const first = bench.provider.renew?.(actor);
      await bench.notify('during');
      await until(() => notified().length === 1, 'a notification', patience);
      await run(actor, 'Connect', { id });
      await run(actor, 'Subscribe', at('reading'));
      await first?.();
      await bench.notify('after');
      await until(() => notified().length === 2, 'another one', patience);
      // The next code connects, and does not subscribe; the one after it does neither.
      const second = bench.provider.renew?.(actor);
      await run(actor, 'Connect', { id });
      await second?.();
      await bench.notify('to nobody');
      expect(await value(actor)).toBe('hello');
      expect(notified()).toEqual(['during', 'after']);
      await bench.provider.renew?.(actor)();
      expect(await failure(() => value(actor))).toContain('is not connected');
      expect(of('Disconnected')).toEqual([]);
    });
  });
}
