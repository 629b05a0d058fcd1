import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { wat } from '../helpers/wat.js';
import { emptyHome, firstLine, iotHost, MAIN } from './iot-host.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(args: string[]) {
  const { home, env } = await emptyHome();
  await writeFile(
    join(home, 'iot-host.yaml'),
    'device: pi-01\nbroker: embedded://127.0.0.1:0\ndataDir: ./data\n',
  );
  await writeFile(join(home, 'plain.wasm'), wat('(module (func (export "f")))'));
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, home, env };
}

it.each([
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const)('up runs until %s and ends with %i', async (signal, code) => {
  const { child, ended } = await start(['up', '--json']);
  const ready = JSON.parse(await firstLine(child));
  expect(ready).toMatchObject({
    event: 'ready',
    device: 'pi-01',
    urls: { broker: expect.stringMatching(/^mqtt:/) },
  });
  child.kill(signal);
  expect(await ended).toBe(code);
});

it('up is a device that ps finds at its broker', async () => {
  const { child, ended, home, env } = await start(['up', '--json']);
  const { urls } = JSON.parse(await firstLine(child));
  const { code, stderr } = await iotHost(['call', 'a', 'b', '--device', 'host', '--broker', urls.broker], {
    home,
    env,
  });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('there is no control key') });
  const second = await iotHost(['up'], { home, env });
  expect(second).toMatchObject({ code: 2, stdout: '' });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

it('ends quietly when nobody reads', async () => {
  const { child, ended } = await start(['inspect', 'plain.wasm']);
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  child.stdout?.destroy();
  expect(await ended).toBe(0);
  expect(stderr).toBe('');
});
