import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clockTrust } from '#runtime/compose/clock.js';

const NOW = 1_800_000_000;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iot-clock-'));
});
afterEach(() => rm(folder, { recursive: true }));

const trust = (setting: Parameters<typeof clockTrust>[0]) =>
  clockTrust(
    setting,
    { markers: [join(folder, 'synchronized')], batteryClocks: join(folder, 'rtc') },
    () => NOW * 1000,
  );

async function batteryClock(seconds: string): Promise<void> {
  await mkdir(join(folder, 'rtc', 'rtc0'), { recursive: true });
  await writeFile(join(folder, 'rtc', 'rtc0', 'since_epoch'), seconds);
}

it('auto: is not believed before anything has set it, and is from then on', async () => {
  const trusted = trust('auto');
  expect(trusted()).toBe(false);
  await writeFile(join(folder, 'synchronized'), '');
  expect(trusted()).toBe(true);
});

it.each([
  ['the same', `${NOW - 2}\n`, true],
  ['1970, for want of a battery', '86400\n', false],
  ['local time', `${NOW + 7200}\n`, false],
  ['nonsense', 'no\n', false],
  ['nothing', '', false],
])('auto: a clock with a battery that shows %s', async (_what, seconds, expected) => {
  await batteryClock(seconds);
  expect(trust('auto')()).toBe(expected);
});

it('as the configuration says: always, or once a file is there', async () => {
  expect(trust('trusted')()).toBe(true);
  const file = join(folder, 'set');
  const trusted = trust({ file });
  expect(trusted()).toBe(false);
  await writeFile(file, '');
  expect(trusted()).toBe(true);
});
