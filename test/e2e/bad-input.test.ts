import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DeviceClient, generateKey, type PushOptions, REASONS, type ReasonCode } from '#runtime/index.js';
import { stripTokens } from '#runtime/trust/wascap/index.js';
import { Load } from '#scripts/demo/load.js';
import { type Ended, iotHost } from '../cli/iot-host.js';
import { actorModule } from '../helpers/actors.js';
import { Cleanup } from '../helpers/cleanup.js';
import { COUNTER_SLOT, TestDevice, text, utf8 } from '../helpers/device.js';
import { guestModule } from '../helpers/guest.js';
import { COUNTER_CAPS } from '../helpers/keys.js';
import { padded } from '../helpers/padded.js';
import { freePort } from '../helpers/port.js';
import { until } from '../helpers/providers.js';
import { wat } from '../helpers/wat.js';

const MAX_MODULE_BYTES = 100_000;

const cleanup = new Cleanup();
let device: TestDevice;
/** The counter is called all the while. */
let load: Load;
let place: Parameters<typeof iotHost>[1];

/** A device with counter 1, and a person with all the keys beside it. */
beforeAll(async () => {
  device = await TestDevice.start(cleanup, {
    config: {
      updates: { dwellMs: 100, maxModuleBytes: MAX_MODULE_BYTES },
      actors: [COUNTER_SLOT, { name: 'guest' }],
    },
  });
  await device.install('counter', device.keys.counter(1));
  const keys = join(device.folder, 'keys');
  await device.keys.save(keys);
  const env = { HOME: device.folder, PATH: process.env.PATH ?? '', IOT_HOST_KEYS: keys, NO_COLOR: '1' };
  place = { home: device.folder, env: { ...env, IOT_HOST_BROKER: device.broker } };
  load = await Load.connect(device.broker, 100);
  load.start();
});
afterAll(async () => {
  try {
    const { sent, ...result } = await load.finish();
    expect(result).toMatchObject({ lost: 0, duplicated: 0, handled: sent });
    // Also those that were answered by a module that was taken back have been counted once.
    expect(await device.count()).toBe(sent);
  } finally {
    await cleanup.run();
  }
});

const run = (...args: string[]): Promise<Ended> => iotHost(args, place);

/** `iot-host push` of these bytes as the counter; resolves with the exit code and the envelope on stdout. */
async function pushByCli(module: Uint8Array, ...more: string[]) {
  const file = join(device.folder, 'module.wasm');
  await writeFile(file, module);
  const line = ['push', file, '--device', 'pi-01', '--name', 'counter', '--json', ...more];
  const { code, stdout } = await run(...line);
  return { code, envelope: JSON.parse(stdout) };
}

/** Nothing that was refused, or tried and taken back, has left a trace in the counter or in its queue. */
afterEach(async () => {
  const { sent } = load;
  await until(() => load.answered >= sent, 'an answer to every message');
  expect(await device.actor('counter')).toMatchObject({
    state: 'running',
    version: '1.0.0',
    failed: 0,
    restarts: 0,
  });
});

/** A refusal: final state, code with its exit code, and a text that names device and slot. */
function refusal(code: ReasonCode, end = 'rejected') {
  const message = expect.stringContaining('device pi-01, counter');
  return { end, error: { code, exitCode: REASONS[code].exit, message } };
}

const REFUSED: readonly {
  what: string;
  code: ReasonCode;
  make: () => { module: Uint8Array } & Partial<PushOptions>;
}[] = [
  { what: 'unsigned', code: 'E_UNSIGNED', make: () => ({ module: actorModule('counter-v2') }) },
  {
    what: 'signed by an account that is not trusted',
    code: 'E_UNTRUSTED',
    make: () => {
      const account = device.keys.strangeAccount;
      return { module: device.keys.sign('counter-v2', { name: 'counter', rev: 2, account }) };
    },
  },
  {
    what: 'pushed with a release key that is not trusted',
    code: 'E_UNTRUSTED',
    make: () => ({ module: device.keys.counter(2), signers: [device.keys.stranger] }),
  },
  {
    what: 'carrying the claims of another module',
    code: 'E_HASH',
    make: () => {
      const other = device.keys.counter(2);
      const token = other.subarray(stripTokens(other).length);
      return { module: Uint8Array.from([...actorModule('blink-v1'), ...token]) };
    },
  },
  {
    what: 'asking for an import that the host does not have',
    code: 'E_IMPORT',
    make: () => {
      const bytes = wat('(module (import "env" "launch" (func)) (memory (export "memory") 1))');
      return { module: device.keys.sign(bytes, { name: 'counter', rev: 2 }) };
    },
  },
  {
    what: 'without the export that every actor has',
    code: 'E_EXPORT',
    make: () => {
      const bytes = wat('(module (memory (export "memory") 1 2))');
      return { module: device.keys.sign(bytes, { name: 'counter', rev: 2 }) };
    },
  },
  {
    what: 'with more memory than a slot has',
    code: 'E_LIMIT',
    make: () => {
      const bytes = wat('(module (memory (export "memory") 1000))');
      return { module: device.keys.sign(bytes, { name: 'counter', rev: 2 }) };
    },
  },
  {
    what: 'too large for this device',
    code: 'E_TOO_LARGE',
    make: () => {
      const bytes = padded(guestModule().bytes, MAX_MODULE_BYTES);
      return { module: device.keys.sign(bytes, { name: 'counter', rev: 2 }) };
    },
  },
  {
    what: 'of another identity than the slot holds',
    code: 'E_IDENTITY',
    make: () => {
      const module = generateKey('module');
      return {
        module: device.keys.sign('counter-v2', { name: 'counter', rev: 2, caps: COUNTER_CAPS, module }),
      };
    },
  },
  { what: 'older', code: 'E_OLDER', make: () => ({ module: device.keys.counter(2), sequence: 1 }) },
];

describe('a module that must not run is refused, and the one that runs never notices:', () => {
  it.each(REFUSED)('$what', async ({ code, make }) => {
    const { module, ...more } = make();
    expect(await device.push('counter', module, more)).toMatchObject(refusal(code));
  });

  it('cut short, at many lengths', async () => {
    const whole = device.keys.counter(2);
    const lengths = [1, 4, 8, 9, 60, whole.length >> 1, stripTokens(whole).length, whole.length - 1];
    for (const length of lengths) {
      const { end, error } = await device.push('counter', whole.subarray(0, length));
      expect({ length, end, exit: error?.exitCode }).toEqual({ length, end: 'rejected', exit: 4 });
      expect(['E_MODULE', 'E_UNSIGNED', 'E_TOKEN']).toContain(error?.code);
    }
  });

  it('with one bit flipped, wherever that is', async () => {
    const whole = device.keys.counter(2);
    // A fixed sample over the whole file, each time another bit.
    const places = Array.from({ length: 24 }, (_, n) => Math.floor((n * (whole.length - 1)) / 23));
    const codes = new Set<string>();
    for (const [n, at] of places.entries()) {
      const flipped = Uint8Array.from(whole, (byte, index) => (index === at ? byte ^ (1 << (n % 8)) : byte));
      const { end, error } = await device.push('counter', flipped);
      expect({ at, end, exit: error?.exitCode }).toEqual({ at, end: 'rejected', exit: 4 });
      codes.add(error?.code ?? '');
    }
    // In the header, in the code and in the claims it is another thing that does not fit.
    expect(codes.size).toBeGreaterThan(2);
  }, 40_000);

  it('too large for any device: not even sent', async () => {
    const module = padded(guestModule().bytes, 4 * 1024 * 1024);
    await expect(device.push('counter', module)).rejects.toMatchObject({ code: 'E_TOO_LARGE', exitCode: 4 });
  });
});

describe('a module that may run and is bad is taken back, and no message is lost:', () => {
  it.each([
    { file: 'bad-start', code: 'E_PROBATION_START' },
    { file: 'bad-hang', code: 'E_PROBATION_START' },
    { file: 'bad-trap-start', code: 'E_PROBATION_START' },
    { file: 'bad-trap', code: 'E_PROBATION_TRAP' },
  ] as const)('$file', async ({ file, code }) => {
    const module = device.keys.sign(file, { name: 'counter', rev: 2, caps: COUNTER_CAPS });
    expect(await device.push('counter', module)).toMatchObject(refusal(code, 'rolled-back'));
    expect(text(await device.call('counter', 'Echo', utf8('here')))).toBe('here');
  });
});

describe('the command line gives the code, its exit code and what to do', () => {
  it.each(REFUSED.filter(({ what }) => !/pushed with|older/.test(what)))('$what', async ({ code, make }) => {
    const { code: exit, envelope } = await pushByCli(make().module);
    expect({ exit, code: envelope.error?.code }).toEqual({ exit: REASONS[code].exit, code });
    expect(envelope).toMatchObject({
      v: 1,
      ok: false,
      error: { message: expect.any(String), hint: expect.any(String) },
    });
  });

  it('a release key that is not trusted: 4, with the line that trusts it', async () => {
    expect((await run('keys', 'gen', '--type', 'release', '--name', 'mine')).code).toBe(0);
    const { code, envelope } = await pushByCli(device.keys.counter(2), '--key', 'mine');
    expect(code).toBe(4);
    expect(envelope.error).toMatchObject({
      code: 'E_UNTRUSTED',
      hint: expect.stringContaining('keys trust'),
    });
  });

  it('rolled back: 5', async () => {
    const module = device.keys.sign('bad-hang', { name: 'counter', rev: 3, caps: COUNTER_CAPS });
    const { code, envelope } = await pushByCli(module);
    expect(code).toBe(5);
    expect(envelope.error).toMatchObject({ code: 'E_PROBATION_START', hint: expect.any(String) });
  });

  it('a broker that is not there: 3, at once', async () => {
    const broker = `mqtt://127.0.0.1:${await freePort()}`;
    const { code, envelope } = await pushByCli(device.keys.counter(2), '--broker', broker);
    expect(code).toBe(3);
    expect(envelope.error).toMatchObject({
      code: 'E_BROKER_UNREACHABLE',
      message: expect.stringContaining(broker),
      hint: expect.any(String),
    });
  });

  it('a device that nobody knows: 3, with those that are there', async () => {
    const { code, stderr } = await run('ps', '--device', 'pi-99');
    expect(code).toBe(3);
    expect(stderr).toMatch(/error: .*pi-99[\s\S]*pi-01[\s\S]*hint: /);
  });

  it('configuration with unknown keys: 2, with file, line and column', async () => {
    const file = join(device.folder, 'wrong.yaml');
    await writeFile(file, 'device: pi-02\nbrokr: embedded\nactors:\n  - name: blink\n    limit: {}\n');
    const { code, stderr } = await run('up', '-c', file);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}:2:1: brokr: unknown key, did you mean "broker"?`);
    expect(stderr).toContain(`${file}:5:5: actors[0].limit: unknown key, did you mean "limits"?`);
  });
});

describe('requests', () => {
  it('of a control key that is not trusted change nothing', async () => {
    const stranger = await DeviceClient.connect({
      url: device.broker,
      device: 'pi-01',
      signer: device.keys.stranger,
    });
    const request = stranger.rpc('providers.remove', { contract: 'wascc:keyvalue' });
    await expect(request)
      .rejects.toMatchObject({ exitCode: 4 })
      .finally(() => stranger.close());
    expect(await device.readyz()).toBe(200);
  });

  it('for things that are not there are answered by name', async () => {
    const { client } = device;
    const nobody = client.rpc('call', { actor: 'nobody', operation: 'Echo', payload: new Uint8Array(0) });
    await expect(nobody).rejects.toMatchObject({
      code: 'E_NO_ACTOR',
      hint: expect.stringContaining('counter'),
    });
    const unknown = client.rpc('providers.swap', { contract: 'wascc:keyvalue', to: 'oracle' });
    await expect(unknown).rejects.toMatchObject({ message: expect.stringContaining('oracle') });
    expect(await device.count()).toBeGreaterThanOrEqual(0);
  });
});

describe('two pushes at once', () => {
  it.each([
    { order: 'the higher first', steps: [2, 1] },
    { order: 'the lower first', steps: [1, 2] },
  ])('the higher sequence number wins, and both senders are told the truth ($order)', async ({ steps }) => {
    const { floor = 0 } = (await device.client.status('guest')) ?? {};
    const base = Math.max(floor, 1_000);
    const senders = await Promise.all([device.sender(device.broker), device.sender(device.broker)]);
    const outcomes = await Promise.all(
      steps.map((step, n) => {
        const bytes = padded(guestModule({ version: `${step}` }).bytes, 60_000);
        const module = device.keys.sign(bytes, { name: 'guest', rev: step });
        return device.push('guest', module, { client: senders[n]!, sequence: base + step });
      }),
    );
    const [lower, higher] = outcomes.sort((a, b) => a.sequence - b.sequence);
    expect(higher).toMatchObject({ end: 'active', sequence: base + 2 });
    expect(lower).toMatchObject({ end: 'rejected', error: { code: 'E_SUPERSEDED', exitCode: 4 } });
    expect(text(await device.call('guest', 'Version'))).toBe('2');
    await Promise.all(senders.map((sender) => sender.close()));
  });
});

describe('a device that is off', () => {
  it('is said to be off: requests end with 3 at once, a push with 6 after its time', async () => {
    const other = await TestDevice.start(cleanup, {
      config: { device: 'pi-02', broker: device.broker, actors: [] },
    });
    await other.off();
    const ps = await run('ps', '--device', 'pi-02', '--json');
    expect(ps.code).toBe(3);
    expect(JSON.parse(ps.stdout).error).toMatchObject({ code: 'E_DEVICE_OFFLINE', hint: expect.any(String) });
    const { code, envelope } = await pushByCli(
      device.keys.counter(2),
      '--device',
      'pi-02',
      '--timeout',
      '1s',
    );
    expect(code).toBe(6);
    expect(envelope.error).toMatchObject({ code: 'E_TIMEOUT', message: expect.stringContaining('is off') });
    const left = await pushByCli(device.keys.counter(2), '--device', 'pi-02', '--detach');
    expect(left).toMatchObject({ code: 0, envelope: { ok: true, data: { devices: [{ outcome: 'left' }] } } });
  });
});
