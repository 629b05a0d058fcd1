import { describe, expect, it } from 'vitest';
import type { LogLevel } from '#runtime/base/logger.js';
import contract, { MAX_LINE } from '#runtime/providers/wascc-logging/contract.js';
import { call, createProvider, failure, providerEnv, session } from '../helpers/providers.js';

const blink = session(contract, 'blink');

describe('wascc:logging host', () => {
  it("writes in the actor's name, at the level asked for", async () => {
    const lines: string[] = [];
    const provider = await createProvider(contract, 'host', providerEnv({}, lines));
    for (const level of [0, 1, 2, 3, 4, 5]) {
      expect(await call(contract, provider, blink, 'WriteLog', { level, body: `l${level}` })).toBeUndefined();
    }
    expect(lines).toEqual(
      ['error l1', 'warn l2', 'info l3', 'debug l4', 'trace l5'].map((line) => `${line} {"actor":"blink"}`),
    );
  });

  it('takes the array form, and refuses what is no log line', async () => {
    const lines: string[] = [];
    const provider = await createProvider(contract, 'host', providerEnv({}, lines));
    await call(contract, provider, blink, 'WriteLog', [3, 'from an array']);
    expect(lines).toEqual(['info from an array {"actor":"blink"}']);
    for (const request of [
      undefined,
      {},
      { level: 6, body: 'x' },
      { level: -1, body: 'x' },
      { level: 1, body: 7 },
    ]) {
      expect(await failure(() => call(contract, provider, blink, 'WriteLog', request))).toContain(
        'E_PAYLOAD',
      );
    }
    expect(() => contract.parseGrant({ level: 'debug' })).toThrow();
  });

  it('cuts a line that is too long, and says so', async () => {
    const lines: string[] = [];
    const provider = await createProvider(contract, 'host', providerEnv({}, lines));
    await call(contract, provider, blink, 'WriteLog', { level: 3, body: 'x'.repeat(MAX_LINE + 5) });
    expect(lines[0]).toContain('x… (5 characters more)');
    expect(lines[0]?.length).toBeLessThan(MAX_LINE + 100);
  });

  it('answers in the cell, without a promise', async () => {
    const implementation = await contract.loadImplementation('host');
    const seen: [string, LogLevel, string][] = [];
    const cell = implementation.createInCell?.(implementation.settings.parse({}), {
      dataDir: '/nonexistent',
      log: (...line) => void seen.push(line),
    });
    // {level: 2, body: "hot"} in MessagePack
    const bytes = Buffer.from('82a56c6576656c02a4626f6479a3686f74', 'hex');
    expect(contract.handle(cell, blink, 'WriteLog', bytes)).toEqual(new Uint8Array(0));
    expect(seen).toEqual([['blink', 'warn', 'hot']]);
    expect(implementation.cellOperations).toEqual(['WriteLog']);
  });
});
