import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { SerialPort } from 'serialport';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '#runtime/base/contract.js';
import contract from '#runtime/providers/iot-ble/contract.js';
import { openProblem } from '#runtime/providers/iot-ble/noble/uart-port.js';
import { Cleanup } from '../../helpers/cleanup.js';
import {
  call,
  createProvider,
  failure,
  providerEnv,
  recordingLogger,
  session,
  TEST_BOARD,
  until,
} from '../../helpers/providers.js';
import { airProblem, EmulatedAir } from './air/emulated-air.js';
import { CHARACTERISTICS, SERVICE } from './ble.contract.js';
import { Peripheral } from './peripheral.js';

const missing = airProblem();
if (missing !== undefined) process.stderr.write(`skipped the serial port of a radio: ${missing}\n`);
/** An adapter that says nothing is in trouble after 5 seconds, and a port is tried again later each time. */
const PATIENCE_MS = 30_000;

describe.skipIf(missing !== undefined)('the serial port of a radio', { timeout: 4 * PATIENCE_MS }, () => {
  const air = new EmulatedAir();
  const [near, far] = [air.controller('near'), air.controller('far')];
  const bleno = { hciDriver: 'uart', bindParams: { uart: { port: far.path, baudRate: 115_200 } } };
  const peripheral = new Peripheral(bleno);
  const cleanup = new Cleanup();
  let lines: string[];
  let told: { operation: string; name?: string; reason?: string }[];

  beforeAll(async () => {
    await air.start();
    await far.plug();
    await peripheral.start();
  });
  afterAll(async () => {
    await peripheral.kill();
    await air.stop();
  });
  beforeEach(() => {
    lines = [];
    told = [];
  });
  afterEach(async () => {
    await cleanup.run();
    await near.unplug();
  });

  const started = async (port: string = near.path): Promise<Provider> => {
    const ports = { radio: { path: near.path } };
    const board = { ...TEST_BOARD, ports } as typeof TEST_BOARD;
    const env = providerEnv({ logger: recordingLogger(lines), board });
    const provider = await createProvider(contract, 'stoprocent', env, { hci: { uart: { port } } });
    cleanup.add(() => provider.stop());
    await provider.start(new AbortController().signal);
    return provider;
  };
  const listening = async (provider: Provider) => {
    const actor = session(contract, 'actor', { scan: true, peripherals: ['*'] });
    await provider.bind(actor, async (operation, message) => {
      told.push({ operation, ...(message as { name?: string; reason?: string }) });
    });
    await call(contract, provider, actor, 'Scan', { duplicates: true });
    return actor;
  };
  const heard = () =>
    told.filter(({ operation, name }) => operation === 'Advertisement' && name === 'thermo');
  const troubled = (provider: Provider, what: RegExp) =>
    until(() => what.test(provider.problem?.() ?? ''), `${what}`, PATIENCE_MS);
  const well = (provider: Provider) =>
    until(() => provider.problem?.() === undefined && heard().length > 0, 'radio', PATIENCE_MS);

  it('goes by the name that the board has for it, and by no other', async () => {
    await near.plug();
    const provider = await started('radio');
    await listening(provider);
    await well(provider);
    expect(await failure(() => started('uart7'))).toBe(
      'E_CONFIG there is no serial port uart7 on this board',
    );
  });

  it('may come later', async () => {
    const provider = await started();
    const absent = `there is no ${near.path}: plug the controller in, or switch the port on (iot-host board show)`;
    expect(provider.problem?.()).toBe(absent);
    const actor = await listening(provider);
    expect(
      await failure(() => call(contract, provider, actor, 'Connect', { id: peripheral.address })),
    ).toContain(`E_UNAVAILABLE peripheral ${peripheral.address.replaceAll(':', '')}: ${absent}`);
    await near.plug();
    await well(provider);
    expect(lines.filter((line) => line.includes(absent))).toHaveLength(1);
  });

  it('may be in use by somebody else, until it is not', async () => {
    await near.plug();
    const other = new SerialPort({ path: near.path, baudRate: 115_200, autoOpen: false });
    await new Promise<void>((resolve, reject) => other.open((error) => (error ? reject(error) : resolve())));
    const provider = await started();
    await listening(provider);
    await troubled(provider, /near is in use by another program: fuser \S+ shows which$/);
    await new Promise<void>((resolve) => other.close(() => resolve()));
    await near.plug();
    await well(provider);
  });

  it('may have nobody at its other end', async () => {
    const mute: ChildProcess = spawn('socat', [`PTY,link=${near.path},rawer`, 'PIPE'], { stdio: 'ignore' });
    cleanup.add(async () => {
      if (mute.exitCode === null && mute.kill()) await once(mute, 'exit');
    });
    const provider = await started();
    await troubled(provider, /no Bluetooth controller answers at \S+near/);
  });

  it('may be pulled out and put back: the scan goes on, and what was connected is connected', async () => {
    await near.plug();
    const provider = await started();
    const actor = await listening(provider);
    await well(provider);
    const id = peripheral.address;
    await call(contract, provider, actor, 'Connect', { id });
    const read = () =>
      call(contract, provider, actor, 'Read', {
        ...{ id, service: SERVICE, characteristic: CHARACTERISTICS.value },
      }).then(
        (answer) => Buffer.from((answer as { value: Uint8Array }).value).toString(),
        () => 'away',
      );
    expect(await read()).toBe('hello');
    await near.unplug();
    await until(
      () => told.some(({ operation }) => operation === 'Disconnected'),
      'Disconnected',
      PATIENCE_MS,
    );
    await troubled(provider, /^there is no \S+near/);
    told.length = 0;
    await near.plug();
    await expect.poll(read, { timeout: PATIENCE_MS, interval: 100 }).toBe('hello');
    await call(contract, provider, actor, 'Disconnect', { id });
    await well(provider);
  });
});

describe('what the system says about a port', () => {
  it.each([
    ['Error: No such file or directory, cannot open /dev/x', /^there is no \/dev\/x: plug/],
    ['Error: Permission denied, cannot open /dev/x', /may not open \/dev\/x: sudo usermod -aG dialout/],
    ['Error Resource temporarily unavailable Cannot lock port', /^\/dev\/x is in use by another program/],
    ['Error: Device or resource busy, cannot open /dev/x', /^\/dev\/x is in use by another program/],
    ['Error: Inappropriate ioctl for device', /^\/dev\/x: Error: Inappropriate ioctl/],
  ])('%s', (message, expected) => {
    expect(openProblem('/dev/x', new Error(message))).toMatch(expected);
  });
});
