import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../../helpers/cleanup.js';
import { mosquittoMissing } from '../../helpers/mosquitto.js';
import { libmodbusMissing } from './libmodbus.js';
import { RealActor } from './real-actor.js';
import { type Fault, RtuBus } from './rtu-bus.js';

const missing = mosquittoMissing() ?? libmodbusMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const SETTINGS = 'home/modbus/settings';
const of = (point: string) => `home/modbus/${point}`;

async function start(units: readonly number[] = [1]) {
  const gateway = await RealActor.start(cleanup, 'modbus-gateway');
  const bus = new RtuBus(cleanup, gateway.cable);
  const slaves = [];
  for (const unit of units) slaves.push(await bus.add(unit));
  const [meter, pump] = slaves;
  return { gateway, bus, meter: meter!, pump: pump! };
}

describe.skipIf(missing !== undefined)('modbus-gateway on a device, with devices of libmodbus', () => {
  it('reads all four kinds, side by side in one request, and publishes numbers', {
    timeout: 60_000,
  }, async () => {
    const { gateway, bus, meter, pump } = await start([1, 2]);
    meter.input.set([0xff85, 1, 2], 8);
    meter.holding.set([0xffff, 0xfff6], 100);
    pump.coils.set([1, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0);
    pump.discrete[7] = 1;
    const points = [
      'flow=1:input:8:s16:1',
      'b=1:input:10',
      'a=1:input:9',
      'far=1:input:12',
      'total=1:holding:100:s32:1',
    ];
    const coils = Array.from({ length: 10 }, (_, at) => `coil${at}=2:coil:${at}`);
    await gateway.say(
      SETTINGS,
      ['every=60000 timeout=2000', ...points, ...coils, 'door=2:discrete:7'].join('\n'),
    );
    await gateway.says(of('flow'), { value: -12.3 });
    await gateway.says(of('a'), { value: 1 });
    await gateway.says(of('b'), { value: 2 });
    await gateway.says(of('far'), { value: 0 });
    await gateway.says(of('total'), { value: -1 });
    await gateway.says(of('coil0'), { value: 1 });
    await gateway.says(of('coil8'), { value: 0 });
    await gateway.says(of('coil9'), { value: 1 });
    await gateway.says(of('door'), { value: 1 });
    expect(bus.asked()).toEqual(['1 4 8 3', '1 4 12 1', '1 3 100 2', '2 1 0 10', '2 2 7 1']);
  });

  it('reads no more than 125 registers at once', { timeout: 60_000 }, async () => {
    const { gateway, bus, meter } = await start();
    const points = Array.from({ length: 128 }, (_, at) => `r${at}=1:holding:${at}`);
    meter.holding.set(points.map((_, at) => 1_000 + at));
    await gateway.say(SETTINGS, ['every=60000 timeout=3000', ...points.reverse()].join(' '));
    for (const at of [0, 1, 124, 125, 127]) await gateway.says(of(`r${at}`), { value: 1_000 + at });
    const asked = bus.asked();
    expect(asked).toHaveLength(2);
    const counts = asked.map((request) => Number(request.split(' ')[3]));
    expect([Math.max(...counts), counts[0]! + counts[1]!]).toEqual([125, 128]);
    expect(gateway.heard.filter(({ topic }) => topic.startsWith('home/modbus/r'))).toHaveLength(128);
    await gateway.say(SETTINGS, [...points, 'one-more=1:holding:128'].join(' '));
    await gateway.logs('names more than 128 points');
  });

  it('asks one by one where a device refuses to give them together', { timeout: 60_000 }, async () => {
    const gateway = await RealActor.start(cleanup, 'modbus-gateway');
    const bus = new RtuBus(cleanup, gateway.cable);
    const small = await bus.add(1, 10);
    small.input.set([7, 8], 8);
    await gateway.say(SETTINGS, 'every=1000 timeout=2000 a=1:input:8 b=1:input:9 c=1:input:10');
    await gateway.says(of('a'), { value: 7 });
    await gateway.says(of('b'), { value: 8 });
    await gateway.says(of('c'), { error: 'illegal data address' });
    small.input[9] = 9;
    await gateway.says(of('b'), { value: 9 });
    expect(bus.asked().slice(0, 5)).toEqual([...['1 4 8 3', '1 4 9 1', '1 4 10 1', '1 4 8 1', '1 4 9 1']]);
  });

  it('writes coils and registers by command, reads back, and refuses what cannot be', {
    timeout: 60_000,
  }, async () => {
    const { gateway, bus, meter } = await start();
    const points = 'target=1:holding:5:s16:1 big=1:holding:10:s32 pump=1:coil:3 t=1:input:0';
    await gateway.say(SETTINGS, `every=60000 timeout=2000 ${points}`);
    await gateway.says(of('t'), { value: 0 });
    bus.asked();
    await gateway.say('home/cmd/modbus/target', '-21.5');
    await gateway.says(of('target'), { value: -21.5 });
    await gateway.say('home/cmd/modbus/big', '-70000');
    await gateway.says(of('big'), { value: -70_000 });
    await gateway.say('home/cmd/modbus/pump', '1');
    await gateway.says(of('pump'), { value: 1 });
    expect([meter.holding[5], meter.holding[10], meter.holding[11], meter.coils[3]]).toEqual([
      ...[0x10000 - 215, 0xfffe, 0xee90, 1],
    ]);
    expect(bus.asked().map((request) => request.slice(0, 4))).toEqual([
      ...['1 6 ', '1 3 ', '1 16', '1 3 ', '1 5 ', '1 1 '],
    ]);
    await gateway.say('home/cmd/modbus/t', '1');
    await gateway.logs('only coils and holding registers can be written');
    await gateway.say('home/cmd/modbus/pump', 'on');
    await gateway.logs('command is not a number that fits');
    await gateway.say('home/cmd/modbus/fan', '1');
    await gateway.logs('do not name');
    expect(bus.asked()).toEqual([]);
  });

  const flipped = (answer: Buffer) => Buffer.from(answer.map((byte, at) => (at === 4 ? byte ^ 1 : byte)));
  const faults: readonly (readonly [string, requests: number, Fault])[] = [
    ['a wrong bit', 2, (answer) => [[0, flipped(answer)]]],
    ['half an answer', 2, (answer) => [[0, answer.subarray(0, 4)]]],
    ['silence', 2, () => []],
    ['an answer of another unit', 2, () => [[0, Buffer.from('0204020102fca1', 'hex')]]],
    [
      'an answer in portions',
      1,
      (answer) => [
        ...[
          [0, answer.subarray(0, 2)] as const,
          [40, answer.subarray(2, 6)] as const,
          [40, answer.subarray(6)] as const,
        ],
      ],
    ],
    [
      'noise before it',
      1,
      (answer) => [
        [0, Buffer.of(0xff, 0, 0x55)],
        [60, answer],
      ],
    ],
    [
      'an adapter that hears itself',
      1,
      (answer, request) => [
        [0, request],
        [60, answer],
      ],
    ],
    [
      'an adapter that hears itself, without a gap',
      1,
      (answer, request) => [[0, Buffer.concat([request, answer])]],
    ],
  ];
  it.each(faults)('comes through %s', { timeout: 60_000 }, async (_what, requests, fault) => {
    const { gateway, bus, meter } = await start();
    meter.input[0] = 258;
    let faulty = true;
    bus.fault = (answer, request) => {
      const spoilt = faulty ? fault(answer, request) : [[0, answer] as const];
      faulty = false;
      return spoilt;
    };
    await gateway.say(SETTINGS, 'every=60000 timeout=1000 retries=3 t=1:input:0');
    await gateway.says(of('t'), { value: 258 });
    expect(gateway.of(of('t'))).toEqual([{ value: 258 }]);
    expect(bus.asked()).toEqual(Array(requests).fill('1 4 0 1'));
  });

  it('takes no late answer for that to the next request', { timeout: 60_000 }, async () => {
    const { gateway, bus, meter } = await start();
    const values: Record<string, number> = { slow: 111, quick: 222, quicker: 333 };
    [meter.holding[0], meter.holding[100], meter.holding[200]] = Object.values(values) as [
      number,
      number,
      number,
    ];
    const points = 'slow=1:holding:0 quick=1:holding:100 quicker=1:holding:200';
    // While the next one takes its time, too, the second answer of the slow one comes.
    bus.fault = (answer, request) => [[request.readUInt16BE(2) === 0 ? 250 : 120, answer]];
    for (const retries of [1, 0]) {
      gateway.heard.length = 0;
      await gateway.say(SETTINGS, `every=300 timeout=150 retries=${retries} ${points}`);
      const told = (point: string) => gateway.of(of(point)).length;
      const enough = () => told('slow') > 2 * retries && (told('quicker') > 2 || retries === 0);
      await gateway.until(enough, () => 'all of them are told of');
      for (const [point, value] of Object.entries(values)) {
        const wrong = gateway.of(of(point)).filter((said) => 'value' in said && said.value !== value);
        expect(wrong).toEqual([]);
      }
    }
  });

  it('asks who does not answer less and less often, and the others as always', {
    timeout: 60_000,
  }, async () => {
    const { gateway, bus, meter } = await start();
    await gateway.say(SETTINGS, 'every=200 timeout=100 retries=0 t=1:input:0 x=9:input:0 y=9:input:50');
    await gateway.says(of('x'), { error: 'no answer' });
    await gateway.says(of('y'), { error: 'no answer' });
    for (let value = 1; value <= 15; value++) {
      meter.input[0] = value;
      await gateway.says(of('t'), { value });
    }
    const asked = bus.asked();
    const of9 = asked.filter((request) => request.startsWith('9'));
    expect(of9.length).toBeLessThan((asked.length - of9.length) / 2);
    expect(gateway.of(of('x'))).toEqual([{ error: 'no answer' }]);
    const late = await bus.add(9);
    late.input.set([5]);
    await gateway.says(of('x'), { value: 5 });
    await gateway.says(of('y'), { value: 0 });
  });

  it('tells an adapter that is pulled out, goes on with it, and through swap and restart', {
    timeout: 60_000,
  }, async () => {
    const { gateway, meter } = await start();
    await gateway.say(SETTINGS, 'every=300 timeout=1000 t=1:input:0');
    await gateway.says(of('t'), { value: 0 });
    await gateway.cable.unplug();
    await gateway.says(of('t'), { error: 'port is not open' });
    await gateway.cable.plug();
    meter.input[0] = 1;
    await gateway.says(of('t'), { value: 1 });
    await gateway.push();
    meter.input[0] = 2;
    await gateway.says(of('t'), { value: 2 });
    await gateway.device.off();
    meter.input[0] = 3;
    await gateway.device.on();
    await gateway.says(of('t'), { value: 3 });
    expect(await gateway.retained(of('t'))).toEqual({ value: 3 });
  });
});
