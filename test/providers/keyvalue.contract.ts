import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import contract from '#runtime/providers/wascc-keyvalue/contract.js';
import { call, failure, session } from '../helpers/providers.js';

/** What every implementation of `wascc:keyvalue` does. `make` gives a new, empty, unstarted provider. */
export function testKeyValueContract(name: string, make: () => Promise<Provider>): void {
  describe(`wascc:keyvalue ${name}`, () => {
    let provider: Provider;
    let counter: Session;
    const run = (operation: string, request?: unknown) =>
      call(contract, provider, counter, operation, request);

    beforeEach(async () => {
      vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
      provider = await make();
      await provider.start(new AbortController().signal);
      counter = session(contract, 'counter');
      await provider.bind(counter, async () => undefined);
    });

    afterEach(async () => {
      await provider.stop();
      vi.useRealTimers();
    });

    it('adds, gets, sets, deletes', async () => {
      expect(await run('Get', { key: 'a' })).toEqual({ value: '', exists: false });
      expect(await run('Add', { key: 'a', value: 5 })).toEqual({ value: 5 });
      expect(await run('Add', { key: 'a', value: -7 })).toEqual({ value: -2 });
      expect(await run('Get', { key: 'a' })).toEqual({ value: '-2', exists: true });
      expect(await run('Set', { key: 'a', value: 'ü', expires: 0 })).toEqual({ value: 'ü' });
      expect(await run('KeyExists', { key: 'a' })).toEqual({ value: '', exists: true });
      expect(await run('Del', { key: 'a' })).toEqual({ key: 'a' });
      expect(await run('KeyExists', { key: 'a' })).toEqual({ value: '', exists: false });
      expect(await run('Set', { key: 'a', value: '' })).toEqual({ value: '' });
      expect(await run('Get', { key: 'a' })).toEqual({ value: '', exists: true });
    });

    it('keeps lists, with both ends of a range included', async () => {
      for (const value of ['a', 'b', 'a', 'c']) await run('Push', { key: 'l', value });
      const range = (start: number, stop: number) => run('Range', { key: 'l', start, stop });
      expect(await range(0, -1)).toEqual({ values: ['a', 'b', 'a', 'c'] });
      expect(await range(1, 2)).toEqual({ values: ['b', 'a'] });
      expect(await range(-2, -1)).toEqual({ values: ['a', 'c'] });
      expect(await range(-100, 0)).toEqual({ values: ['a'] });
      expect(await range(2, 100)).toEqual({ values: ['a', 'c'] });
      expect(await range(3, 1)).toEqual({ values: [] });
      expect(await range(0, -5)).toEqual({ values: [] });
      expect(await run('ListItemDelete', { key: 'l', value: 'a' })).toEqual({ newCount: 2 });
      expect(await run('Push', { key: 'l', value: 'z' })).toEqual({ newCount: 3 });
      expect(await run('Clear', { key: 'l' })).toBeUndefined();
      expect(await run('KeyExists', { key: 'l' })).toEqual({ value: '', exists: false });
    });

    it('keeps sets', async () => {
      expect(await run('SetAdd', { key: 's', value: 'b' })).toEqual({ newCount: 1 });
      expect(await run('SetAdd', { key: 's', value: 'a' })).toEqual({ newCount: 2 });
      expect(await run('SetAdd', { key: 's', value: 'a' })).toEqual({ newCount: 2 });
      await run('SetAdd', { key: 't', value: 'b' });
      await run('SetAdd', { key: 't', value: 'c' });
      expect(await run('SetQuery', { key: 's' })).toEqual({ values: ['a', 'b'] });
      expect(await run('SetUnion', { keys: ['s', 't', 'none'] })).toEqual({ values: ['a', 'b', 'c'] });
      expect(await run('SetIntersection', { keys: ['s', 't'] })).toEqual({ values: ['b'] });
      expect(await run('SetIntersection', { keys: ['s', 'none'] })).toEqual({ values: [] });
      expect(await run('SetUnion', { keys: [] })).toEqual({ values: [] });
      expect(await run('SetRemove', { key: 't', value: 'x' })).toEqual({ newCount: 2 });
      await run('SetRemove', { key: 't', value: 'b' });
      expect(await run('SetRemove', { key: 't', value: 'c' })).toEqual({ newCount: 0 });
      expect(await run('KeyExists', { key: 't' })).toEqual({ value: '', exists: false });
    });

    it('refuses an operation on the wrong kind of value, and changes nothing', async () => {
      await run('Set', { key: 'text', value: 'x' });
      await run('Push', { key: 'list', value: 'x' });
      const wrong = (operation: string, request: unknown) => failure(() => run(operation, request));
      expect(await wrong('Push', { key: 'text', value: 'y' })).toBe(
        'E_PAYLOAD key "text" holds a string, not a list',
      );
      expect(await wrong('Get', { key: 'list' })).toBe('E_PAYLOAD key "list" holds a list, not a string');
      expect(await wrong('SetAdd', { key: 'list', value: 'y' })).toBe(
        'E_PAYLOAD key "list" holds a list, not a set',
      );
      expect(await wrong('SetUnion', { keys: ['list'] })).toContain('not a set');
      expect(await wrong('Add', { key: 'text', value: 1 })).toContain('not a whole number');
      await run('Set', { key: 'n', value: '2147483647' });
      expect(await wrong('Add', { key: 'n', value: 1 })).toContain('beyond 32 bits');
      expect(await run('Get', { key: 'n' })).toEqual({ value: '2147483647', exists: true });
      expect(await run('Range', { key: 'list', start: 0, stop: -1 })).toEqual({ values: ['x'] });
    });

    it('forgets what has expired', async () => {
      await run('Set', { key: 'a', value: '1', expires: 10 });
      vi.setSystemTime(Date.now() + 9_999);
      expect(await run('Add', { key: 'a', value: 1 })).toEqual({ value: 2 });
      vi.setSystemTime(Date.now() + 1);
      expect(await run('Get', { key: 'a' })).toEqual({ value: '', exists: false });
      expect(await run('Push', { key: 'a', value: 'x' })).toEqual({ newCount: 1 });
      vi.setSystemTime(Date.now() + 3_600_000);
      expect(await run('Range', { key: 'a', start: 0, stop: 0 })).toEqual({ values: ['x'] });
    });

    it('refuses bad requests by name', async () => {
      const bad = (operation: string, request?: unknown) => failure(() => run(operation, request));
      expect(await bad('Get')).toContain('E_PAYLOAD wascc:keyvalue Get: key');
      expect(await bad('Get', { key: '' })).toContain('E_PAYLOAD');
      expect(await bad('Get', { key: 'é'.repeat(513) })).toContain('longer than 1024 bytes');
      expect(await bad('Get', { key: 7 })).toContain('E_PAYLOAD');
      expect(await bad('Get', 'text')).toContain('E_PAYLOAD');
      expect(await bad('Add', { key: 'a', value: 1.5 })).toContain('E_PAYLOAD');
      expect(await bad('Add', { key: 'a', value: 2 ** 31 })).toContain('E_PAYLOAD');
      expect(await bad('Set', { key: 'a', value: 'x', expires: -1 })).toContain('E_PAYLOAD');
      expect(await bad('Set', { key: 'a', value: 'x'.repeat(1024 * 1024 + 1) })).toContain('E_TOO_LARGE');
      expect(await bad('Drop', {})).toContain('E_OPERATION wascc:keyvalue has no operation "Drop"');
      const cut = Uint8Array.of(0x82, 0xa3, 0x6b);
      expect(await failure(() => contract.handle(provider, counter, 'Get', cut))).toContain('E_PAYLOAD');
      await run('Set', { key: 'k'.repeat(1024), value: 'x'.repeat(1024 * 1024) });
      const big = (await run('Get', { key: 'k'.repeat(1024) })) as { value: string };
      expect(big.value.length).toBe(1024 * 1024);
      await run('Push', { key: 'l', value: 'x'.repeat(1024 * 1024) });
      expect(await bad('Push', { key: 'l', value: 'y' })).toContain('E_TOO_LARGE');
    });

    it('answers the bytes that published actors send, of both generations', async () => {
      const mapAdd = Buffer.from('82a36b6579a93a636f756e74657231a576616c756501', 'hex');
      const arrayAdd = Buffer.from('92a93a636f756e7465723101', 'hex');
      const reply = async (bytes: Uint8Array) =>
        Buffer.from(await contract.handle(provider, counter, 'Add', bytes)).toString('hex');
      expect(await reply(mapAdd)).toBe('81a576616c756501');
      expect(await reply(arrayAdd)).toBe('81a576616c756502');
      expect(await reply(Buffer.concat([mapAdd, Buffer.from([0])]))).toBe('81a576616c756503');
      await contract.handle(provider, counter, 'Set', encodePayload('msgpack', ['x', 'y']));
      expect(await run('Get', ['x'])).toEqual({ value: 'y', exists: true });
      expect(await failure(() => run('Add', ['x']))).toContain('E_PAYLOAD wascc:keyvalue Add: value');
    });

    it('takes every request as an array in declaration order, with integers of any width', async () => {
      const steps: [string, unknown[], unknown][] = [
        ['Set', ['k', 'v', 0], { value: 'v' }],
        ['Get', ['k'], { value: 'v', exists: true }],
        ['KeyExists', ['k'], { value: '', exists: true }],
        ['Del', ['k'], { key: 'k' }],
        ['Add', ['n', -5], { value: -5 }],
        ['Push', ['l', 'a'], { newCount: 1 }],
        ['Push', ['l', 'b', 'an element too many'], { newCount: 2 }],
        ['Range', ['l', 0, -1], { values: ['a', 'b'] }],
        ['ListItemDelete', ['l', 'a'], { newCount: 1 }],
        ['Clear', ['l'], undefined],
        ['SetAdd', ['s', 'x'], { newCount: 1 }],
        ['SetUnion', [['s', 't']], { values: ['x'] }],
        ['SetIntersection', [['s']], { values: ['x'] }],
        ['SetQuery', ['s'], { values: ['x'] }],
        ['SetRemove', ['s', 'x'], { newCount: 0 }],
      ];
      for (const [operation, request, reply] of steps) {
        expect([operation, await run(operation, request)]).toEqual([operation, reply]);
      }
      expect(new Set(steps.map(([operation]) => operation))).toEqual(new Set(contract.operations));
      // ["w", 7] with 7 in one, two, four and eight bytes, signed and unsigned.
      let sum = 0;
      for (const seven of [
        '07',
        'cc07',
        'cd0007',
        'ce00000007',
        'cf0000000000000007',
        'd007',
        'd10007',
        'd200000007',
        'd30000000000000007',
      ]) {
        sum += 7;
        const reply = await contract.handle(provider, counter, 'Add', Buffer.from(`92a177${seven}`, 'hex'));
        expect([seven, decodePayload('msgpack', reply)]).toEqual([seven, { value: sum }]);
      }
    });

    it('keeps the bindings of one actor apart', async () => {
      const archive = session(contract, 'counter', {}, 'archive');
      await run('Set', { key: 'a', value: 'mine' });
      const get = (as: Session) => call(contract, provider, as, 'Get', { key: 'a' });
      expect(await get(archive)).toEqual({ value: '', exists: false });
      await call(contract, provider, archive, 'Set', { key: 'a', value: 'old' });
      expect(await get(counter)).toEqual({ value: 'mine', exists: true });
      expect(await get(session(contract, 'counter', { space: 'counter' }, 'archive'))).toMatchObject({
        value: 'mine',
      });
    });

    it('keeps spaces apart, and shares one where the grant says so', async () => {
      const other = session(contract, 'other');
      const guest = session(contract, 'guest', { space: 'counter' });
      await run('Set', { key: 'a', value: 'mine' });
      expect(await call(contract, provider, other, 'Get', { key: 'a' })).toEqual({
        value: '',
        exists: false,
      });
      expect(await call(contract, provider, guest, 'Get', { key: 'a' })).toEqual({
        value: 'mine',
        exists: true,
      });
      // Neither may a key reach into another space by its spelling.
      const ab = session(contract, 'x', { space: 'ab' });
      const a = session(contract, 'x', { space: 'a' });
      await call(contract, provider, ab, 'Set', { key: 'c', value: '1' });
      expect(await call(contract, provider, a, 'Get', { key: 'bc' })).toEqual({ value: '', exists: false });
    });

    it('hands its state to another instance, expiry included', async () => {
      await run('Set', { key: 'soon', value: '1', expires: 1 });
      await run('Set', { key: 'later', value: '1', expires: 100 });
      await run('Push', { key: 'l', value: 'x' });
      await run('SetAdd', { key: 's', value: 'y' });
      vi.setSystemTime(Date.now() + 2_000);
      const state = structuredClone(await provider.exportState?.());
      await provider.stop();
      provider = await make();
      await provider.start(new AbortController().signal);
      await run('Set', { key: 'stale', value: 'x' });
      await provider.importState?.(state);
      expect(await run('KeyExists', { key: 'stale' })).toMatchObject({ exists: false });
      expect(await run('KeyExists', { key: 'soon' })).toMatchObject({ exists: false });
      expect(await run('Get', { key: 'later' })).toEqual({ value: '1', exists: true });
      expect(await run('Range', { key: 'l', start: 0, stop: -1 })).toEqual({ values: ['x'] });
      expect(await run('SetQuery', { key: 's' })).toEqual({ values: ['y'] });
      vi.setSystemTime(Date.now() + 100_000);
      expect(await run('Get', { key: 'later' })).toEqual({ value: '', exists: false });
    });

    it('refuses a damaged state and keeps what it has', async () => {
      await run('Set', { key: 'a', value: '1' });
      const item = { space: 'counter', key: 'a', entry: { type: 'tree', value: 'x' } };
      for (const state of [undefined, 7, {}, { entries: [item] }, { entries: [{ space: 1 }] }]) {
        expect(await failure(() => provider.importState?.(state))).toContain(
          'E_PROVIDER wascc:keyvalue state',
        );
      }
      expect(await failure(() => provider.importState?.(7))).toBe(
        'E_PROVIDER wascc:keyvalue state is damaged: expected a mapping, found a number',
      );
      expect(await run('Get', { key: 'a' })).toEqual({ value: '1', exists: true });
    });

    it('behaves like a plain map, whatever the order of operations', async () => {
      const key = fc.constantFrom('a', 'b', '__proto__');
      const step = fc.oneof(
        fc.record({ op: fc.constant('Set'), key, value: fc.string({ maxLength: 8 }) }),
        fc.record({ op: fc.constant('Del'), key }),
        fc.record({ op: fc.constant('Get'), key }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
          const model = new Map<string, string>();
          for (const name of ['a', 'b', '__proto__']) await run('Del', { key: name });
          for (const { op, ...request } of steps) {
            const reply = await run(op, request);
            if (op === 'Del') model.delete(request.key);
            else if ('value' in request) model.set(request.key, request.value);
            else {
              const value = model.get(request.key);
              expect(reply).toEqual({ value: value ?? '', exists: value !== undefined });
            }
          }
        }),
        { seed: 7, numRuns: 20 },
      );
    });
  });
}
