import { mkdtemp, rm } from 'node:fs/promises';
import { SerialPort } from 'serialport';
import { afterEach, expect, it } from 'vitest';
import { decodePayload } from '#runtime/base/codec.js';
import { checkedActor } from '../../helpers/actors.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { HandClock } from '../../helpers/hand-clock.js';
import { startHost } from '../../helpers/host.js';
import { recordingLogger, until } from '../../helpers/providers.js';
import { PtyCable } from './pty.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

it('a port that another program has at the start goes to its actor when it is free', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const cable = new PtyCable(folder, 'meter');
  await cable.plug();
  cleanup.add(() => cable.unplug());
  const other = new SerialPort({ path: cable.near, baudRate: 9600, autoOpen: false, lock: true });
  await new Promise<void>((done, fail) => other.open((error) => (error ? fail(error) : done())));
  const ports = { meter: { framing: { delimiter: '\n' } } };
  const clock = new HandClock();
  const lines: string[] = [];
  const device = await startHost(
    {
      providers: [{ contract: 'iot:serial', use: 'serialport', ports: { meter: { path: cable.near } } }],
      actors: [{ name: 'tally', bindings: [{ contract: 'iot:serial', ports }] }],
    },
    { tally: checkedActor('probe-serial', ['iot:serial']) },
    recordingLogger(lines),
    [],
    clock,
  );
  cleanup.add(() => device.stop());
  const problem = `binding of tally to iot:serial: ${cable.near} is in use by another program`;
  expect(device.host.problems()).toEqual([problem]);
  for (let round = 0; round < 5; round++) {
    clock.pass(100_000);
    await new Promise((done) => setTimeout(done, 20));
  }
  expect(device.host.problems()).toEqual([problem]);
  expect(lines.filter((line) => line.includes('in use by another program'))).toEqual([
    expect.stringMatching(/"actor":"tally","code":"E_BUSY","hint":"fuser \S+ shows which/),
  ]);
  await new Promise<void>((done) => other.close(() => done()));
  await until(() => {
    clock.pass(100_000);
    return device.host.problems().length === 0;
  }, 'the port');
  let frames = 0;
  await cable.send(Buffer.from('one\ntwo\n'));
  await until(() => {
    void device.host.call('tally', 'Tally', new Uint8Array(0)).then((reply) => {
      [frames = 0] = decodePayload('cbor', reply) as number[];
    });
    return frames === 2;
  }, 'both frames');
  expect(lines).toContainEqual(expect.stringContaining('binding to iot:serial: now it is there'));
});

it('a host that stops while it waits for a port ends', async () => {
  const clock = new HandClock();
  const sim = { contract: 'iot:serial', use: 'sim', ports: ['meter'] };
  const bindings = [{ contract: 'iot:serial', ports: { meter: {} } }];
  const actors = ['one', 'two'].map((name) => ({ name, bindings }));
  const device = await startHost({ providers: [sim], actors }, {}, undefined, [], clock);
  expect(device.host.problems()).toEqual([expect.stringContaining('one holds it')]);
  expect(clock.waits()).toHaveLength(1);
  await device.stop();
  expect(clock.waits()).toEqual([]);
});
