import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runGroup } from '#scripts/lab/group.js';
import { ciMinutes } from '#scripts/minutes.js';

it('who left the group and holds its output open is not waited for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'iot-host-lab-group-'));
  const file = join(folder, 'pid');
  const pid = async () => Number(await readFile(file, 'utf8'));
  try {
    const script = `setsid sh -c 'echo $$ >${file}; exec sleep 600' &
until [ -s ${file} ]; do sleep 0.05; done; echo last`;
    const stop = new AbortController().signal;
    const ended = await runGroup('sh', ['-c', script], { limit: 60_000, stop });
    expect(ended).toMatchObject({ code: 0, overtime: false, answer: 'last' });
    // It was not its end that ended the waiting.
    process.kill(await pid(), 0);
  } finally {
    process.kill(await pid(), 'SIGKILL');
    await rm(folder, { recursive: true });
  }
}, 20_000);

it('the minutes of continuous integration are a number or an error', () => {
  expect([undefined, '0', '45', '1.5'].map(ciMinutes)).toEqual([90, 0, 45, 1.5]);
  for (const wrong of ['abc', '', '-5', '1h', 'Infinity'])
    expect(() => ciMinutes(wrong)).toThrow(`IOT_CI_MINUTES is "${wrong}", which is no number of minutes`);
});
