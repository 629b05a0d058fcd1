import { beforeEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import type { Deliver } from '#runtime/base/contract.js';
import type { IotError } from '#runtime/base/errors.js';
import { Bindings } from '#runtime/host/actors/bindings.js';
import { Providers } from '#runtime/host/providers/providers.js';
import { type FakeStore, fakeStore } from '../helpers/fake-store.js';
import { providerEnv, temporaryDir } from '../helpers/providers.js';

const CONTRACT = 'wascc:keyvalue';
let fake: ReturnType<typeof fakeStore>;
let providers: Providers;
let bindings: Bindings;
let delivered: string[];
beforeEach(() => {
  fake = fakeStore();
  delivered = [];
  const dir = temporaryDir();
  const { device, brokerUrl, board, logger } = providerEnv();
  providers = new Providers({
    contracts: new Map([[CONTRACT, { contract: fake.contract, url: '' }]]),
    ...{ device, brokerUrl, board, logger },
    dataDir: dir.path,
    setInCells: async () => undefined,
  });
  bindings = new Bindings('a', providers, async (contract, operation) => {
    delivered.push(`${contract} ${operation}`);
    return encodePayload('msgpack', { ok: true });
  });
  return async () => {
    await providers.stop();
    dir.remove();
  };
});
const store = () => fake.made[0] as FakeStore;

describe('the bindings of a slot', () => {
  it('are found by contract and name, and shown to a cell only where the module claims the contract', async () => {
    await bindings.add({ contract: CONTRACT, name: 'default', tag: 'x' });
    await bindings.add({ contract: CONTRACT, name: 'other' });
    expect(bindings.find(CONTRACT, 'other')?.session).toMatchObject({ actor: 'a', binding: 'other' });
    expect(bindings.find(CONTRACT, 'third')).toBeUndefined();
    expect(bindings.find('iot:gpio', 'default')).toBeUndefined();
    expect(bindings.forCell([])).toEqual([]);
    expect(bindings.forCell([CONTRACT])).toMatchObject([
      { contract: CONTRACT, name: 'default', grant: { tag: 'x' }, provider: `${CONTRACT}/default` },
      { contract: CONTRACT, name: 'other', provider: `${CONTRACT}/default` },
    ]);
  });

  it('keep the grant before when a new one is not valid, or refused', async () => {
    await bindings.add({ contract: CONTRACT, name: 'default', tag: 'x' });
    const wrong = bindings.add({ contract: CONTRACT, name: 'default', tag: 7 });
    await expect(wrong).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('tag') });
    const refused = bindings.add({ contract: CONTRACT, name: 'default', refuse: true });
    await expect(refused).rejects.toMatchObject({ code: 'E_PROVIDER' });
    expect(bindings.list().map(({ session }) => session.grant)).toEqual([{ tag: 'x' }]);
    expect(store().bound.get('a')).toEqual({ tag: 'x' });
  });

  it('hand messages on in the name of their contract, decoded and encoded', async () => {
    let deliver: Deliver | undefined;
    const create = fake.contract.loadImplementation;
    Object.assign(fake.contract, {
      loadImplementation: async (name: string) => {
        const implementation = await create(name);
        return {
          ...implementation,
          create: (settings: unknown, env: never) => {
            const provider = implementation.create(settings as never, env);
            provider.bind = async (_session, given) => {
              deliver = given;
            };
            return provider;
          },
        };
      },
    });
    await bindings.add({ contract: CONTRACT, name: 'default' });
    expect(await deliver?.('Tick', { n: 1 })).toEqual({ ok: true });
    expect(delivered).toEqual([`${CONTRACT} Tick`]);
  });

  it('renew registrations everywhere, drop what was not renewed, and say which contract is unknown', async () => {
    await bindings.add({ contract: CONTRACT, name: 'default' });
    const drop = bindings.renew();
    expect([store().renewals, store().drops]).toEqual([1, 0]);
    await drop();
    expect(store().drops).toBe(1);
    await expect(bindings.add({ contract: 'acme:none', name: 'default' })).rejects.toSatisfy(
      (error: IotError) => error.code === 'E_CONFIG' && error.message.includes('acme:none'),
    );
  });
});
