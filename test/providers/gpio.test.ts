import { describe, expect, it } from 'vitest';
import type { Provider } from '#runtime/base/contract.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { SimulatedGpio } from '#runtime/providers/iot-gpio/sim.js';
import { call, failure, providerEnv, recordingLogger, session, TEST_BOARD } from '../helpers/providers.js';
import { testGpioContract } from './gpio.contract.js';

testGpioContract('sim', (lines) => {
  const provider = new SimulatedGpio(TEST_BOARD, recordingLogger(lines));
  return { provider, press: provider.press.bind(provider), level: provider.level.bind(provider) };
});

describe('SimulatedGpio', () => {
  it('tells every change of a line, once', async () => {
    const { create, settings } = await contract.loadImplementation('sim');
    const gpio = create(settings.parse({}), providerEnv()) as SimulatedGpio;
    const changes: string[] = [];
    const listener = (line: string, value: number, at: bigint) =>
      changes.push(`${line} ${value} ${typeof at}`);
    gpio.on('change', listener);
    const grant = { lines: { LED: { direction: 'out' }, BUTTON: { direction: 'in' } } };
    const blink = session(contract, 'blink', grant);
    await (gpio as Provider).bind(blink, async () => undefined);
    await call(contract, gpio, blink, 'Write', { line: 'LED', value: 1 });
    await call(contract, gpio, blink, 'Write', { line: 'LED', value: 1 });
    gpio.press('BUTTON', 1);
    await gpio.stop();
    gpio.off('change', listener);
    gpio.press('BUTTON', 0);
    expect(changes).toEqual(['LED 1 bigint', 'BUTTON 1 bigint', 'LED 0 bigint']);
  });

  it('remembers a button that was pressed before anybody looked, and presses no output', async () => {
    const gpio = new SimulatedGpio(TEST_BOARD, recordingLogger([]));
    gpio.press('BUTTON', 0);
    const grant = { lines: { LED: { direction: 'out' }, BUTTON: { direction: 'in', bias: 'pull-up' } } };
    const blink = session(contract, 'blink', grant);
    await (gpio as Provider).bind(blink, async () => undefined);
    expect(await call(contract, gpio, blink, 'Read', { line: 'BUTTON' })).toEqual({ value: 0 });
    expect(await failure(() => gpio.press('LED', 1))).toContain('E_USAGE line LED is an output');
    expect(await failure(() => gpio.press('BELL', 1))).toBe('E_USAGE board sim has no line BELL');
    await gpio.stop();
  });
});
