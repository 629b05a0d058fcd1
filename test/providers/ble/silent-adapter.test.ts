import { EventEmitter } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import type { Noble } from '#runtime/providers/iot-ble/noble/api.js';
import { NobleRadio } from '#runtime/providers/iot-ble/noble/radio.js';
import { recordingLogger } from '../../helpers/providers.js';

afterEach(() => void vi.useRealTimers());

/** An adapter that never changes its state. */
class Still extends EventEmitter implements Noble {
  constructor(readonly state: string) {
    super();
  }
  startScanning(): void {}
  stopScanning(): void {}
  stop(): void {}
}

it.each([
  ['unknown', 'warn adapter hci0 does not answer {}'],
  ['poweredOff', 'warn adapter hci0 is off: rfkill unblock bluetooth && hciconfig hci0 up {}'],
])('an adapter that stays %s from the start is logged, once', async (state, line) => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const radio = new NobleRadio('package', 'hci0', () => new Still(state), recordingLogger(lines));
  await radio.start({ ready() {}, advert() {}, lost() {}, notification() {} });
  const warnings = () => lines.filter((one) => one.startsWith('warn'));
  await vi.advanceTimersByTimeAsync(4_000);
  expect(warnings()).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(warnings()).toEqual([line]);
  await radio.stop();
  expect(vi.getTimerCount()).toBe(0);
});

it('one that is on, or closed before, says nothing', async () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const start = async (state: string) => {
    const radio = new NobleRadio('package', 'hci0', () => new Still(state), recordingLogger(lines));
    await radio.start({ ready() {}, advert() {}, lost() {}, notification() {} });
    return radio;
  };
  const on = await start('poweredOn');
  const closed = await start('unknown');
  await closed.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines.filter((one) => one.startsWith('warn'))).toEqual([]);
  await on.stop();
});
