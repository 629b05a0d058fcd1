import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { mosquittoMissing } from '../../helpers/mosquitto.js';
import { actorReadme, type Binding, replaceBinding } from './readme.js';
import { RealActor } from './real-actor.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const STATE = 'home/thermostat/state';
const SETPOINT = 'home/cmd/thermostat';
const SETTINGS = 'home/thermostat/settings';
const LINE = 'RELAY';
const readme = actorReadme('thermostat');

/** A thermometer that says a line again and again, as they do. */
class Thermometer {
  #says: string | Buffer = '';
  readonly #speaking: NodeJS.Timeout;

  constructor(private readonly actor: RealActor) {
    this.#speaking = setInterval(() => void this.#say(), 100);
    cleanup.add(() => clearInterval(this.#speaking));
  }

  async #say(): Promise<void> {
    if (this.#says.length > 0) await this.actor.cable.send(Buffer.from(this.#says as string)).catch(() => {});
  }

  says(line: string | Buffer): void {
    this.#says = line;
  }
}

async function start(options: Parameters<typeof RealActor.start>[2] = {}) {
  const actor = await RealActor.start(cleanup, 'thermostat', options);
  await actor.says(STATE, { relay: 'off', sensor: 'waiting' });
  return { actor, sensor: new Thermometer(actor) };
}

/** A binding of the README that may stand there instead. */
function variant(has: (binding: Binding) => boolean): Binding {
  const found = readme.instead.flat().find(has);
  if (found === undefined) throw new Error('the README has no such binding');
  return found;
}

describe.skipIf(missing !== undefined)('thermostat on a device, as its README has it', () => {
  it('heats below and stops above the hysteresis, whatever else the sensor says', {
    timeout: 60_000,
  }, async () => {
    const { actor, sensor } = await start();
    expect(actor.gpio.level(LINE)).toBe(0);
    await actor.say(SETTINGS, 'setpoint=21 hysteresis=0.5 min-on=0 min-off=0');
    await actor.says(STATE, { setpoint: 21 });
    const levels: number[] = [];
    actor.gpio.on('change', (line, level) => void (line === LINE && levels.push(level)));
    sensor.says('T=20.6 H=55\r\n');
    await actor.says(STATE, { temperature: 20.6, relay: 'off', sensor: 'ok' });
    sensor.says('T=20.5 H=55\r\n');
    await actor.says(STATE, { temperature: 20.5, relay: 'on' });
    expect(actor.gpio.level(LINE)).toBe(1);
    sensor.says('temp: 21.4 °C\n');
    await actor.says(STATE, { temperature: 21.4, relay: 'on' });
    sensor.says(
      Buffer.concat([
        Buffer.from('T=9x9\n\0\xff\xfe', 'latin1'),
        Buffer.alloc(300, 0x54),
        Buffer.from('\nT=21.5\n'),
      ]),
    );
    await actor.says(STATE, { temperature: 21.5, relay: 'off' });
    sensor.says('20.55\n');
    await actor.says(STATE, { temperature: 20.55, relay: 'off' });
    sensor.says('20.5\n');
    await actor.says(STATE, { relay: 'on' });
    expect(levels).toEqual([1, 0, 1]);
  });

  it('goes off when the sensor is silent or pulled out, says so, and comes back', {
    timeout: 60_000,
  }, async () => {
    const { actor, sensor } = await start();
    await actor.say(SETTINGS, 'setpoint=21 min-on=86400 min-off=0 silent=2');
    sensor.says('T=10\n');
    await actor.says(STATE, { relay: 'on', sensor: 'ok' });
    sensor.says('ERROR 3\n');
    await actor.says(STATE, { relay: 'off', sensor: 'silent' });
    expect(actor.gpio.level(LINE)).toBe(0);
    expect(actor.last(STATE)).not.toHaveProperty('temperature');
    await actor.logs('the sensor is silent: off');
    sensor.says('T=10\n');
    await actor.says(STATE, { relay: 'on', sensor: 'ok' });
    await actor.cable.unplug();
    await actor.says(STATE, { relay: 'off', sensor: 'silent' });
    await actor.cable.plug();
    await actor.says(STATE, { relay: 'on', sensor: 'ok' });
  });

  it('takes a retained set-point, refuses what is none, and has its settings after a restart', {
    timeout: 60_000,
  }, async () => {
    const prepared = await RealActor.prepare(cleanup, 'thermostat');
    await prepared.say(SETPOINT, '23.5', true);
    await prepared.push();
    await prepared.says(STATE, { setpoint: 23.5 });
    for (const wrong of ['warm', '', '200', '23.5; reboot', '1'.repeat(5_000)]) {
      await prepared.say(SETPOINT, wrong);
    }
    await prepared.logs('command is not a temperature');
    await prepared.logs('setpoint= wants degrees Celsius');
    await prepared.say(SETTINGS, 'setpoint=1 hysteresis=fast');
    await prepared.logs('hysteresis= wants 0 to 20 degrees');
    await prepared.say(SETTINGS, 'mode=cool min-off=0');
    expect(prepared.last(STATE)).toMatchObject({ setpoint: 23.5 });
    // Nobody repeats it: it is from the store that it comes.
    await prepared.say(SETPOINT, '', true);
    await prepared.device.off();
    prepared.heard.length = 0;
    await prepared.device.on();
    await prepared.says(STATE, { setpoint: 23.5, sensor: 'waiting', relay: 'off' });
    const sensor = new Thermometer(prepared);
    sensor.says('30\n');
    await prepared.says(STATE, { relay: 'on', temperature: 30 });
  });

  it('holds the relay through a live swap, and is off when the device stops', {
    timeout: 60_000,
  }, async () => {
    const { actor, sensor } = await start();
    await actor.say(SETTINGS, 'setpoint=21 min-off=0');
    sensor.says('T=15\n');
    await actor.says(STATE, { relay: 'on' });
    const { gpio } = actor;
    const changes: number[] = [];
    gpio.on('change', (line, level) => void (line === LINE && changes.push(level)));
    for (const _again of [2, 3]) {
      await actor.push();
      await actor.says(STATE, { relay: 'on', sensor: 'ok', temperature: 15 });
    }
    expect([gpio.level(LINE), changes]).toEqual([1, []]);
    sensor.says('T=25\n');
    await actor.until(
      () => actor.last(STATE)?.temperature === 25,
      () => 'the new version reads',
    );
    // Its least time on is a minute, from the swap on.
    expect([gpio.level(LINE), changes]).toEqual([1, []]);
    await actor.device.off();
    expect([gpio.level(LINE), changes]).toEqual([0, [0]]);
  });

  it('switches a relay board that wants a low level, which is never on by mistake', {
    timeout: 60_000,
  }, async () => {
    const low = variant(({ contract }) => contract === 'iot:gpio');
    const actor = await RealActor.prepare(cleanup, 'thermostat', {
      config: replaceBinding(readme.config, low),
    });
    const { gpio } = actor;
    expect(gpio.level(LINE)).toBe(1);
    const changes: number[] = [];
    gpio.on('change', (line, level) => void (line === LINE && changes.push(level)));
    await actor.push();
    await actor.says(STATE, { relay: 'off', sensor: 'waiting' });
    expect(changes).toEqual([]);
    await actor.say(SETTINGS, 'setpoint=21 min-on=0 min-off=0 silent=2');
    const sensor = new Thermometer(actor);
    sensor.says('T=15\n');
    await actor.says(STATE, { relay: 'on' });
    await actor.push();
    await actor.says(STATE, { relay: 'on', sensor: 'ok' });
    expect(changes).toEqual([0]);
    sensor.says('');
    await actor.says(STATE, { relay: 'off', sensor: 'silent' });
    expect(changes).toEqual([0, 1]);
    await actor.device.off();
    expect(changes).toEqual([0, 1]);
  });

  it('hears a sensor in the air, and no other', { timeout: 60_000 }, async () => {
    const air = variant(({ contract }) => contract === 'iot:ble');
    const caps = readme.caps.map((cap) => (cap === 'iot:serial' ? 'iot:ble' : cap));
    const config = replaceBinding(readme.config, air, 'iot:serial');
    const actor = await RealActor.start(cleanup, 'thermostat', { config, caps });
    await actor.say(SETTINGS, 'setpoint=21 min-on=0 min-off=0 silent=2 sensor=A4:C1:38:00:00:01');
    await actor.says(STATE, { setpoint: 21 });
    const bthome = (hundredths: number) => ({
      uuid: 'fcd2',
      data: [0x40, 0x02, hundredths & 0xff, hundredths >> 8],
    });
    const sensor = (hundredths: number, address = 'a4:c1:38:00:00:01') =>
      actor.ble.add({ address, serviceData: [bthome(hundredths)] });
    sensor(1_000, 'a4:c1:38:00:00:02');
    sensor(2_500);
    await actor.says(STATE, { temperature: 25, relay: 'off', sensor: 'ok' });
    sensor(2_000);
    await actor.says(STATE, { temperature: 20, relay: 'on' });
    sensor(1_000, 'a4:c1:38:00:00:02');
    await actor.says(STATE, { relay: 'off', sensor: 'silent' });
    expect(actor.of(STATE).some(({ temperature }) => temperature === 10)).toBe(false);
    sensor(2_000);
    await actor.says(STATE, { relay: 'on', sensor: 'ok' });
  });

  it('says how things are once the broker is back', { timeout: 60_000 }, async () => {
    const { actor, sensor } = await start();
    await actor.say(SETTINGS, 'setpoint=21 min-on=0 min-off=0');
    sensor.says('T=25\n');
    await actor.says(STATE, { relay: 'off', sensor: 'ok' });
    await actor.restartBroker(cleanup, async () => {
      sensor.says('T=15\n');
      await actor.until(
        () => actor.gpio.level(LINE) === 1,
        () => 'it heats without a broker',
      );
    });
    await actor.says(STATE, { relay: 'on', temperature: 15 });
  });
});
