import { mkdtemp, rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ActorBench } from '../helpers/actor-bench.js';
import { Cleanup } from '../helpers/cleanup.js';
import { PtyCable } from '../providers/serial/pty.js';
import { ModbusSlave, withCrc } from './modbus-slave.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const BINDINGS = [
  { contract: 'iot:serial', ports: { bus: { framing: { gapMs: 5 } } } },
  { contract: 'iot:timer' },
  { contract: 'wascc:keyvalue' },
  {
    contract: 'iot:mqtt',
    publish: ['home/modbus/+'],
    subscribe: ['home/modbus/settings', 'home/cmd/modbus/+'],
  },
];
const SETTINGS = 'home/modbus/settings';

async function simulated(settings: string) {
  const bench = await ActorBench.start(cleanup, 'modbus-gateway', BINDINGS, ['bus']);
  expect(await bench.send(SETTINGS, settings)).toBe('handled');
  /** The next request, once it is there. */
  const request = async () => {
    let got = Buffer.alloc(0);
    await bench.until(() => {
      got = Buffer.concat([got, bench.serial.received('bus')]);
      return got.length > 0;
    }, 'a request');
    return got;
  };
  /** Lets the slave answer so many requests. */
  const serve = async (slave: ModbusSlave, times = 1) => {
    for (let n = 0; n < times; n++)
      bench.serial.send('bus', slave.answer(await request()) ?? Buffer.alloc(0));
  };
  const says = (name: string, what: unknown) =>
    bench.until(
      () => JSON.stringify(bench.last(`home/modbus/${name}`)) === JSON.stringify(what),
      `${name} said`,
    );
  return { bench, request, serve, says };
}

describe('modbus-gateway', () => {
  it('polls what its settings name, and publishes numbers', async () => {
    const { bench, request, serve, says } = await simulated(
      'every=1000 flow=1:input:8:s16:1 pump=1:coil:0\ntotal=2:holding:100:u32:3 level=2:holding:7',
    );
    const slave = new ModbusSlave();
    slave.registers.set('1/8', 0xff85).set('2/100', 0xffff).set('2/101', 0xfff6).set('2/7', 65_535);
    slave.coils.set('1/0', true);
    // The first request to the byte, with the checksum of a calculator that is not ours.
    const first = await request();
    expect(first.toString('hex')).toBe('010400080001b008');
    bench.serial.send('bus', slave.answer(first)!);
    await serve(slave, 3);
    await says('flow', { value: -12.3 });
    await says('pump', { value: 1 });
    await says('total', { value: 4_294_967.286 });
    await says('level', { value: 65_535 });
    slave.registers.set('1/8', 5);
    await bench.pass(1_000);
    await serve(slave, 4);
    await says('flow', { value: 0.5 });
  });

  it('asks again after silence, noise and half frames, and says once that nobody answers', async () => {
    const { bench, request, serve, says } = await simulated('every=60000 timeout=100 retries=3 t=1:input:0');
    const slave = new ModbusSlave();
    slave.registers.set('1/0', 7);
    const good = slave.answer(await request())!;
    const wrong = Buffer.from(good);
    wrong[3]! ^= 1;
    for (const bad of [wrong, good.subarray(0, 4), Buffer.of()]) {
      bench.serial.send('bus', bad);
      // Longer than the gap, so that the frame has ended before the time for the answer has.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await bench.pass(100);
      expect((await request()).toString('hex')).toBe('01040000000131ca');
    }
    bench.serial.send('bus', good);
    await says('t', { value: 7 });
    let until = 60_000 - 3 * 100;
    for (let round = 0; round < 2; round++) {
      await bench.pass(until);
      until = 60_000 - 4 * 100;
      for (let n = 0; n < 4; n++) {
        await request();
        await bench.pass(100);
      }
      await says('t', { error: 'no answer' });
    }
    expect(bench.mqtt.published.filter(({ payload }) => payload.includes('error'))).toHaveLength(1);
    await bench.pass(until);
    await serve(slave);
    await says('t', { value: 7 });
  });

  it('tells exceptions and answers of another size, and takes nobody else for the one it asked', async () => {
    const { bench, request, says } = await simulated('every=1000 timeout=100 retries=0 t=1:input:0:u32');
    await request();
    for (const other of [
      [2, 4, 4, 0, 0, 0, 1],
      [1, 3, 4, 0, 0, 0, 1],
    ]) {
      bench.serial.send('bus', withCrc(other));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    bench.serial.send('bus', withCrc([1, 0x84, 2]));
    await says('t', { error: 'illegal data address' });
    await bench.pass(1_000);
    await request();
    bench.serial.send('bus', withCrc([1, 4, 2, 0, 1]));
    await says('t', { error: 'answer of another size' });
  });

  it('writes by command, reads back what became of it, and refuses what cannot be', async () => {
    const { bench, serve, says } = await simulated(
      'every=60000 target=1:holding:5:s16:1 big=1:holding:10:s32 pump=1:coil:3 t=1:input:0',
    );
    const slave = new ModbusSlave();
    for (const at of [0, 5, 10, 11]) slave.registers.set(`1/${at}`, 0);
    slave.coils.set('1/3', false);
    await serve(slave, 4);
    await bench.send('home/cmd/modbus/target', '-21.5');
    await serve(slave, 2);
    await says('target', { value: -21.5 });
    await bench.send('home/cmd/modbus/big', '-70000');
    await serve(slave, 2);
    await says('big', { value: -70_000 });
    await bench.send('home/cmd/modbus/pump', '1');
    await serve(slave, 2);
    await says('pump', { value: 1 });
    expect([slave.registers.get('1/5'), slave.coils.get('1/3')]).toEqual([0x10000 - 215, true]);
    for (const [name, value, why] of [
      ['t', '1', 'only coils and holding registers'],
      ['pump', '2', 'not a number that fits'],
      ['target', '4000', 'not a number that fits'],
      ['target', 'warm', 'not a number that fits'],
      ['other', '1', 'do not name'],
    ] as const) {
      expect(await bench.send(`home/cmd/modbus/${name}`, value)).toContain(why);
    }
  });

  it.each([
    ['t', 'is not name=value'],
    ['every=5', 'every= wants'],
    ['t=1:input', 'has a point that is not'],
    ['t=248:input:0', 'has a point that is not'],
    ['t=1:coil:0:s16', 'has a point that is not'],
    ['t=1:input:0:u16:7', 'has a point that is not'],
    ['t/x=1:input:0', 'has a name that is not'],
    ['t=1:input:0 t=1:input:1', 'has a name twice'],
  ])('refuses the settings "%s" and keeps those it has', async (settings, why) => {
    const { bench, request } = await simulated('every=1000 t=1:input:0');
    await request();
    expect(await bench.send(SETTINGS, settings)).toContain(why);
    await bench.host.restartActor('modbus-gateway');
    await bench.pass(1_000);
    expect((await request())[1]).toBe(4);
  });

  it('does all that over a real port', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp('/dev/shm/iot-serial-');
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const cable = new PtyCable(folder, 'bus');
    await cable.plug();
    cleanup.add(() => cable.unplug());
    const slave = new ModbusSlave();
    slave.registers.set('1/0', 215);
    const bench = await ActorBench.start(cleanup, 'modbus-gateway', BINDINGS, { bus: cable.near });
    await bench.send(SETTINGS, 'every=200 timeout=2000 t=1:input:0:s16:1 target=1:holding:0:s16:1');
    const next = async () => {
      let got = Buffer.alloc(0);
      while (got.length < 8) got = Buffer.concat([got, await cable.received()]);
      return got;
    };
    // Noise first, then the answer after a silence, then one in two halves.
    const noisy = slave.answer(await next())!;
    await cable.send(Buffer.of(0xff, 0x00, 0x55));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await cable.send(noisy);
    await bench.until(() => bench.last('home/modbus/t') !== undefined, 'a value');
    expect(bench.last('home/modbus/t')).toEqual({ value: 21.5 });
    let serving = true;
    const served = (async () => {
      while (serving) {
        const request = await cable.received();
        if (request.length > 0) await cable.send(slave.answer(request)!);
      }
    })();
    await bench.send('home/cmd/modbus/target', '30');
    await bench.until(() => JSON.stringify(bench.last('home/modbus/target')) === '{"value":30}', 'written');
    serving = false;
    await served;
    expect(slave.registers.get('1/0')).toBe(300);
  });
});
