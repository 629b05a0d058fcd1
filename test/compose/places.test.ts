import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withPlace } from '#runtime/base/config/line.js';
import { withContext } from '#runtime/base/errors.js';
import { createHost, createLogger, IotError, loadConfig } from '#runtime/index.js';
import { freePort } from '../helpers/port.js';

/** A device whose configuration ends with these lines, from line 5 on. */
async function device(lines: readonly string[]) {
  const file = join(await mkdtemp(join(tmpdir(), 'iot-places-')), 'iot-host.yaml');
  const broker = `embedded://127.0.0.1:${await freePort()}`;
  const text = ['device: pi-01', `broker: ${broker}`, 'board: sim', 'dataDir: ./data', ...lines, ''];
  await writeFile(file, text.join('\n'));
  const errors: string[] = [];
  const logger = createLogger('error', { write: (line) => void errors.push(JSON.parse(line).message) });
  return { file, errors, host: createHost({ config: await loadConfig(file, {}), logger }) };
}

/** What `up` ends with. */
async function refusal(lines: readonly string[]): Promise<{ file: string; message: string }> {
  const { file, host } = await device(lines);
  try {
    await host.start();
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'E_CONFIG' });
    return { file, message: (thrown as IotError).message };
  } finally {
    await host.stop();
  }
  throw new Error('it is up');
}

it('up says where the settings of a binding stand that are not valid, each with its line', async () => {
  const { file, message } = await refusal([
    'actors:',
    '  - name: blink',
    '    bindings:',
    '      - contract: iot:gpio',
    '        lines:',
    '          LED: {direction: outt}',
    '          BUTTON: {direction: in, edges: both}',
  ]);
  expect(message.split('\n')).toEqual([
    `${file}:10:28: binding of blink to iot:gpio: lines.LED.direction: expected one of out, in; did you mean "out"?`,
    `${file}:11:35: binding of blink to iot:gpio: lines.BUTTON.edges: unknown key, did you mean "edge"?`,
  ]);
});

it('up says where something stands that the board or the host does not have', async () => {
  const line = await refusal([
    'actors: [{name: a, bindings: [{contract: "iot:gpio", lines: {NOPE: {direction: in}}}]}]',
  ]);
  expect(line.message).toContain(`${line.file}:5:62: binding of a to iot:gpio: board sim has no line NOPE`);
  const named = await refusal(['lines:', '  LAMP: LED2', '  BELL: LED9']);
  expect(named.message).toBe(`${named.file}:7:3: board sim has no line LED9 that could be called BELL`);
  const contract = await refusal(['providers:', '  - contract: iot:gpoi']);
  expect(contract.message).toBe(`${contract.file}:6:5: this host has no contract iot:gpoi`);
});

it('the log says where the settings of a provider stand that are not valid', async () => {
  const { file, host, errors } = await device([
    'providers:',
    '  - contract: iot:gpio',
    '    chip: 1',
    '    pins: 2',
  ]);
  try {
    await host.start();
    const [context, text] = ['iot:gpio/default (sim)', 'unknown key, there is nothing to set here'];
    expect(errors).toEqual([
      `${file}:7:5: ${context}: chip: ${text}`,
      `${file}:8:5: ${context}: pins: ${text}`,
    ]);
    const problem = `no provider for iot:gpio is running: ${context}: chip: ${text}; pins: ${text}`;
    expect(host.problems()).toContain(problem);
  } finally {
    await host.stop();
  }
});

it('an error gets a place only where there is one, and where the configuration is to blame', async () => {
  const where = async () => 'f:1:1';
  const config = new IotError('E_CONFIG', 'bad');
  expect(await withPlace(config, [], undefined)).toBe(config);
  const busy = new IotError('E_BUSY', 'held');
  expect(await withPlace(busy, [], where)).toBe(busy);
  expect(await withPlace(withContext(config, 'binding'), [], where)).toMatchObject({
    code: 'E_CONFIG',
    message: 'f:1:1: binding: bad',
  });
});
