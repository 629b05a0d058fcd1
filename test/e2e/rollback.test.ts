import { afterEach, describe, expect, it } from 'vitest';
import { Cleanup } from '../helpers/cleanup.js';
import { type Config, TestDevice, text, utf8 } from '../helpers/device.js';
import { type GuestOptions, guestModule } from '../helpers/guest.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const NOTHING = new Uint8Array(0);

/** Version `rev` of the small guest, signed. */
function version(device: TestDevice, rev: number, options: GuestOptions = {}): Uint8Array {
  const { bytes } = guestModule({ version: `${rev}`, ...options });
  return device.keys.sign(bytes, { name: 'guest', rev });
}

/** A device with version 1 of the guest in its slot. */
async function start(limits: Config = {}, dwellMs = 400): Promise<TestDevice> {
  const config = { updates: { dwellMs }, providers: [], actors: [{ name: 'guest', limits }] };
  const device = await TestDevice.start(cleanup, { config });
  await device.install('guest', version(device, 1));
  return device;
}

/** What must hold after every rollback: version 1 answers, the bad one stays out, a good one gets in. */
async function expectRecovery(device: TestDevice, bad: Uint8Array, floor: number): Promise<void> {
  expect(text(await device.call('guest', 'Version'))).toBe('1');
  expect(await device.client.status('guest')).toMatchObject({ floor, installed: { version: '1.0.0' } });
  const again = await device.push('guest', bad);
  expect(again).toMatchObject({ end: 'rejected', error: { code: 'E_BLOCKED', exitCode: 4 } });
  expect(await device.client.status('guest')).toMatchObject({ floor });
  await device.install('guest', version(device, 3));
  expect(text(await device.call('guest', 'Version'))).toBe('3');
  expect(await device.readyz()).toBe(200);
}

/** Pushes `bad` and talks to the actor all the while; resolves with how both went. */
async function pushAndTalk(device: TestDevice, bad: Uint8Array) {
  const { floor = -1 } = (await device.client.status('guest')) ?? {};
  const replies: Promise<string>[] = [];
  const talking = setInterval(() => {
    // Straight into its queue: requests over MQTT are limited to a few at a time.
    const reply = device.running.host.call('guest', 'Echo', utf8(`${replies.length}`));
    replies.push(reply.then(text, (error: Error) => error.message));
  }, 5);
  const outcome = await device.push('guest', bad).finally(() => clearInterval(talking));
  const heard = await Promise.all(replies);
  return { outcome, floor, heard, expected: heard.map((_, n) => `${n}`) };
}

/** Sends a message that version 2 traps on until `answer` comes; what it is after the first faults is known then. */
const echo = (device: TestDevice) =>
  device.call('guest', 'Echo', utf8('still here')).then(text, ({ code }: { code: string }) => code);
const POLL = { timeout: 60_000, interval: 20 };

describe('a module that is bad after probation', () => {
  it('gives way by itself to the one before, for good, and a better one gets in', async () => {
    const device = await start();
    const bad = version(device, 2, { echoTraps: true });
    const { deployment } = await device.install('guest', bad);
    const { floor = -1 } = (await device.client.status('guest')) ?? {};
    expect(await echo(device)).toBe('E_TRAP');
    await expect.poll(() => echo(device), POLL).toBe('still here');
    const back = { deployment, state: 'rolled-back', reason: { code: 'E_CRASHED' } };
    await expect.poll(() => device.client.status('guest'), POLL).toMatchObject(back);
    expect(await device.actor('guest')).toMatchObject({ state: 'running', version: '1.0.0' });
    await device.off();
    await device.on();
    expect(await echo(device)).toBe('still here');
    await expectRecovery(device, bad, floor);
  }, 120_000);

  it('with none before it stays in quarantine over a start of the host, after one fault instead of three', async () => {
    const config = { updates: { dwellMs: 100 }, providers: [], actors: [{ name: 'guest' }] };
    const device = await TestDevice.start(cleanup, { config });
    await device.install('guest', version(device, 1, { echoTraps: true }));
    const state = async () => (await device.actor('guest')).state;
    expect(await echo(device)).toBe('E_TRAP');
    await expect.poll(async () => [await echo(device), await state()][1], POLL).toBe('quarantined');
    await device.off();
    device.log.length = 0;
    await device.on();
    expect(await echo(device)).toBe('E_TRAP');
    await expect.poll(state, POLL).toBe('quarantined');
    expect(device.log.map(({ message, msg }) => message ?? msg)).toContainEqual(
      expect.stringMatching(/^quarantined for 30 minutes/),
    );
    // What a person asks for who wants to know what became of an actor.
    const { lines } = await device.client.rpc('logs', { actor: 'guest' });
    expect(lines.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Echo: .*unreachable/),
        expect.stringMatching(/^quarantined for 30 minutes/),
      ]),
    );
    await device.client.rpc('actors.restart', { actor: 'guest' });
    expect(await echo(device)).toBe('E_TRAP');
    expect(await state()).not.toBe('quarantined');
  }, 120_000);
});

/** Fuel is what runs out, however slow the machine is. */
const PATIENT = { deadlineMs: 20_000 };

describe('a module that is bad on probation', () => {
  it.each([
    {
      how: 'traps on a message',
      bad: { echoTraps: true },
      limits: {},
      code: 'E_PROBATION_TRAP',
      why: 'E_TRAP',
    },
    {
      how: 'hangs on a message until its fuel is spent',
      bad: { echoLoops: true },
      limits: PATIENT,
      code: 'E_PROBATION_HANG',
      why: 'E_FUEL',
    },
    {
      how: 'hangs on a message, and fuel does not stop it',
      bad: { echoLoops: true },
      limits: { fuelPerCall: Number.MAX_SAFE_INTEGER, deadlineMs: 150 },
      code: 'E_PROBATION_HANG',
      why: 'E_DEADLINE',
    },
  ])('and $how: the one before is back and answers what it could not', async ({ bad, limits, code, why }) => {
    const device = await start(limits);
    const module = version(device, 2, bad);
    const { outcome, floor, heard, expected } = await pushAndTalk(device, module);
    expect(outcome).toMatchObject({ end: 'rolled-back', error: { code, exitCode: 5 } });
    expect(outcome.error?.message).toContain(why);
    const { lines } = await device.client.rpc('logs', { actor: 'guest' });
    const updates = lines.map(({ level, message }) => `${level} ${message}`);
    expect(updates).toContain('info update of guest: probation');
    expect(updates).toContainEqual(
      expect.stringMatching(`^warn update of guest: rolled-back, ${code}: .*${why}`),
    );
    expect(updates.filter((line, at) => line === updates[at - 1])).toEqual([]);
    expect(heard).toEqual(expected);
    expect(await device.actor('guest')).toMatchObject({ state: 'running', failed: 0, restarts: 0 });
    await expectRecovery(device, module, floor);
  });

  it.each([
    { how: 'traps', file: 'bad-trap-start', why: 'E_TRAP', limits: {} },
    { how: 'hangs until its fuel is spent', file: 'bad-hang', why: 'E_FUEL', limits: PATIENT },
    {
      how: 'hangs, and fuel does not stop it',
      file: 'bad-hang',
      why: 'E_DEADLINE',
      limits: { fuelPerCall: Number.MAX_SAFE_INTEGER, deadlineMs: 150 },
    },
    { how: 'never comes back from its start function', file: 'bad-start', why: 'E_FUEL', limits: PATIENT },
  ])('and $how when it is started: the one before never lost a message', async ({ file, why, limits }) => {
    const device = await start(limits);
    const module = device.keys.sign(file, { name: 'guest', rev: 2 });
    const { outcome, floor, heard, expected } = await pushAndTalk(device, module);
    expect(outcome).toMatchObject({ end: 'rolled-back', error: { code: 'E_PROBATION_START', exitCode: 5 } });
    expect(outcome.error?.message).toContain(why);
    expect(heard).toEqual(expected);
    await expectRecovery(device, module, floor);
  });

  it('in an empty slot leaves it empty, and the next good one gets in', async () => {
    const config = { updates: { dwellMs: 100 }, providers: [], actors: [{ name: 'guest' }] };
    const device = await TestDevice.start(cleanup, { config });
    const outcome = await device.push('guest', version(device, 1, { startTraps: true }));
    expect(outcome).toMatchObject({ end: 'rolled-back', error: { code: 'E_PROBATION_START' } });
    await expect(device.call('guest', 'Version')).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    await device.install('guest', version(device, 2));
    expect(text(await device.call('guest', 'Version', NOTHING))).toBe('2');
  });

  it('stays rolled back over a restart, also when the broker still wants it', async () => {
    const device = await start();
    const module = version(device, 2, { startTraps: true });
    const { deployment, end } = await device.push('guest', module);
    expect(end).toBe('rolled-back');
    await device.off();
    await device.on();
    expect(text(await device.call('guest', 'Version'))).toBe('1');
    // The embedded broker keeps what is desired; the device says again how that ended, and does not try it again.
    expect(await device.client.status('guest')).toMatchObject({ deployment, state: 'rolled-back' });
    expect((await device.push('guest', module)).error?.code).toBe('E_BLOCKED');
  });
});
