import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { NobleRadio } from '#runtime/providers/iot-ble/noble/radio.js';
import { failure, recordingLogger } from '../../helpers/providers.js';
import { FakeNoble } from './fake-noble.js';
import { THERMO_ID } from './sim-peripherals.js';

describe('a radio that is stopped', () => {
  let noble: FakeNoble;
  let lines: string[];
  let radio: NobleRadio;
  const never = new AbortController().signal;
  const id = THERMO_ID;

  beforeEach(async () => {
    noble = new FakeNoble();
    lines = [];
    radio = new NobleRadio('package', 'hci0', () => noble, recordingLogger(lines));
    await radio.start({ ready() {}, advert() {}, lost() {}, notification() {} });
  });

  it('lets go of its adapter although a connection cannot be ended', async () => {
    await radio.connect(id, never);
    noble.peripheral.fault = new Error('it holds on');
    await radio.stop();
    expect(noble.stops).toBe(1);
    expect(
      lines.filter((line) => line.includes(`peripheral ${id} was not disconnected: it holds on`)),
    ).toHaveLength(1);
  });

  it('keeps nobody waiting for a peripheral that it will not hear any more', async () => {
    noble.inReach = false;
    const connecting = failure(() => radio.connect(id, never));
    await radio.stop();
    expect(await connecting).toBe('E_PROVIDER no connection: the adapter is let go of');
  });

  it('waits for no scan that is said to go on', async () => {
    noble.stopScanning = () => {};
    const connecting = failure(() => radio.connect(id, never));
    await turn();
    await turn();
    const stopped = radio.stop();
    noble.emit('scanStart');
    await stopped;
    expect(await connecting).toBe('E_PROVIDER no connection: the adapter is let go of');
  });

  it('lets go of its adapter when that has said that it does not scan any more', async () => {
    const order: string[] = [];
    radio.scan({ duplicates: true });
    noble.stopScanning = () => {
      setImmediate(() => {
        order.push('still');
        noble.emit('scanStop');
      });
    };
    noble.stop = () => order.push('let go of');
    await radio.stop();
    expect(order).toEqual(['still', 'let go of']);
  });
});
