import { expect, it } from 'vitest';
import { logText } from '../../dist/runtime/cli/log.js';

const line = (message: string, more: Record<string, unknown> = {}) =>
  logText({ time: 0, level: 'warn', message, ...more }).slice('00:00:00.000 warn  '.length);

it('a line of log says nothing twice', () => {
  expect(line('Tick: unreachable', { actor: 'blink', code: 'E_TRAP' })).toBe(
    'blink: Tick: unreachable code=E_TRAP',
  );
  expect(
    line('update of blink: rolled-back, E_CRASHED: it trapped', { component: 'blink', code: 'E_CRASHED' }),
  ).toBe('update of blink: rolled-back, E_CRASHED: it trapped');
  expect(line('iot:ble/default (noble): there is none', { contract: 'iot:ble' })).toBe(
    'iot:ble/default (noble): there is none contract=iot:ble',
  );
  expect(line('active again, 3.4 ms after the fault', { activeAgainMs: 3.4 })).toBe(
    'active again, 3.4 ms after the fault',
  );
  expect(line('blinking', { component: 'blink', count: 3, hint: 'type this' })).toBe(
    'blinking component=blink count=3 hint="type this"',
  );
});

it('is one line, and moves no cursor, whatever an actor says', () => {
  expect(line('a\nb\u001b[2J\u009bK\u2028c', { actor: 'x\r' })).toBe('x\\r: a\\nb\\u001b[2J\\u009bK\\u2028c');
  expect(line('ä → „ß“ \u{1f600}')).toBe('ä → „ß“ \u{1f600}');
});
