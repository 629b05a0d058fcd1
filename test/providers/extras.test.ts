import { describe, expect, it } from 'vitest';
import contract from '#runtime/providers/wascc-extras/contract.js';
import { HostExtras } from '#runtime/providers/wascc-extras/host.js';
import { call, createProvider, providerEnv, session } from '../helpers/providers.js';
import { testExtrasContract } from './extras.contract.js';

testExtrasContract('host', () => createProvider(contract, 'host', providerEnv()));

const blink = session(contract, 'blink');

describe('wascc:extras host', () => {
  it('takes its chance from where it is told', async () => {
    const provider = new HostExtras({ guid: () => 'an id', between: (min, max) => min * 1000 + max });
    expect(await call(contract, provider, blink, 'RequestGuid', {})).toMatchObject({ guid: 'an id' });
    expect(await call(contract, provider, blink, 'RequestRandom', { min: 3, max: 4 })).toMatchObject({
      randomNumber: 3004,
    });
  });

  it('makes ids and random numbers in the cell, without a promise; sequences are for the main thread', async () => {
    const implementation = await contract.loadImplementation('host');
    const cell = implementation.createInCell?.(implementation.settings.parse({}), {
      dataDir: '/nonexistent',
      log() {},
    });
    expect(contract.handle(cell, blink, 'RequestGuid', new Uint8Array(0))).toBeInstanceOf(Uint8Array);
    // [{2: [7, 8]}]
    const random = contract.handle(cell, blink, 'RequestRandom', Buffer.from('918102920708', 'hex'));
    expect(Buffer.from(random as Uint8Array).toString('hex')).toBe('91810207');
    expect(implementation.cellOperations).toEqual(['RequestGuid', 'RequestRandom']);
  });
});
