import { beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Session } from '#runtime/base/contract.js';
import { ProviderSlot } from '#runtime/host/providers/provider-slot.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { providerEnv, until } from '../helpers/providers.js';

const EMPTY = encodePayload('msgpack', {});
const a: Session = { actor: 'a', binding: 'default', grant: {} };
const b: Session = { actor: 'b', binding: 'default', grant: {} };
const deliver = async () => undefined;

let fake: ReturnType<typeof fakeStore>;
let slot: ProviderSlot;
let lines: string[];
let closeInCells: () => Promise<void>;
beforeEach(async () => {
  fake = fakeStore();
  lines = [];
  closeInCells = async () => undefined;
  const parts = { contract: fake.contract, contractUrl: '', name: 'default', env: providerEnv({}, lines) };
  slot = new ProviderSlot({ ...parts, setInCells: () => closeInCells() }, 'one', {});
  await slot.start();
  await slot.bind(a, deliver);
});

const add = async (session = a, waitMs?: number) =>
  (decodePayload('msgpack', await slot.perform(session, 'Add', EMPTY, waitMs)) as { value: number }).value;
const last = () => fake.made.at(-1) as FakeStore;
const others = () => fake.made.filter((provider) => provider !== slot.provider);

describe('a swap that fails', () => {
  it.each(['start', 'bind', 'import'] as const)(
    'at %s leaves the old one with all that it had',
    async (failAt) => {
      await slot.bind(b, deliver);
      expect(await add()).toBe(1);
      fake.plans.two.failAt = failAt;
      await expect(slot.swap('two', {})).rejects.toMatchObject({ code: 'E_PROVIDER' });
      expect(slot.status()).toMatchObject({ implementation: 'one', state: 'running', bindings: 2 });
      expect([...(slot.provider as FakeStore).bound.keys()]).toEqual(['a', 'b']);
      expect(await add(b)).toBe(2);
      expect(others().map(({ running }) => running)).toEqual([false]);
    },
  );

  it('because the old one cannot hand over its state leaves it, too', async () => {
    fake.plans.one.failAt = 'export';
    await expect(slot.swap('two', {})).rejects.toThrow('fails at export');
    await expect(slot.remove()).rejects.toThrow('fails at export');
    expect(await add()).toBe(1);
    expect(others().map(({ running }) => running)).toEqual([false]);
  });

  it('with wrong settings does not touch the running one', async () => {
    const before = slot.provider;
    await expect(slot.swap('one', { size: 'big' })).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringMatching(/\(one\): size: expected a number, found text$/),
    });
    expect(slot.provider).toBe(before);
  });

  it('twice over, new settings and old, parks the values for the next start', async () => {
    await add();
    fake.plans.one.failAt = 'bind';
    await expect(slot.swap('one', { size: 1 })).rejects.toMatchObject({ code: 'E_PROVIDER' });
    expect(slot.status()).toMatchObject({
      state: 'failed',
      problem: expect.stringContaining('fails at bind'),
    });
    expect(fake.made.map(({ running }) => running)).toEqual([false, false, false]);
    await expect(add()).rejects.toMatchObject({ code: 'E_NO_PROVIDER' });
    fake.plans.one.failAt = undefined;
    await slot.start();
    expect(await add()).toBe(2);
  });
});

describe('changes of a provider', () => {
  it('at the same time happen one after the other; every value and binding arrives', async () => {
    await add();
    const [, , bound] = await Promise.all([
      slot.swap('two', {}),
      slot.swap('one', {}),
      slot.bind(b, deliver),
    ]);
    expect(bound).toBeUndefined();
    expect(slot.status()).toMatchObject({ implementation: 'one', bindings: 2 });
    expect([...(slot.provider as FakeStore).bound.keys()]).toEqual(['a', 'b']);
    expect(await add(b)).toBe(2);
  });

  it('after a removal bring back the parked values', async () => {
    await add();
    await slot.remove();
    await expect(add()).rejects.toMatchObject({ code: 'E_NO_PROVIDER' });
    await slot.swap('two', {});
    expect(await add()).toBe(2);
    expect(others().some(({ running }) => running)).toBe(false);
  });

  it('hold calls, and do not perform those whose actor has given up meanwhile', async () => {
    let close = () => {};
    closeInCells = () =>
      new Promise((resolve) => {
        close = resolve;
      });
    fake.plans.one.hangAt = 'add';
    const inside = add();
    const store = slot.provider as FakeStore;
    const swapping = slot.swap('two', {});
    await until(() => store.waiting.length === 1 && fake.made.length === 2, 'the call');
    close();
    await new Promise((resolve) => setImmediate(resolve));
    const impatient = add(a, 1).catch(({ code }) => code);
    const patient = add(a, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    store.waiting[0]?.();
    expect(await inside).toBe(1);
    await swapping;
    expect(await impatient).toBe('E_TIMEOUT');
    expect(await patient).toBe(2);
  });

  it('go on when the old one does not stop well, or its part in a cell does not close', async () => {
    fake.plans.one.failAt = 'stop';
    closeInCells = () => Promise.reject(new Error('busy'));
    await slot.swap('two', {});
    expect(await add()).toBe(1);
    expect(lines.join()).toContain('fails at stop');
    await slot.stop();
    await expect(add()).rejects.toMatchObject({ code: 'E_NO_PROVIDER' });
  });

  it('end although the old one never stops', async () => {
    fake.plans.one.hangAt = 'stop';
    await slot.swap('two', {});
    await slot.stop();
    expect(last().running).toBe(false);
    expect(lines.join()).toContain('did not stop within');
  });
});

describe('a provider that can take over from another of its kind', () => {
  beforeEach(() => {
    fake.plans.one.takesOver = true;
    // It passes on what it has, not a copy.
    fake.plans.one.failAt = 'export';
  });

  it('runs before the old one is stopped, and has what that had', async () => {
    const before = slot.provider as FakeStore;
    await add();
    let ranBeside = false;
    closeInCells = async () => {
      ranBeside ||= before.running && last().running && last() !== before;
    };
    await slot.swap('one', { size: 1 });
    expect([ranBeside, before.running, slot.provider === before]).toEqual([true, false, false]);
    expect([...(slot.provider as FakeStore).bound.keys()]).toEqual(['a']);
    expect([await add(), before.value]).toEqual([2, 0]);
  });

  it('gives it back when it fails', async () => {
    const before = slot.provider as FakeStore;
    await add();
    fake.plans.one.failAt = 'bind';
    await expect(slot.swap('one', {})).rejects.toMatchObject({ code: 'E_PROVIDER' });
    expect([slot.provider === before, before.running, last().running]).toEqual([true, true, false]);
    expect([...before.bound.keys()]).toEqual(['a']);
    expect(await add()).toBe(2);
  });
});

describe('a binding that the provider refuses', () => {
  const refused = { ...b, grant: { refuse: true } };

  it('is forgotten: it does not stand in the way of a later swap', async () => {
    await expect(slot.bind(refused, deliver)).rejects.toThrow('refused');
    expect(slot.status().bindings).toBe(1);
    await slot.swap('two', {});
    expect(slot.status().implementation).toBe('two');
  });

  it('leaves the one before it in force', async () => {
    await slot.bind({ ...b, grant: { tag: 'good' } }, deliver);
    await expect(slot.bind(refused, deliver)).rejects.toThrow('refused');
    expect((slot.provider as FakeStore).bound.get('b')).toEqual({ tag: 'good' });
    await slot.swap('two', {});
    expect((slot.provider as FakeStore).bound.get('b')).toEqual({ tag: 'good' });
  });
});
