import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import contract from '#runtime/providers/iot-serial/contract.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { createProvider, failure, providerEnv, session } from '../../helpers/providers.js';
import { PtyCable } from './pty.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Opens the port in a process of its own, and stays until it is ended. The first line says how that went. */
async function other(path: string): Promise<{ process: ChildProcess; said: string }> {
  const program = `
    const { SerialPort } = await import('serialport');
    const port = new SerialPort({ path: ${JSON.stringify(path)}, baudRate: 9600, autoOpen: false, lock: true });
    port.open((error) => console.log(error ? 'refused' : 'open'));
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.add(() => end(child));
  const [said] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return { process: child, said };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** What a program that asks for no lock gets when it opens the port; not as root, whom the kernel refuses nothing. */
async function strangerOpens(path: string): Promise<string> {
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn('/bin/sh', ['-c', `: <> ${path}`], { stdio: ['ignore', 'ignore', 'pipe'], ...nobody });
  const said = text(child.stderr);
  const [code] = await once(child, 'close');
  return code === 0 ? 'open' : await said;
}

it('a port is refused to programs that ask for no lock, until it is given back', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const cable = new PtyCable(folder, 'meter');
  await cable.plug();
  cleanup.add(() => cable.unplug());
  await chmod(folder, 0o755);
  await chmod(cable.near, 0o666);
  const settings = { ports: { meter: { path: cable.near } } };
  const provider = await createProvider(contract, 'serialport', providerEnv(), settings);
  await provider.start(new AbortController().signal);
  cleanup.add(() => provider.stop());
  const reader = session(contract, 'reader', { ports: { meter: {} } });
  expect(await strangerOpens(cable.near)).toBe('open');
  await provider.bind(reader, async () => undefined);
  expect(await strangerOpens(cable.near)).toMatch(/busy/i);
  await provider.unbind(reader);
  expect(await strangerOpens(cable.near)).toBe('open');
});

it('a port is open in one process only', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const cable = new PtyCable(folder, 'meter');
  await cable.plug();
  cleanup.add(() => cable.unplug());
  const settings = { ports: { meter: { path: cable.near } } };
  const provider = await createProvider(contract, 'serialport', providerEnv(), settings);
  await provider.start(new AbortController().signal);
  cleanup.add(() => provider.stop());
  const reader = session(contract, 'reader', { ports: { meter: {} } });
  const bind = () => failure(() => provider.bind(reader, async () => undefined));

  const first = await other(cable.near);
  expect(first.said).toBe('open');
  expect(await bind()).toBe(`E_BUSY ${cable.near} is in use by another program`);
  await end(first.process);
  expect(await bind()).toBe('nothing was thrown');

  const second = await other(cable.near);
  expect(second.said).toBe('refused');
  await end(second.process);
  await provider.unbind(reader);
  expect((await other(cable.near)).said).toBe('open');
});
