import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodePayload } from '#runtime/base/codec.js';
import type { IotError } from '#runtime/base/errors.js';
import { parseCount, parseDuration } from '#runtime/cli/duration.js';
import { requestPayload, showReply } from '#runtime/cli/payload.js';
import { bytes, progressLine } from '#runtime/cli/progress.js';
import { parseSettings } from '#runtime/cli/settings.js';
import { table } from '#runtime/cli/table.js';

const utf8 = (text: string) => new TextEncoder().encode(text);
const usage = (message: unknown) => expect.objectContaining({ code: 'E_USAGE', message });

it('reads times, and refuses what is none', () => {
  const good: [string, number][] = [
    ['500ms', 500],
    ['60s', 60_000],
    ['5', 5_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
  ];
  for (const [text, ms] of good) expect(parseDuration(text)).toBe(ms);
  for (const bad of ['', '0s', '-1s', '1d', 's', '1 s', '1e3s', '99999h', '0.1ms']) {
    expect(() => parseDuration(bad), bad).toThrow(usage(`"${bad}" is not a time`));
  }
  for (const bad of ['0', '-1', '1.5', 'two', '9007199254740993']) {
    expect(() => parseCount(bad), bad).toThrow(usage(expect.stringContaining('whole number')));
  }
});

it('reads key=value settings as YAML, with dots leading into mappings', () => {
  expect(parseSettings([])).toEqual({});
  expect(
    parseSettings([
      'PORT=8080',
      'publish=[home/+/state]',
      'lines.LED.direction=out',
      'lines.LED.safe=0',
      'text="1"',
      'eq=a=b',
      'none=',
    ]),
  ).toEqual({
    PORT: 8080,
    publish: ['home/+/state'],
    lines: { LED: { direction: 'out', safe: 0 } },
    text: '1',
    eq: 'a=b',
    none: null,
  });
  const bad: [string[], string][] = [
    [['PORT'], '"PORT" is not a setting'],
    [['=3'], '"=3" is not a setting'],
    [['a..b=3'], '"a..b=3" is not a setting'],
    [['__proto__.polluted=1'], '"__proto__.polluted=1" is not a setting'],
    [['a=1', 'a.b=2'], '"a.b=2" leads into something that is no mapping'],
    [['toString.a=1'], '"toString.a=1" leads into something that is no mapping'],
    [['a=1', 'a=2'], '"a=2" sets a a second time'],
  ];
  for (const [args, message] of bad) expect(() => parseSettings(args), message).toThrow(usage(message));
  expect(() => parseSettings(['a=[1'])).toThrow(
    usage(expect.stringContaining('the value of "a=[1" is not valid YAML')),
  );
  expect({}).not.toHaveProperty('polluted');
});

it('settings take a secret by reference only, and do not repeat it', () => {
  const fine = ['password=secret://broker-password', 'login.token=secret://t'];
  expect(parseSettings(fine)).toEqual({
    password: 'secret://broker-password',
    login: { token: 'secret://t' },
  });
  for (const open of [
    'password=hunter2',
    'a.apiToken=hunter2',
    'PASSWORD=secret://hunter2+',
    'secret=hunter2',
  ]) {
    expect(() => parseSettings([open])).toThrow(
      expect.objectContaining({
        code: 'E_USAGE',
        message: expect.not.stringContaining('hunter2'),
        hint: expect.stringContaining('=secret://NAME'),
      }),
    );
  }
});

it('settings never fail in another way, whatever is typed', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (args) => {
      try {
        parseSettings(args);
      } catch (thrown) {
        expect((thrown as IotError).code).toBe('E_USAGE');
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});

it('takes a payload in one way, and shows the reply in the same', async () => {
  expect(await requestPayload({})).toEqual(new Uint8Array(0));
  expect(await requestPayload({ data: 'é' })).toEqual(utf8('é'));
  const request = await requestPayload({ msgpack: '{"a":[1,true]}' });
  expect(decodePayload('msgpack', request)).toEqual({ a: [1, true] });
  const cbor = await requestPayload({ cbor: '{"line":"LED"}' });
  expect(showReply(cbor, { cbor: '' })).toEqual({
    data: { reply: { line: 'LED' } },
    text: ['{"line":"LED"}'],
  });
  expect(showReply(utf8('on\n'), {})).toEqual({ data: { reply: 'on\n' }, text: ['on\n'] });
  expect(showReply(Uint8Array.of(0x1b, 0x5b), {})).toEqual({ data: { hex: '1b5b' }, text: ['1b5b'] });
  expect(showReply(Uint8Array.of(0xff), {})).toEqual({ data: { hex: 'ff' }, text: ['ff'] });
  expect(showReply(new Uint8Array(0), {})).toEqual({ data: { reply: '' }, text: [] });
  await expect(requestPayload({ data: 'a', cbor: '1' })).rejects.toThrow(
    usage('--data and --cbor both give the payload: use one of them'),
  );
  await expect(requestPayload({ cbor: '{a' })).rejects.toThrow(
    usage(expect.stringMatching(/^--cbor is not JSON/)),
  );
  await expect(requestPayload({ file: '/no/such' })).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
    exitCode: 2,
  });
  expect(() => showReply(Uint8Array.of(0xff), { cbor: '' })).toThrow(
    expect.objectContaining({ code: 'E_PAYLOAD' }),
  );
});

it('draws progress with bytes, rate and what remains', () => {
  expect(progressLine('pi-01', 0, 2 ** 20, 0)).toBe(`pi-01 [${'-'.repeat(24)}]   0 %  0 B of 1.0 MiB  0 B/s`);
  expect(progressLine('pi-01', 2 ** 19, 2 ** 20, 2)).toBe(
    `pi-01 [${'#'.repeat(12)}${'-'.repeat(12)}]  50 %  512.0 KiB of 1.0 MiB  256.0 KiB/s  2.0 s left`,
  );
  expect(progressLine('pi-01', 2 ** 20, 2 ** 20, 2)).toContain('100 %  1.0 MiB of 1.0 MiB  512.0 KiB/s');
  expect(progressLine('pi-01', 0, 0, 0)).toContain('100 %');
  expect([0, 1023, 1024, 5 * 2 ** 20].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '5.0 MiB']);
});

it('lines up a table without cutting anything off', () => {
  expect(
    table(
      ['A', 'LONG'],
      [
        ['aaa', 'b'],
        ['c', ''],
      ],
    ),
  ).toEqual(['A    LONG', 'aaa  b', 'c']);
});
