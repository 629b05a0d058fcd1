import { mkdtemp, rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ActorBench } from '../helpers/actor-bench.js';
import { Cleanup } from '../helpers/cleanup.js';
import { PtyCable } from '../providers/serial/pty.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const STATE = 'home/thermostat/state';
const SERIAL = { contract: 'iot:serial', ports: { probe: { framing: { delimiter: '\n' } } } };
const COMMON = [
  { contract: 'iot:gpio', lines: { RELAY: { direction: 'out', safe: 0 } } },
  { contract: 'iot:timer' },
  { contract: 'wascc:keyvalue' },
  { contract: 'iot:mqtt', publish: [STATE], subscribe: ['home/thermostat/settings', 'home/cmd/thermostat'] },
];
const wired = () => ActorBench.start(cleanup, 'thermostat', [...COMMON, SERIAL], ['probe']);
const relay = (bench: ActorBench) => bench.gpio.level('RELAY');

describe('thermostat', () => {
  it('switches at the hysteresis, not before its least times are over', async () => {
    const bench = await wired();
    await bench.send('home/thermostat/settings', 'setpoint=21 hysteresis=0.5 min-on=30 min-off=60');
    await bench.receive('probe', 'T=18.25\r\n');
    expect(relay(bench)).toBe(0);
    await bench.pass(59_000);
    expect(relay(bench)).toBe(0);
    await bench.pass(2_000);
    expect(relay(bench)).toBe(1);
    expect(bench.last(STATE)).toEqual({ setpoint: 21, temperature: 18.25, relay: 'on', sensor: 'ok' });
    await bench.receive('probe', 'T=21.6\n');
    expect(relay(bench)).toBe(1);
    await bench.pass(31_000);
    expect(relay(bench)).toBe(0);
    await bench.pass(61_000);
    for (const between of ['21.4', '20.51']) await bench.receive('probe', `${between}\n`);
    expect(relay(bench)).toBe(0);
    await bench.receive('probe', '20.5\n');
    expect(relay(bench)).toBe(1);
    expect(bench.mqtt.published.every(({ retain }) => retain)).toBe(true);
  });

  it('goes off when the sensor is silent, whatever the least time on, and comes back with it', async () => {
    const bench = await wired();
    await bench.send('home/thermostat/settings', 'setpoint=21 min-on=86400 min-off=0 silent=20');
    await bench.receive('probe', 'temp: 10 C\n');
    expect(relay(bench)).toBe(1);
    // Lines that are no temperature, or none that a sensor can have, are silence.
    for (let round = 0; round < 7; round++) {
      await bench.receive('probe', 'ERROR\nT=\nT=999\nT=1.2.3\n\u00ff\n');
      await bench.pass(3_000);
    }
    expect(relay(bench)).toBe(0);
    expect(bench.last(STATE)).toEqual({ setpoint: 21, relay: 'off', sensor: 'silent' });
    await bench.receive('probe', 'T=-3.5\n');
    expect(relay(bench)).toBe(1);
    expect(bench.last(STATE)).toMatchObject({ temperature: -3.5, sensor: 'ok' });
  });

  it('takes a set-point, refuses what is none, and remembers its settings', async () => {
    const bench = await wired();
    expect(await bench.send('home/thermostat/settings', 'mode=cool hysteresis=1 min-off=0')).toBe('handled');
    expect(await bench.send('home/cmd/thermostat', '25.5')).toBe('handled');
    expect(await bench.send('home/cmd/thermostat', 'warm')).toContain('command is not a temperature');
    expect(await bench.send('home/cmd/thermostat', '200')).toContain('setpoint= wants degrees Celsius');
    expect(await bench.send('home/thermostat/settings', 'min-on=5 speed=3')).toContain(
      'has a name that thermostat does not know',
    );
    await bench.receive('probe', '26.4\n');
    expect(relay(bench)).toBe(0);
    await bench.receive('probe', '26.5\n');
    expect(relay(bench)).toBe(1);
    await bench.host.restartActor('thermostat');
    await bench.settle();
    await bench.receive('probe', '26.5\n');
    expect(bench.last(STATE)).toMatchObject({ setpoint: 25.5, temperature: 26.5 });
  });

  it.each([
    ['BTHome', 'fcd2', [0x40, 0x00, 0x09, 0x01, 0x61, 0x02, 0xca, 0x09], 25.06],
    ['BTHome in tenths', 'fcd2', [0x40, 0x45, 0x11, 0x01], 27.3],
    ['a Temperature characteristic', '2a6e', [0x38, 0xff], -2],
    ['ATC1441', '181a', [1, 2, 3, 4, 5, 6, 0x00, 0xd7, 40, 90, 0x0b, 0xb8, 1], 21.5],
    ['pvvx', '181a', [1, 2, 3, 4, 5, 6, 0x66, 0x08, 0, 0, 0, 0, 90, 1, 5], 21.5],
  ])('hears a sensor in the air: %s', async (_name, uuid, data, temperature) => {
    const bench = await ActorBench.start(cleanup, 'thermostat', [
      ...COMMON,
      { contract: 'iot:ble', scan: true },
    ]);
    await bench.send('home/thermostat/settings', 'sensor=a4:c1:38:00:00:01');
    bench.ble.add({ address: 'a4:c1:38:00:00:02', serviceData: [{ uuid: '2a6e', data: [0, 0] }] });
    bench.ble.add({
      address: 'a4:c1:38:00:00:01',
      serviceData: [
        { uuid: 'feaa', data: [1] },
        { uuid, data },
      ],
    });
    await bench.until(
      () => bench.mqtt.published.some(({ payload }) => payload.includes('"ok"')),
      'a reading',
    );
    expect(bench.last(STATE)).toMatchObject({ temperature, sensor: 'ok' });
  });

  it('reads a sensor on a real port', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp('/dev/shm/iot-serial-');
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const cable = new PtyCable(folder, 'probe');
    await cable.plug();
    cleanup.add(() => cable.unplug());
    const bench = await ActorBench.start(cleanup, 'thermostat', [...COMMON, SERIAL], { probe: cable.near });
    await bench.send('home/thermostat/settings', 'setpoint=21 min-off=0 min-on=0');
    await cable.send(Buffer.from('T=1'));
    await cable.send(Buffer.from('8.5\r\n'));
    await bench.until(() => relay(bench) === 1, 'on');
    await cable.unplug();
    await cable.plug();
    // Nobody reads what is sent before the port has been found again.
    const sending = setInterval(() => void cable.send(Buffer.from('T=25\n')).catch(() => {}), 50);
    cleanup.add(() => clearInterval(sending));
    const off = { setpoint: 21, temperature: 25, relay: 'off', sensor: 'ok' };
    await bench.until(() => JSON.stringify(bench.last(STATE)) === JSON.stringify(off), 'off');
    expect(relay(bench)).toBe(0);
  });
});
