import { expect, it } from 'vitest';
import { logText } from '#runtime/cli/log.js';
import { parseLogLine } from '#runtime/control/protocol/parse.js';

const line = { time: 1_700_000_000_000, level: 'info', message: 'blinking', actor: 'blink', count: 3 };
const parsed = (more: object) => parseLogLine(Buffer.from(JSON.stringify({ ...line, ...more })));

it('what anybody writes to the topic of a log is a line that can be shown, or none', () => {
  expect(parsed({})).toEqual(line);
  for (const time of [1e300, 8.64e15, -1, null, '0']) expect(parsed({ time }), `${time}`).toBeUndefined();
  for (const level of ['fatal', 'info\n00:00:00.000 error door: open', '', 3])
    expect(parsed({ level }), `${level}`).toBeUndefined();
  const last = parsed({ time: Date.UTC(9999, 11, 31) });
  expect(last && logText(last)).toBe('00:00:00.000 info  blink: blinking count=3');
});
