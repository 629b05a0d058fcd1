import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import contract from '#runtime/providers/wascc-extras/contract.js';
import { call, failure, session } from '../helpers/providers.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Answer {
  guid: string | undefined;
  sequenceNumber: number;
  randomNumber: number;
}

/** What every implementation of `wascc:extras` does. `make` gives a new, unstarted provider. */
export function testExtrasContract(name: string, make: () => Promise<Provider>): void {
  describe(`wascc:extras ${name}`, () => {
    let provider: Provider;
    const blink = session(contract, 'blink');
    const run = async (operation: string, request: unknown, as: Session = blink) =>
      (await call(contract, provider, as, operation, request)) as Answer;
    const request = (more: object = {}) => ({
      ...{ guid: false, sequence: false, random: false, min: 0, max: 0 },
      ...more,
    });
    const bytes = async (operation: string, hex: string) =>
      Buffer.from(await contract.handle(provider, blink, operation, Buffer.from(hex, 'hex'))).toString('hex');

    beforeEach(async () => {
      provider = await make();
      await provider.start(new AbortController().signal);
      await provider.bind(blink, async () => undefined);
    });
    afterEach(() => provider.stop());

    it('makes ids that differ', async () => {
      const one = await run('RequestGuid', request({ guid: true }));
      expect(one).toEqual({ guid: expect.stringMatching(UUID), sequenceNumber: 0, randomNumber: 0 });
      expect((await run('RequestGuid', request({ guid: true }))).guid).not.toBe(one.guid);
    });

    it('makes random numbers from min up to, but not including, max', async () => {
      const range = fc
        .tuple(fc.integer({ min: 0, max: 0xffff_fffe }), fc.integer({ min: 1, max: 0xffff_ffff }))
        .filter(([min, max]) => min < max);
      await fc.assert(
        fc.asyncProperty(range, async ([min, max]) => {
          const { randomNumber, guid, sequenceNumber } = await run(
            'RequestRandom',
            request({ random: true, min, max }),
          );
          expect([guid, sequenceNumber]).toEqual([null, 0]);
          expect(randomNumber).toBeGreaterThanOrEqual(min);
          expect(randomNumber).toBeLessThan(max);
        }),
        { seed: 3, numRuns: 50 },
      );
      const seen = new Set<number>();
      for (let i = 0; i < 200; i += 1)
        seen.add((await run('RequestRandom', { min: 5, max: 8 })).randomNumber);
      expect([...seen].sort()).toEqual([5, 6, 7]);
    });

    it('counts from 0, for every binding of every actor by itself', async () => {
      const next = async (as?: Session) =>
        (await run('RequestSequence', request({ sequence: true }), as)).sequenceNumber;
      expect([await next(), await next(), await next()]).toEqual([0, 1, 2]);
      const second = session(contract, 'blink', {}, 'second');
      expect([await next(second), await next(session(contract, 'other')), await next()]).toEqual([0, 0, 3]);
      // Another session object for the same binding, as after a change of the grant.
      expect(await next(session(contract, 'blink'))).toBe(4);
      await provider.unbind(blink);
      expect(await next()).toBe(0);
    });

    it('hands its sequences on', async () => {
      await run('RequestSequence', request());
      const state = structuredClone(await provider.exportState?.());
      await provider.stop();
      provider = await make();
      await provider.importState?.(state);
      expect((await run('RequestSequence', request())).sequenceNumber).toBe(1);
      for (const damaged of [
        undefined,
        {},
        { sequences: [{ actor: 'blink', binding: 'default', next: -1 }] },
      ]) {
        expect(await failure(() => provider.importState?.(damaged))).toBe(
          'E_PROVIDER wascc:extras state is damaged',
        );
      }
    });

    it('answers the form of early 2020 in its own form: enums by number, structs as arrays or maps', async () => {
      // [{1: nil}], {"typ": {1: nil}}
      expect(await bytes('RequestSequence', '918101c0')).toBe('91810100');
      expect(await bytes('RequestSequence', '81a37479708101c0')).toBe('81a576616c7565810101');
      // [{2: [7, 8]}], {"typ": {2: [7, 8]}}
      expect(await bytes('RequestRandom', '918102920708')).toBe('91810207');
      expect(await bytes('RequestRandom', '81a3747970810292070800')).toBe('81a576616c7565810207');
      // [{0: nil}] → [{0: text of 36 bytes}]
      expect(await bytes('RequestGuid', '918100c0')).toMatch(/^918100d924/);
    });

    it('takes a struct of the later form as an array too, and an empty request where nothing is needed', async () => {
      expect((await run('RequestRandom', [false, false, true, 9, 10])).randomNumber).toBe(9);
      expect((await run('RequestGuid', undefined)).guid).toMatch(UUID);
      expect(await bytes('RequestSequence', 'c0')).toBe(
        Buffer.from(encodePayload('msgpack', { guid: null, sequenceNumber: 0, randomNumber: 0 })).toString(
          'hex',
        ),
      );
    });

    it('refuses bad requests', async () => {
      const bad = (value: unknown) => failure(() => run('RequestRandom', value));
      expect(await bad(undefined)).toBe('E_PAYLOAD wascc:extras RequestRandom: min and max are missing');
      expect(await bad({ min: 5, max: 5 })).toBe(
        'E_PAYLOAD wascc:extras RequestRandom: nothing lies between 5 and 5',
      );
      for (const value of ['text', 7, { min: -1, max: 5 }, { min: 0, max: 2 ** 32 }, { min: 0.5, max: 2 }]) {
        expect(await bad(value)).toContain('E_PAYLOAD');
      }
      for (const typ of [7, { 2: [1] }, { 2: [1, -2] }, { 9: 'x' }]) {
        expect(await bad({ typ })).toContain('E_PAYLOAD wascc:extras RequestRandom: typ');
      }
      expect(await bad({ min: 'a', max: 5 })).toBe(
        'E_PAYLOAD wascc:extras RequestRandom: min: expected a number, found text',
      );
      expect(await failure(() => run('RequestDice', {}))).toContain('E_OPERATION');
      expect(() => contract.parseGrant({ seed: 7 })).toThrow();
    });
  });
}
