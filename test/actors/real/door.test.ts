import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { mosquittoMissing } from '../../helpers/mosquitto.js';
import { RealActor } from './real-actor.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const LINE = 'GPIO18';
const DOOR = `home/door/${LINE}`;

async function start() {
  const door = await RealActor.prepare(cleanup, 'door');
  door.gpio.press(LINE, 0);
  await door.push();
  await door.says(DOOR, { state: 'closed', count: 0, lost: 0 });
  return door;
}

describe.skipIf(missing !== undefined)('door on a device, as its README has it', () => {
  it('tells each opening once, however the contact bounces', { timeout: 60_000 }, async () => {
    const door = await start();
    door.heard.length = 0;
    for (let count = 1; count <= 3; count++) {
      for (const level of [1, 0, 1, 0, 1] as const) door.gpio.press(LINE, level);
      await door.says(DOOR, { state: 'open', count, lost: 0 });
      for (const level of [0, 1, 0] as const) door.gpio.press(LINE, level);
      await door.says(DOOR, { state: 'closed', count });
    }
    expect(door.of(DOOR).map(({ state }) => state)).toEqual([
      ...['open', 'closed', 'open', 'closed', 'open', 'closed'],
    ]);
  });

  it('tells a press, a long one and the release of a button, and keeps none of them', {
    timeout: 60_000,
  }, async () => {
    const door = await start();
    const button = 'home/door/BUTTON';
    expect(door.last(button)).toBeUndefined();
    for (const level of [0, 1, 0] as const) door.gpio.press('BUTTON', level);
    await door.says(button, { event: 'long', count: 1 });
    for (const level of [1, 0, 1] as const) door.gpio.press('BUTTON', level);
    await door.says(button, { event: 'release', count: 1, lost: 0 });
    expect(door.last(button)?.ms).toBeGreaterThanOrEqual(1_000);
    expect(door.of(button).map(({ event }) => event)).toEqual(['press', 'long', 'release']);
    expect(await door.retained(button)).toBeUndefined();
  });

  it('leaves its state with the broker, and the true one after a start', { timeout: 60_000 }, async () => {
    const door = await start();
    door.gpio.press(LINE, 1);
    await door.says(DOOR, { state: 'open' });
    expect(await door.retained(DOOR)).toEqual({ state: 'open', count: 1, lost: 0 });
    const presence = 'iot/pi-01/presence';
    expect(await door.retained(presence)).toMatchObject({ state: 'online' });
    await door.device.off();
    expect(await door.retained(presence)).toMatchObject({ state: 'offline' });
    door.heard.length = 0;
    await door.device.on();
    // The simulated board forgets with its process what drives its pins: nothing does, and the pull-up has it.
    await door.says(DOOR, { state: 'open', count: 0, lost: 0 });
    door.gpio.press(LINE, 0);
    await door.says(DOOR, { state: 'closed' });
    await door.push();
    door.heard.length = 0;
    door.gpio.press(LINE, 1);
    await door.says(DOOR, { state: 'open', lost: 0 });
  });

  it('says later what the broker did not take', { timeout: 60_000 }, async () => {
    const door = await start();
    door.heard.length = 0;
    await door.restartBroker(cleanup, async () => {
      door.gpio.press(LINE, 1);
      await door.logs('the broker does not take messages');
    });
    await door.says(DOOR, { state: 'open', count: 1 });
    expect(await door.retained(DOOR)).toMatchObject({ state: 'open', count: 1 });
  });
});
