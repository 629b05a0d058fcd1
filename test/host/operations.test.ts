import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Host } from '#runtime/host/host.js';
import { guestModule } from '../helpers/guest.js';
import { bytes, startHost, type TestHost, text } from '../helpers/host.js';

const KEYVALUE = { contract: 'wascc:keyvalue', name: 'default' };
const GPIO = { contract: 'iot:gpio', name: 'default' };
const nothing = new Uint8Array(0);

let running: TestHost | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
async function start(slot: Record<string, unknown> = {}, modules = { a: guestModule() }) {
  running = await startHost({ actors: [{ name: 'a', ...slot }] }, modules);
  return running.host;
}
const state = (host: Host) => host.actors()[0]?.state;

describe('an actor that is stopped', () => {
  it('answers nothing, is no problem, and stays stopped over a restart of the host', async () => {
    const host = await start();
    expect(await host.stopActor('a')).toMatchObject({ name: 'a', state: 'stopped' });
    expect(host.problems()).toEqual([]);
    await expect(host.call('a', 'Echo', nothing)).rejects.toMatchObject({
      code: 'E_NOT_RUNNING',
      hint: 'iot-host start a',
    });
    await host.stopActor('a');
    const again = await running!.restart();
    expect(again.actors()).toMatchObject([{ state: 'stopped', key: 'MTEST' }]);
    expect(await again.startActor('a')).toMatchObject({ state: 'running' });
    expect(text(await again.call('a', 'Echo', bytes('x')))).toBe('x');
    expect(state(await running!.restart())).toBe('running');
  });

  it('is started by restart, too', async () => {
    const host = await start();
    await host.stopActor('a');
    expect(await host.restartActor('a')).toMatchObject({ state: 'running' });
    expect(state(await running!.restart())).toBe('running');
  });

  it('is started for good by a push that is kept, and is stopped again after one that is not', async () => {
    const host = await start();
    await host.stopActor('a');
    const trial = await (await host.prepare('a', guestModule({ version: '2' }))).activate();
    expect(text(await host.call('a', 'Version', nothing))).toBe('2');
    await expect(host.stopActor('a')).rejects.toMatchObject({ code: 'E_BUSY' });
    await trial.revert();
    expect(host.actors()).toMatchObject([{ state: 'stopped', version: '1' }]);
    const bad = await host.prepare('a', guestModule({ startTraps: true }));
    await expect(bad.activate()).rejects.toMatchObject({ code: 'E_TRAP' });
    expect(state(host)).toBe('stopped');
    expect(state(await running!.restart())).toBe('stopped');

    const kept = await (await running!.host.prepare('a', guestModule({ version: '2' }))).activate();
    await kept.commit();
    expect(state(await running!.restart())).toBe('running');
  });

  it('is forgotten with a file that is damaged only by name', async () => {
    await start();
    const file = join(running!.dataDir, 'stopped.json');
    await writeFile(file, '["../x"]');
    await expect(running!.restart()).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: `${file} is damaged`,
    });
    await writeFile(file, '[]');
    await running!.restart();
  });
});

describe('restart', () => {
  it('counts, and what waits is handled by the fresh engine', async () => {
    const host = await start({ bindings: [KEYVALUE] });
    const calls = Array.from({ length: 100 }, (_, n) => host.call('a', 'Echo', bytes(`${n}`)).then(text));
    await host.restartActor('a');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
    expect(host.actors()).toMatchObject([{ state: 'running', restarts: 1, failed: 0 }]);
  });

  it('ends the wait of an actor that keeps failing, and start does too', async () => {
    const host = await start({}, { a: guestModule({ startTraps: true }) });
    expect(await host.startActor('a')).toMatchObject({
      state: 'backoff',
      problem: expect.stringContaining('trapped'),
    });
    expect(await host.restartActor('a')).toMatchObject({
      state: 'backoff',
      problem: expect.stringContaining('trapped'),
    });
    expect(await host.stopActor('a')).toMatchObject({ state: 'stopped' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(state(host)).toBe('stopped');
  });
});

it.each(['startActor', 'stopActor', 'restartActor'] as const)('%s of nothing says so', async (operation) => {
  running = await startHost({ actors: [{ name: 'a' }] }, {});
  const { host } = running;
  await expect(host[operation]('a')).rejects.toMatchObject({
    code: 'E_NOT_RUNNING',
    hint: 'iot-host push FILE --name a',
  });
  await expect(host[operation]('b')).rejects.toMatchObject({ code: 'E_NO_ACTOR' });
  expect((await running.restart()).actors()).toMatchObject([{ state: 'empty' }]);
});

describe('unbind', () => {
  it('takes back at once and for good what bind granted', async () => {
    const host = await start();
    await host.bind('a', KEYVALUE);
    await host.call('a', 'Key', nothing);
    expect(await host.unbind('a', 'wascc:keyvalue')).toMatchObject({ bindings: [] });
    await expect(host.call('a', 'Key', nothing)).rejects.toThrow('E_NOT_BOUND');
    expect(host.providers.get('wascc:keyvalue').status()).toMatchObject({ bindings: 0 });
    expect((await running!.restart()).actors()).toMatchObject([{ bindings: [] }]);
    expect(await readFile(join(running!.dataDir, 'bindings.json'), 'utf8')).toBe('{}\n');
  });

  it('shows what the file grants again, and refuses to take that', async () => {
    const host = await start({ bindings: [KEYVALUE] });
    await host.bind('a', { ...KEYVALUE, space: 'other' });
    expect(await host.unbind('a', 'wascc:keyvalue')).toMatchObject({ bindings: [KEYVALUE] });
    await expect(host.call('a', 'Key', nothing)).resolves.toBeDefined();
    await expect(host.unbind('a', 'wascc:keyvalue')).rejects.toMatchObject({
      code: 'E_CONFIG',
      hint: expect.stringContaining('take it out of the configuration'),
    });
    await expect(host.call('a', 'Key', nothing)).resolves.toBeDefined();
  });

  it('of what is not there says what is', async () => {
    const host = await start({ bindings: [KEYVALUE] });
    await expect(host.unbind('a', 'wascc:keyvalue', 'other')).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      hint: 'it has: wascc:keyvalue (default)',
    });
    await expect(host.unbind('b', 'wascc:keyvalue')).rejects.toMatchObject({ code: 'E_NO_ACTOR' });
  });

  it('gives the pins back', async () => {
    const host = await start({}, { a: guestModule({ capabilities: ['iot:gpio'] }) });
    host.ensureSlot('b');
    const pins = { ...GPIO, lines: { LED: { direction: 'out' } } };
    await host.bind('a', pins);
    await expect(host.bind('b', pins)).rejects.toMatchObject({ code: 'E_BUSY' });
    await host.unbind('a', 'iot:gpio');
    await host.bind('b', pins);
  });
});

describe('remove', () => {
  it('of a slot that a push made leaves nothing: no slot, no grants, no session', async () => {
    const host = await start();
    host.ensureSlot('b');
    await host.bind('b', KEYVALUE);
    await (await (await host.prepare('b', guestModule())).activate()).commit();
    await host.stopActor('b');
    let changes = 0;
    host.onChange(() => changes++);
    expect(await host.removeActor('b')).toBeUndefined();
    expect(changes).toBeGreaterThan(0);
    expect(host.actors().map(({ name }) => name)).toEqual(['a']);
    expect(host.providers.get('wascc:keyvalue').status()).toMatchObject({ bindings: 0 });
    expect((await running!.restart()).actors().map(({ name }) => name)).toEqual(['a']);
    // The next one of that name begins with nothing, and runs.
    running!.host.ensureSlot('b');
    expect(running!.host.missingBindings('b', ['wascc:keyvalue'])).toHaveLength(1);
    expect(await readFile(join(running!.dataDir, 'stopped.json'), 'utf8')).toBe('[]\n');
  });

  it('of a slot of the file goes back to what the file says', async () => {
    const host = await start({ bindings: [KEYVALUE] });
    await host.bind('a', { ...GPIO, lines: { LED: { direction: 'out' } } });
    await (await (await host.prepare('a', guestModule({ version: '2' }))).activate()).commit();
    expect(await host.removeActor('a')).toMatchObject({
      state: 'running',
      version: '1',
      bindings: [KEYVALUE],
    });
    await expect(host.call('a', 'Key', nothing)).resolves.toBeDefined();
  });
});
