import { expect, it } from 'vitest';
import { withHint } from '#runtime/cli/hints.js';
import { IotError, REASONS, type ReasonCode } from '#runtime/index.js';

const hint = (code: ReasonCode, names?: Parameters<typeof withHint>[1]) =>
  withHint(new IotError(code, 'x'), names).hint;

it('a hint has the names that are known in it', () => {
  const names = { device: 'pi-01', actor: 'blink', contract: 'iot:gpio' };
  expect(hint('E_PROBATION_TRAP', names)).toBe('iot-host logs blink --device pi-01 shows what it did last');
  expect(hint('E_NOT_BOUND', names)).toBe('iot-host bind blink iot:gpio --device pi-01');
  for (const code of Object.keys(REASONS) as ReasonCode[])
    expect(hint(code, names) ?? '').not.toMatch(/\b(ACTOR|DEVICE|CONTRACT)\b/);
});

it('what is not known is left for the reader, and the log is that of all actors', () => {
  expect(hint('E_PROBATION_TRAP', { device: 'pi-01' })).toBe(
    'iot-host logs --device pi-01 shows what it did last',
  );
  expect(hint('E_PROBATION_TRAP')).toBe('iot-host logs ACTOR --device DEVICE shows what it did last');
  expect(hint('E_NOT_BOUND', { actor: '$&' })).toBe('iot-host bind $& CONTRACT --device DEVICE');
});

it('a hint of the error’s own stays as it is', () => {
  const own = new IotError('E_TRAP', 'x', { hint: 'ACTOR on DEVICE' });
  expect(withHint(own, { device: 'pi-01', actor: 'a' })).toBe(own);
});
