import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { cancel } from '#runtime/control/client/cancel.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice } from '../helpers/device.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const GRANTS = COUNTER_SLOT.bindings.map(({ contract, ...settings }) => ({ contract, settings }));

/** Whether the broker keeps a session of that client: what was sent to it waits there. */
function hasSession(url: string, clientId: string): Promise<boolean> {
  const client = connect(url, { clientId, clean: false, reconnectPeriod: 0 });
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    client.once('connect', ({ sessionPresent }) => client.end(true, () => resolve(sessionPresent)));
  });
}

/** The counter in a slot that no configuration knows: pushed, refused for what it lacks, bound, and pushed again. */
async function pushed(device: TestDevice, actor: string): Promise<void> {
  const first = await device.push(actor, device.keys.counter());
  expect(first).toMatchObject({ end: 'rolled-back', error: { code: 'E_PROBATION_START' } });
  const lines = GRANTS.map(({ contract }) => `iot-host bind ${actor} ${contract}`);
  expect(first.status?.unbound).toEqual(expect.arrayContaining(lines));
  for (const grant of GRANTS) await device.client.rpc('bind', { actor, ...grant });
  await device.install(actor, device.keys.counter());
}

describe('an actor that was pushed', () => {
  it('lacked its bindings, has them, is stopped over a restart, and is removed without a trace', async () => {
    const device = await TestDevice.start(cleanup, { config: { actors: [] } });
    await pushed(device, 'extra');
    const session = 'pi-01-extra-default';
    expect(await device.client.rpc('actors.stop', { actor: 'extra' })).toMatchObject({ state: 'stopped' });
    await device.off();
    await device.on();
    expect(await device.actor('extra')).toMatchObject({ state: 'stopped' });
    expect(await device.readyz()).toBe(200);
    const started = await device.client.rpc('actors.start', { actor: 'extra' });
    expect(started).toMatchObject({ state: 'running' });
    await device.call('extra', 'Count');

    expect(await hasSession(device.broker, session)).toBe(true);
    expect(await device.client.rpc('actors.remove', { actor: 'extra' })).toEqual({});
    const { floor, installed, state } = (await device.client.status('extra')) ?? {};
    expect({ installed, state }).toEqual({ installed: undefined, state: 'cancelled' });
    expect(await hasSession(device.broker, session)).toBe(false);
    expect((await device.client.rpc('ps', {})).actors).toEqual([]);
    // What it said last can still be read; what was never there is no actor.
    const logs = (actor: string) => device.client.rpc('logs', { actor });
    expect((await logs('extra')).lines).not.toEqual([]);
    await expect(logs('other')).rejects.toMatchObject({
      code: 'E_NO_ACTOR',
      message: 'pi-01 has no actor "other"',
      hint: 'actors there: none',
    });
    // The retained envelope is still there: it is older now, with every connection.
    await device.off();
    await device.on();
    expect((await device.client.rpc('ps', {})).actors).toEqual([]);
    expect(await cancel(device.client, 'extra')).toBe(true);
    expect((await device.client.status('extra'))?.floor).toBe(floor);
    await pushed(device, 'extra');
  });
});

describe('what the configuration says', () => {
  it('is not taken away from afar: the line is named', async () => {
    const device = await TestDevice.start(cleanup);
    await device.install('counter', device.keys.counter());
    const text = await readFile(join(device.folder, 'iot-host.yaml'), 'utf8');
    // Lines count from 1, and the binding begins one line above its contract.
    const lines = text.split('\n');
    const line = lines.findIndex((each) => each.includes('"iot:mqtt"'));
    const column = (lines[line - 1] ?? '').indexOf('{') + 1;
    const unbind = device.client.rpc('unbind', { actor: 'counter', contract: 'iot:mqtt' });
    await expect(unbind).rejects.toMatchObject({
      code: 'E_CONFIG',
      hint: expect.stringContaining(`iot-host.yaml:${line}:${column}, then start the host again`),
    });
    const left = await device.client.rpc('actors.remove', { actor: 'counter' });
    expect(left.actor).toMatchObject({ state: 'empty', bindings: { length: GRANTS.length } });
    await device.install('counter', device.keys.counter());
    await device.call('counter', 'Count');
  });
});
