import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import contract from '#runtime/providers/wascc-keyvalue/contract.js';
import { call, createProvider, failure, providerEnv, session, temporaryDir } from '../helpers/providers.js';
import { testKeyValueContract } from './keyvalue.contract.js';

const dirs: { remove(): void }[] = [];
const newDir = () => {
  const dir = temporaryDir();
  dirs.push(dir);
  return dir.path;
};
const signal = new AbortController().signal;
const counter = session(contract, 'counter');

testKeyValueContract('memory', () => createProvider(contract, 'memory', providerEnv()));
testKeyValueContract('lmdb', () => createProvider(contract, 'lmdb', providerEnv({ dataDir: newDir() })));
afterAll(() => {
  for (const dir of dirs) dir.remove();
});

describe('wascc:keyvalue grants and settings', () => {
  it('refuses what it does not know', async () => {
    expect(() => contract.parseGrant({ space: 'a', read: true })).toThrow();
    expect(() => contract.parseGrant({ space: 'a/b' })).toThrow();
    expect(() => contract.parseGrant({ space: '' })).toThrow();
    expect(await failure(() => contract.loadImplementation('redis'))).toBe(
      'E_CONFIG wascc:keyvalue has no implementation "redis"',
    );
  });

  it.each(['memory', 'lmdb'])('%s refuses to grow beyond its bound', async (name) => {
    const env = providerEnv({ dataDir: newDir() });
    const provider = await createProvider(contract, name, env, { maxBytes: 40_000 });
    await provider.start(signal);
    const put = (key: string) => call(contract, provider, counter, 'Set', { key, value: 'x'.repeat(25_000) });
    await put('a');
    await put('a');
    expect(await failure(() => put('b'))).toContain('E_NO_SPACE');
    await call(contract, provider, counter, 'Del', { key: 'a' });
    await put('b');
    await provider.stop();
  });
});

describe('wascc:keyvalue memory', () => {
  it('is empty after a restart, and says that it is not durable', async () => {
    const provider = await createProvider(contract, 'memory', providerEnv());
    await provider.start(signal);
    await call(contract, provider, counter, 'Set', { key: 'a', value: '1' });
    await provider.stop();
    await provider.start(signal);
    expect(provider.durable ?? false).toBe(false);
    expect(await call(contract, provider, counter, 'KeyExists', { key: 'a' })).toMatchObject({
      exists: false,
    });
    await provider.stop();
  });
});

describe('wascc:keyvalue lmdb', () => {
  let dataDir = '';
  const start = async (lines: string[] = []) => {
    const provider = await createProvider(contract, 'lmdb', providerEnv({ dataDir }, lines));
    await provider.start(signal);
    return provider;
  };
  const store = async () => {
    dataDir = newDir();
    const provider = await start();
    await call(contract, provider, counter, 'Set', { key: 'a', value: '1' });
    await call(contract, provider, counter, 'Set', { key: 'big', value: 'x'.repeat(50_000) });
    return provider;
  };

  it('keeps its values across a restart', async () => {
    const first = await store();
    expect(first.durable).toBe(true);
    await first.stop();
    const second = await start();
    expect(await call(contract, second, counter, 'Get', { key: 'a' })).toEqual({ value: '1', exists: true });
    await second.stop();
    expect(await failure(() => call(contract, second, counter, 'Get', { key: 'a' }))).toContain(
      'E_NO_PROVIDER',
    );
  });

  it('names a damaged file instead of dying of it', async () => {
    await (await store()).stop();
    const file = join(dataDir, 'data.mdb');
    const good = readFileSync(file);
    const damaged: [string, () => void][] = [
      ['not an LMDB file', () => writeFileSync(file, Buffer.alloc(16_384, 7))],
      ['not an LMDB file', () => writeFileSync(file, 'short')],
      ['not an LMDB file', () => writeFileSync(file, Buffer.alloc(8_192))],
      [
        'second meta page',
        () => writeFileSync(file, Buffer.concat([good.subarray(0, 4096), Buffer.alloc(9000)])),
      ],
      ['cut short', () => truncateSync(file, good.length - 4096)],
    ];
    for (const [problem, damage] of damaged) {
      writeFileSync(file, good);
      damage();
      const message = await failure(() => start());
      expect(message).toContain(`E_PROVIDER key-value store in ${dataDir} cannot be opened`);
      expect(message).toContain(problem);
    }
    writeFileSync(file, good);
    const provider = await start();
    expect(await call(contract, provider, counter, 'Get', { key: 'a' })).toMatchObject({ value: '1' });
    await provider.stop();
  });

  it('names a damaged value, lets it be replaced and leaves it out of the state', async () => {
    const provider = await store();
    await provider.stop();
    const { open } = await import('lmdb');
    const db = open({ path: dataDir, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' });
    db.putSync(Buffer.from('\u0007countera'), Buffer.from([0xff, 0x00]));
    await db.close();
    const lines: string[] = [];
    const again = await start(lines);
    expect(await failure(() => call(contract, again, counter, 'Get', { key: 'a' }))).toBe(
      'E_PROVIDER stored value of key "a" is damaged',
    );
    expect(await again.exportState?.()).toMatchObject({ entries: [{ key: 'big' }] });
    expect(lines.join()).toContain('stored value of key "a" is damaged');
    await call(contract, again, counter, 'Set', { key: 'a', value: '2' });
    expect(await call(contract, again, counter, 'Get', { key: 'a' })).toMatchObject({ value: '2' });
    await again.stop();
  });

  it('answers in cells too: threads see each other, and no increment is lost', async () => {
    const provider = await store();
    const work = { dataDir, adds: 50 };
    const workers = [1, 2].map(() => new Worker(CELL, { eval: true, workerData: work }));
    const results = workers.map(
      (worker) => new Promise((done, fail) => worker.once('message', done).once('error', fail)),
    );
    for (let i = 0; i < 50; i += 1) {
      await call(contract, provider, counter, 'Add', { key: 'n', value: 1 });
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(results)).toEqual(['1', '1']);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(await call(contract, provider, counter, 'Get', { key: 'n' })).toEqual({
      value: '150',
      exists: true,
    });
    await provider.stop();
  });

  let stopped: (() => Promise<void>) | undefined;
  afterEach(() => stopped?.());
  it('sees at once, without a turn of the event loop, what another thread wrote', async () => {
    const provider = await store();
    stopped = () => provider.stop();
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(WRITER, { eval: true, workerData: { dataDir, flag } });
    expect(await call(contract, provider, counter, 'Get', { key: 'a' })).toMatchObject({ value: '1' });
    Atomics.wait(flag, 0, 0, 15_000);
    const reply = contract.handle(
      provider,
      counter,
      'Get',
      Uint8Array.from([0x81, 0xa3, 0x6b, 0x65, 0x79, 0xa1, 0x61]),
    );
    expect(Buffer.from(reply as Uint8Array).toString()).toContain('from the cell');
    await worker.terminate();
  });
});

const root = new URL('../../dist/runtime/', import.meta.url).href;
const PRELUDE = `
  const { workerData, parentPort } = require('node:worker_threads');
  const begin = async () => {
    const contract = (await import('${root}providers/wascc-keyvalue/contract.js')).default;
    const { encodePayload, decodePayload } = await import('${root}base/codec.js');
    const implementation = await contract.loadImplementation('lmdb');
    const settings = implementation.settings.parse({});
    const cell = implementation.createInCell(settings, { dataDir: workerData.dataDir, log() {} });
    const session = { actor: 'counter', binding: 'default', grant: contract.parseGrant({}) };
    return { cell, call: (operation, request) => {
      const reply = contract.handle(cell, session, operation, encodePayload('msgpack', request));
      return decodePayload('msgpack', reply);
    } };
  };`;
const CELL = `${PRELUDE}
  begin().then(({ cell, call }) => {
    for (let i = 0; i < workerData.adds; i += 1) call('Add', { key: 'n', value: 1 });
    const { value } = call('Get', { key: 'a' });
    cell.close();
    parentPort.postMessage(value);
  });`;
const WRITER = `${PRELUDE}
  begin().then(({ cell, call }) => {
    call('Set', { key: 'a', value: 'from the cell' });
    cell.close();
    Atomics.store(workerData.flag, 0, 1);
    Atomics.notify(workerData.flag, 0);
  });`;
