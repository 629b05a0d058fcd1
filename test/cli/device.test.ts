import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RpcHandlers } from '#runtime/control/protocol/messages.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { readTrustDocument } from '#runtime/trust/document/signed.js';
import { bareLink, blink, Cleanup, FakeDevice, until } from '../control/fixture.js';
import { startAedes } from '../helpers/broker.js';
import { wat } from '../helpers/wat.js';
import { emptyHome, firstLine, inProcess, MAIN } from './iot-host.js';

const cleanup = new Cleanup();
let place: Awaited<ReturnType<typeof emptyHome>>;
let device: FakeDevice;
let url: string;
const asked: unknown[] = [];

/** A device that trusts the keys that the command line has made, and notes down what it is asked. */
async function startDevice(name: string): Promise<FakeDevice> {
  const document = readTrustDocument(new Uint8Array(await readFile(join(place.home, 'trust/root.cbor'))));
  const fake = new FakeDevice(url, name, { trust: () => document, labels: { site: 'lab' } });
  const status = { contract: 'wascc:keyvalue', name: 'default', implementation: 'lmdb', bindings: 2 };
  const note = async <T>(args: unknown, result: T): Promise<T> => {
    asked.push(args);
    return result;
  };
  const more: Partial<RpcHandlers> = {
    'actors.start': (args) => note(args, { ...blink, state: 'backoff', problem: 'it traps' }),
    'actors.restart': (args) => note(args, blink),
    'actors.remove': (args) =>
      note(args, args.actor === 'blink' ? {} : { actor: { ...blink, state: 'empty' } }),
    unbind: (args) => note(args, blink),
    abort: (args) => own.handlers().abort(args),
    logs: (args) => note(args, { lines: [{ time: 1, level: 'info', message: 'early', actor: 'blink' }] }),
    'providers.swap': (args) => note(args, { ...status, state: 'running' }),
    bind: (args) =>
      note(args, {
        name: args.actor,
        state: 'running',
        bindings: [],
        queued: 0,
        handled: 0,
        failed: 0,
        restarts: 0,
      }),
  };
  const own: FakeDevice = new FakeDevice(url, name, {
    trust: () => document,
    labels: { site: 'lab' },
    handlers: { ...fake.handlers(), ...more },
  });
  await own.start();
  cleanup.add(own, () => own.agent.stop());
  await until(() => own.agent.connected, 'device connected');
  return own;
}

const run = (...args: string[]) => inProcess(args, place);

beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  const broker = await startAedes();
  cleanup.add(broker, () => broker.stop());
  url = broker.url;
  place.env.IOT_HOST_BROKER = url;
  await run('keys', 'gen');
  await run('keys', 'trust');
  await writeFile(join(place.home, 'blink.wasm'), wat('(module (memory (export "memory") 1))'));
  expect(await run('sign', 'blink.wasm', '--name', 'Blink', '--cap', 'iot:gpio')).toMatchObject({ code: 0 });
  device = await startDevice('pi-01');
});
const before = process.cwd();
afterAll(async () => {
  process.chdir(before);
  await cleanup.run();
});

describe('one device', () => {
  it('is asked with the control key, and remembered as the last one', async () => {
    const { code, stdout } = await run('ps', '--device', 'pi-01');
    expect(code).toBe(0);
    expect(stdout).toContain('pi-01: ready, iot-host 0.1.0, start 7');
    expect(stdout).toMatch(/^blink +running/m);
    const again = await run('ps', '--device', 'last', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      ok: true,
      data: { device: 'pi-01', actors: [{ name: 'blink' }] },
    });
    expect(await run('ps', '--device', 'host')).toMatchObject({ code: 0 });
  });

  it('gets calls, bindings, swaps, and gives its log', async () => {
    const [call, cbor, bind, swap, list, logs] = await Promise.all([
      run('call', 'blink', 'Echo', '--data', 'hello', '--device', 'pi-01'),
      run('call', 'blink', 'Echo', '--cbor', '{"on":true}', '--device', 'pi-01', '--json'),
      run('bind', 'blink', 'iot:gpio', 'lines.LED.direction=out', '--device', 'pi-01'),
      run('providers', 'swap', 'wascc:keyvalue', '--to', 'lmdb', '--device', 'pi-01'),
      run('providers', '--device', 'pi-01'),
      run('logs', 'blink', '--device', 'pi-01', '--json'),
    ]);
    expect(call).toEqual({ code: 0, stdout: 'hello\n', stderr: '' });
    expect(JSON.parse(cbor.stdout)).toEqual({ v: 1, ok: true, data: { reply: { on: true } } });
    expect(bind.stdout).toBe('blink is bound to iot:gpio (default); blink is running\n');
    expect(swap.stdout).toBe('wascc:keyvalue (default): lmdb is running, 2 bindings\n');
    expect(list.stdout).toMatch(/^wascc:keyvalue +default +memory +running +0$/m);
    expect(asked).toContainEqual({
      actor: 'blink',
      contract: 'iot:gpio',
      name: 'default',
      settings: { lines: { LED: { direction: 'out' } } },
    });
    expect(asked).toContainEqual({ contract: 'wascc:keyvalue', to: 'lmdb' });
    expect(JSON.parse(logs.stdout)).toEqual({ time: 1, level: 'info', message: 'early', actor: 'blink' });
  });

  it('starts, restarts and stops actors, and says when one does not run', async () => {
    const at = ['--device', 'pi-01'];
    expect(await run('stop', 'blink', ...at)).toEqual({ code: 0, stdout: 'blink is stopped\n', stderr: '' });
    expect(await run('restart', 'blink', ...at)).toMatchObject({ code: 0, stdout: 'blink is running\n' });
    const start = await run('start', 'blink', ...at);
    expect(start).toMatchObject({ code: 8, stderr: expect.stringContaining('blink is backoff: it traps') });
    expect(await run('unbind', 'blink', 'iot:gpio', ...at)).toMatchObject({
      code: 0,
      stdout: 'blink is no longer bound to iot:gpio (default)\n',
    });
    expect(asked).toContainEqual({ actor: 'blink', contract: 'iot:gpio', name: 'default' });
  });

  it('asks before it removes, and takes along what the broker kept', async () => {
    const rm = ['rm', 'blink', '--device', 'pi-01'];
    const before = asked.length;
    expect(await run(...rm)).toMatchObject({ code: 2, stderr: expect.stringContaining('hint: add --yes') });
    const answer = (text: string) => Object.assign(Readable.from([text]), { isTTY: true });
    const no = await inProcess(rm, place, answer('n\n'));
    expect(no).toMatchObject({ code: 130, stderr: expect.stringContaining('nothing was changed') });
    expect(await inProcess(rm, place, answer(''))).toMatchObject({ code: 130 });
    expect(asked.length).toBe(before);

    const link = await bareLink(url);
    cleanup.add(link, () => link.close());
    await link.publish(topics.desired('pi-01', 'blink'), 'no envelope', { retain: true });
    const yes = await inProcess(rm, place, answer('Yes\n'));
    expect(yes).toMatchObject({ code: 0, stdout: 'blink is removed\n' });
    expect(yes.stderr).toContain('remove blink from pi-01, with its grants? [y/N]');
    await until(() => device.desired.at(-1)?.length === 0, 'desired state cleared');
    const other = await run('rm', 'other', '--device', 'pi-01', '--yes');
    expect(other.stdout).toBe('other is removed; its slot is empty\n');
  });

  it('selects lines of the log by level and time', async () => {
    await run('logs', 'blink', '--level', 'warn', '--since', '10m', '--device', 'pi-01');
    expect(asked).toContainEqual({ actor: 'blink', level: 'warn', sinceMs: 600_000 });
    await run('logs', '--since', '2030-01-31T12:00Z', '--device', 'pi-01');
    expect(asked).toContainEqual({ since: Date.UTC(2030, 0, 31, 12) });
  });

  it('is followed until the interrupt, which ends with 130', async () => {
    const { home: cwd, env } = place;
    const args = [MAIN, 'logs', '-f', '--device', 'pi-01'];
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    cleanup.add(child, async () => child.kill('SIGKILL'));
    expect(await firstLine(child)).toBe('00:00:00.001 info  blink: early');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
  });

  it('is 3 when the broker does not know it, and says who is there', async () => {
    const { code, stderr } = await run('ps', '--device', 'pi-99');
    expect(code).toBe(3);
    expect(stderr).toContain('IOT_HOST_BROKER');
    expect(stderr).toContain('there are: pi-01');
  });

  it('refuses a key that it does not trust with 4', async () => {
    const stranger = await emptyHome();
    stranger.env.IOT_HOST_BROKER = url;
    const without = await inProcess(['ps', '--device', 'pi-01'], stranger);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('hint: iot-host keys gen') });
    await inProcess(['keys', 'gen'], stranger);
    const { code, stderr } = await inProcess(['ps', '--device', 'pi-01'], stranger);
    expect(code).toBe(4);
    expect(stderr).toContain('does not have the role control');
  });
});

describe('push', () => {
  it('waits for the outcome and says every state on stderr', async () => {
    const { code, stdout, stderr } = await run('push', 'blink.signed.wasm', '--device', 'pi-01');
    expect(stderr).toMatch(/pi-01: blink fetching\n(.*\n)*pi-01: blink active\n/);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^pi-01: blink \(sequence \d+\) is active\n$/),
    });
    expect(device.installed.get('blink')).toEqual(
      new Uint8Array(await readFile(join(place.home, 'blink.signed.wasm'))),
    );
  });

  it('is taken back by abort, once', async () => {
    let end = (): void => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    let tried = false;
    // Slots of the fake share one floor, and the push before may have been made in this very second.
    device.floor = 0;
    device.probation = () => {
      tried = true;
      return held;
    };
    await run('push', 'blink.signed.wasm', '--device', 'pi-01', '--name', 'spare', '--detach');
    await until(() => tried, 'probation');
    const abort = ['abort', 'spare', '--device', 'pi-01'];
    expect(await run(...abort)).toMatchObject({ code: 0, stdout: 'the update of spare is taken back\n' });
    device.probation = async () => {};
    end();
    await until(() => device.installed.has('spare'), 'end of the update');
    expect(await run(...abort)).toMatchObject({ code: 0, stdout: 'no update of spare is under way\n' });
    await until(() => device.desired.at(-1)?.length === 0, 'desired state cleared');
  });

  it('ends with the reason’s code when the device refuses, also as JSON', async () => {
    // As above: the spare slot may have taken the number of this very second.
    device.floor = 0;
    device.verdict = {
      state: 'rolled-back',
      reason: { code: 'E_PROBATION_TRAP', message: 'it trapped', hint: 'look' },
    };
    const [text, json] = [
      await run('push', 'blink.signed.wasm', '--device', 'pi-01', '--quiet'),
      await run('push', 'blink.signed.wasm', '--device', 'pi-01', '--quiet', '--json'),
    ];
    device.verdict = { state: 'active' };
    expect(text).toEqual({
      code: 5,
      stdout: '',
      stderr: 'error: device pi-01, blink rolled-back: it trapped\nhint: look\n',
    });
    expect(json).toMatchObject({ code: 5, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      error: { code: 'E_PROBATION_TRAP' },
      data: { devices: [{ device: 'pi-01', outcome: 'rolled-back' }] },
    });
  });

  it('names the actor and the device in what to type after a rollback', async () => {
    device.floor = 0;
    device.verdict = { state: 'rolled-back', reason: { code: 'E_PROBATION_TRAP', message: 'it trapped' } };
    const push = ['push', 'blink.signed.wasm', '--device', 'pi-01', '--name', 'spare', '--quiet'];
    const [text, json] = [await run(...push), await run(...push, '--json')];
    device.verdict = { state: 'active' };
    const hint = 'iot-host logs spare --device pi-01 shows what it did last';
    expect(text.stderr).toBe(`error: device pi-01, spare rolled-back: it trapped\nhint: ${hint}\n`);
    const { error, data } = JSON.parse(json.stdout);
    expect([error.hint, data.devices[0].error.hint]).toEqual([hint, hint]);
  });

  it('refuses an unsigned file with 4 and the line that signs it', async () => {
    const { code, stderr } = await run('push', 'blink.wasm', '--device', 'pi-01');
    expect(code).toBe(4);
    expect(stderr).toContain('hint: iot-host sign blink.wasm --name blink');
  });

  it('prints the lines that grant what it lacked when it was rolled back', async () => {
    const unbound = ['iot-host bind blink iot:gpio'];
    device.verdict = {
      state: 'rolled-back',
      reason: { code: 'E_PROBATION_START', message: 'no pin' },
      unbound,
    };
    const { code, stdout } = await run('push', 'blink.signed.wasm', '--device', 'pi-01', '--quiet');
    device.verdict = { state: 'active' };
    expect(code).toBe(5);
    expect(stdout).toBe(
      'it lacked access; to grant it, before it is pushed again:\n  iot-host bind blink iot:gpio --device pi-01\n',
    );
  });

  it('shows what it would do without doing it', async () => {
    const before = device.desired.length;
    const { code, stdout } = await run('push', 'blink.signed.wasm', '--device', 'pi-01', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('would push blink');
    expect(stdout).toContain('pi-01 (online): into its empty slot\n');
    const other = await run('push', 'blink.signed.wasm', '--name', 'new', '--device', 'pi-01', '--dry-run');
    expect(other.stdout).toContain('pi-01 (online): as a new slot, with no grants\n');
    expect(stdout).toContain('needs: iot-host bind blink iot:gpio --device pi-01');
    expect(device.desired.length).toBe(before);
  });

  it('ends with 7 and a line for each device when some failed', async () => {
    await startDevice('pi-02');
    const { code, stdout, stderr } = await run(
      'push',
      'blink.signed.wasm',
      '--device',
      'pi-01,pi-99',
      '--timeout',
      '5s',
    );
    expect(code).toBe(7);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^pi-01: blink .*is active$/);
    expect(lines[1]).toMatch(/^pi-99: no outcome: device pi-99 was not found/);
    expect(stderr).toContain('error: 1 of 2 devices failed: pi-99');

    const all = await run('push', 'blink.signed.wasm', '--label', 'site=lab', '--json');
    expect(all.code).toBe(0);
    expect(JSON.parse(all.stdout).data.devices).toMatchObject([
      { device: 'pi-01', outcome: 'active' },
      { device: 'pi-02', outcome: 'active' },
    ]);
    expect(await run('push', 'blink.signed.wasm', '--label', 'site=moon')).toMatchObject({ code: 3 });
  });

  it('needs the release key', async () => {
    await rm(join(place.home, '.local/share/iot-host/keys/release.nk'));
    const { code, stderr } = await run('push', 'blink.signed.wasm', '--device', 'pi-01');
    expect(code).toBe(2);
    expect(stderr).toContain('there is no key release');
  });
});
