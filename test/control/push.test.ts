import { describe, expect, it } from 'vitest';
import type { ReasonCode } from '#runtime/base/reasons.js';
import { cancel } from '#runtime/control/client/cancel.js';
import { readDesired } from '#runtime/control/client/desired.js';
import { outcomeError } from '#runtime/control/client/outcome.js';
import { type PushOptions, type PushProgress, push } from '#runtime/control/client/push.js';
import { readRetained } from '#runtime/control/mqtt/retained.js';
import type { UpdateState } from '#runtime/control/protocol/messages.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { BROKERS, type BrokerKind } from '../helpers/broker.js';
import {
  bareLink,
  Cleanup,
  connectClient,
  digestOf,
  FakeDevice,
  failure,
  moduleOf,
  release,
  until,
} from './fixture.js';

const MODULE = moduleOf(300_000);
const NEXT = moduleOf(200_001, 5);

/** A broker of its own for every test, so that they can run side by side: they mostly wait. */
async function inLab(start: BrokerKind['start'], test: (lab: Lab) => Promise<void>): Promise<void> {
  const cleanup = new Cleanup();
  try {
    await test(await createLab(start, cleanup));
  } finally {
    await cleanup.run();
  }
}

type Lab = Awaited<ReturnType<typeof createLab>>;

async function createLab(start: BrokerKind['start'], cleanup: Cleanup) {
  let broker = await start();
  cleanup.add(broker, () => broker.stop());
  const killBroker = () => broker.kill();
  const startBroker = async () => {
    broker = await start({ port: broker.port });
  };
  const device = async (name = 'pi-01') => {
    const fake = await new FakeDevice(broker.url, name).start();
    cleanup.add(fake, () => fake.agent.stop());
    await until(() => fake.agent.connected, 'device connected');
    return fake;
  };
  /** A device that was there once and is off. */
  const absent = async (name = 'pi-01') => {
    const fake = await device(name);
    const client = await sender(name);
    await client.presence();
    await fake.agent.stop();
  };
  const sender = async (name = 'pi-01') => {
    const client = await connectClient(broker.url, name);
    return cleanup.add(client, () => client.close());
  };
  const pushing = async (options: Partial<PushOptions> = {}) => {
    const client = options.client ?? (await sender());
    return push({
      client,
      module: MODULE,
      component: 'blink',
      signers: [release],
      timeoutMs: 15_000,
      ...options,
    });
  };
  const kept = async (filter: string) => {
    const link = await bareLink(broker.url);
    const found = await readRetained(link, filter);
    await link.close();
    return found;
  };

  return { url: broker.url, device, absent, sender, pushing, kept, killBroker, startBroker };
}

for (const { name, start, missing } of BROKERS) {
  describe.skipIf(missing !== undefined)(
    `push over ${name}${missing === undefined ? '' : `: ${missing}`}`,
    () => {
      it.concurrent('ends with the module active, and says how far it is', () =>
        inLab(start, async (lab) => {
          const { device, pushing, kept } = lab;
          const fake = await device();
          const progress: PushProgress[] = [];
          const before = Math.floor(Date.now() / 1000);
          const outcome = await pushing({ onProgress: (step) => progress.push(step) });
          expect(outcome).toMatchObject({ device: 'pi-01', component: 'blink', end: 'active' });
          expect(outcome.error).toBeUndefined();
          expect(outcome.sequence).toBeGreaterThanOrEqual(before);
          expect(fake.floor).toBe(outcome.sequence);
          expect(digestOf(fake.installed.get('blink')!)).toBe(digestOf(MODULE));
          const states = progress.map(({ state }) => state);
          for (const state of ['fetching', 'probation', 'active']) expect(states).toContain(state);
          const sent = progress.map(({ sentBytes }) => sentBytes);
          expect([...sent].sort((a, b) => a - b)).toEqual(sent);
          expect(progress.at(-1)).toMatchObject({ sentBytes: MODULE.length, totalBytes: MODULE.length });
          expect((await kept('iot/blobs/#')).size).toBe(0);
          // The desired state stays: the device compares with it at every connect.
          expect((await kept(topics.desired('pi-01', 'blink'))).size).toBe(1);
          const second = await pushing({ module: NEXT });
          expect(second).toMatchObject({ end: 'active' });
          expect(second.sequence).toBeGreaterThan(outcome.sequence);
        }));

      it.concurrent.each([
        ['rolled-back', 'E_PROBATION_TRAP', 5],
        ['rolled-back', 'E_TRAP', 5],
        ['rejected', 'E_UNTRUSTED', 4],
        ['failed', 'E_NO_SPACE', 4],
        ['cancelled', 'E_CANCELLED', 130],
      ] as [UpdateState, ReasonCode, number][])('ends %s for %s with exit code %i', (state, code, exit) =>
        inLab(start, async (lab) => {
          const { device, pushing } = lab;
          const fake = await device();
          fake.verdict = { state, reason: { code, message: 'because', hint: 'try' } };
          const outcome = await pushing();
          expect(outcome.end).toBe(state);
          expect(outcome.error?.exitCode).toBe(exit);
          for (const part of ['pi-01', 'blink', 'because']) expect(outcome.error?.message).toContain(part);
          expect(outcome.error?.hint).toBe('try');
          expect(fake.installed.size).toBe(0);
        }),
      );

      it.concurrent('refuses what can never work before anything is sent', () =>
        inLab(start, async (lab) => {
          const { sender, pushing, kept } = lab;
          const client = await sender();
          expect((await failure(pushing({ client, module: new Uint8Array(0) }))).code).toBe('E_USAGE');
          expect((await failure(pushing({ client, module: new Uint8Array(4 * 2 ** 20 + 1) }))).code).toBe(
            'E_TOO_LARGE',
          );
          expect((await failure(pushing({ client, component: 'a/b' }))).code).toBe('E_USAGE');
          expect((await failure(pushing({ client }))).code).toBe('E_DEVICE_NOT_FOUND');
          expect((await kept('#')).size).toBe(0);
        }));

      it.concurrent('does not sign a number that somebody has made up', () =>
        inLab(start, async (lab) => {
          const { device, sender, pushing } = lab;
          await device();
          const client = await sender();
          const status = { v: 1, component: 'blink', deployment: 'x', state: 'active', floor: 2 ** 53 - 2 };
          await client.link.publish(topics.state('pi-01', 'blink'), JSON.stringify(status), { retain: true });
          const error = await failure(pushing({ client }));
          expect(error.code).toBe('E_USAGE');
          expect(error.message).toContain(String(2 ** 53 - 2));
          expect(await pushing({ client, sequence: 5 })).toMatchObject({ end: 'active', sequence: 5 });
          // A push of the very same thing is told how it ended.
          expect(await pushing({ client, sequence: 5 })).toMatchObject({ end: 'active', sequence: 5 });
          const older = await pushing({ client, module: NEXT, sequence: 4 });
          expect(older).toMatchObject({ end: 'rejected', error: { code: 'E_OLDER' } });
        }));

      it.concurrent('leaves an update for a device that is off, and cleans up when it has come back', () =>
        inLab(start, async (lab) => {
          const { device, absent, pushing, kept } = lab;
          await absent();
          const left = await pushing({ detach: true });
          expect(left.end).toBe('left');
          const fake = await device();
          await until(() => fake.installed.has('blink'), 'taken');
          expect(digestOf(fake.installed.get('blink')!)).toBe(digestOf(MODULE));
          expect((await kept('iot/blobs/#')).size).toBe(Math.ceil(MODULE.length / 16_384));
          // Nobody saw the outcome. The next push of the component does.
          const outcome = await pushing({ module: NEXT });
          expect(outcome.end).toBe('active');
          expect((await kept('iot/blobs/#')).size).toBe(0);
        }));

      it.concurrent('waits for a device that is off, and has the outcome when it comes', () =>
        inLab(start, async (lab) => {
          const { device, absent, pushing, kept } = lab;
          await absent();
          const states: string[] = [];
          const ending = pushing({ onProgress: ({ state }) => states.push(state) });
          await until(() => states.includes('offline'), 'waiting');
          const fake = await device();
          expect((await ending).end).toBe('active');
          expect(fake.installed.has('blink')).toBe(true);
          expect((await kept('iot/blobs/#')).size).toBe(0);
        }));

      it.concurrent('says that the update is left when the device does not come', () =>
        inLab(start, async (lab) => {
          const { device, absent, pushing } = lab;
          await absent();
          const error = await failure(pushing({ timeoutMs: 700 }));
          expect(error.code).toBe('E_TIMEOUT');
          expect(error.exitCode).toBe(6);
          expect(error.message).toContain('will be taken when it comes back');
          const fake = await device();
          await until(() => fake.installed.has('blink'), 'taken');
        }));

      it.concurrent('leaves the bytes with the broker when a device takes too long', () =>
        inLab(start, async (lab) => {
          const { device, pushing } = lab;
          const fake = await device();
          const hold = new AbortController();
          fake.probation = () =>
            new Promise((resolve) => hold.signal.addEventListener('abort', () => resolve()));
          const error = await failure(pushing({ timeoutMs: 600 }));
          expect(error.code).toBe('E_TIMEOUT');
          expect(error.message).toContain('probation');
          hold.abort();
          await until(() => fake.installed.has('blink'), 'active without a sender');
          const end = new AbortController();
          const interrupted = failure(pushing({ signal: end.signal, onProgress: () => end.abort() }));
          expect(await interrupted).toMatchObject({ code: 'E_INTERRUPTED', exitCode: 130 });
        }));

      it.concurrent('survives a broker that dies and comes back with nothing in its memory', () =>
        inLab(start, async (lab) => {
          const { device, sender, pushing } = lab;
          const fake = await device();
          let reached = (): void => {};
          const probation = new Promise<void>((resolve) => {
            reached = resolve;
          });
          const hold = new AbortController();
          fake.probation = () => {
            reached();
            return new Promise((resolve) => hold.signal.addEventListener('abort', () => resolve()));
          };
          const client = await sender();
          const ending = pushing({ client });
          await probation;
          await lab.killBroker();
          hold.abort();
          await until(() => fake.installed.has('blink'), 'active without a broker');
          await lab.startBroker();
          expect((await ending).end).toBe('active');
          await until(() => client.link.connected, 'reconnect');
        }));

      it.concurrent('of two at once the higher wins and both know the truth', () =>
        inLab(start, async (lab) => {
          const { device, pushing, kept } = lab;
          const fake = await device();
          const [low, high] = await Promise.all([
            pushing({ sequence: 100 }),
            pushing({ sequence: 101, module: NEXT }),
          ]);
          expect(high.end).toBe('active');
          expect(digestOf(fake.installed.get('blink')!)).toBe(digestOf(NEXT));
          expect(fake.floor).toBe(101);
          // It was first and done, or it was overtaken: never both, never neither.
          if (low.end !== 'active') {
            expect(low.end).toBe('rejected');
            expect(['E_SUPERSEDED', 'E_OLDER']).toContain(low.error?.code);
          }
          const last = (await kept(topics.desired('pi-01', 'blink'))).get(topics.desired('pi-01', 'blink'));
          expect(readDesired(last!)?.sequence).toBe(101);
        }));

      it.concurrent('two at once for a device that is off agree before it comes', () =>
        inLab(start, async (lab) => {
          const { device, absent, pushing } = lab;
          await absent();
          const states: string[] = [];
          const high = pushing({
            sequence: 201,
            module: NEXT,
            onProgress: ({ state }) => states.push(state),
          });
          await until(() => states.length > 0, 'first');
          const low = await pushing({ sequence: 200 });
          expect(low).toMatchObject({ end: 'rejected', error: { code: 'E_SUPERSEDED', exitCode: 4 } });
          expect(low.error?.message).toContain('201');
          const fake = await device();
          expect((await high).end).toBe('active');
          expect(digestOf(fake.installed.get('blink')!)).toBe(digestOf(NEXT));
          expect(fake.installed.size).toBe(1);
        }));

      it.concurrent('two equal ones are one', () =>
        inLab(start, async (lab) => {
          const { device, pushing } = lab;
          const fake = await device();
          const ends = await Promise.all([pushing({ sequence: 9 }), pushing({ sequence: 9 })]);
          expect(ends.map(({ end }) => end)).toEqual(['active', 'active']);
          expect(fake.floor).toBe(9);
        }));

      it.concurrent('puts its desired state back when noise takes its place', () =>
        inLab(start, async (lab) => {
          const { device, absent, pushing } = lab;
          await absent();
          const states: string[] = [];
          const ending = pushing({ onProgress: ({ state }) => states.push(state) });
          await until(() => states.includes('offline'), 'waiting');
          const link = await bareLink(lab.url);
          await link.publish(topics.desired('pi-01', 'blink'), 'noise', { retain: true });
          let back = false;
          await link.subscribe(topics.desired('pi-01', 'blink'), ({ payload }) => {
            back ||= readDesired(payload) !== undefined;
          });
          await until(() => back, 'put back');
          await link.close();
          await device();
          expect((await ending).end).toBe('active');
        }));

      it.concurrent('can be taken back, before the device has it and while it has', () =>
        inLab(start, async (lab) => {
          const { device, absent, sender, pushing, kept } = lab;
          await absent();
          const client = await sender();
          expect(await cancel(client, 'blink')).toBe(false);
          const states: string[] = [];
          const ending = pushing({ onProgress: ({ state }) => states.push(state) });
          await until(() => states.includes('offline'), 'waiting');
          expect(await cancel(client, 'blink')).toBe(true);
          expect(await ending).toMatchObject({ end: 'cancelled', error: { code: 'E_CANCELLED' } });
          expect((await kept('iot/blobs/#')).size).toBe(0);
          expect((await kept(topics.desired('pi-01', 'blink'))).size).toBe(0);
          await device('pi-02');
          const other = await sender('pi-02');
          // Nobody sends the bytes: the device goes on asking until it is told to stop.
          await push({ client: other, module: MODULE, component: 'blink', signers: [release], detach: true });
          expect(await cancel(other, 'blink')).toBe(true);
        }));

      it.concurrent('never takes away what another device still waits for', () =>
        inLab(start, async (lab) => {
          const { device, absent, sender, pushing, kept } = lab;
          await absent('pi-02');
          const other = await sender('pi-02');
          await push({ client: other, module: MODULE, component: 'blink', signers: [release], detach: true });
          await device('pi-01');
          expect((await pushing()).end).toBe('active');
          expect((await kept('iot/blobs/#')).size).toBe(Math.ceil(MODULE.length / 16_384));
          const late = await device('pi-02');
          await until(() => late.installed.has('blink'), 'taken from what was left');
          expect((await pushing()).end).toBe('active');
          expect((await kept('iot/blobs/#')).size).toBe(0);
        }));
    },
  );
}

describe('outcome', () => {
  const status = { v: 1, component: 'blink', deployment: 'd', floor: 0 } as const;

  it('has a reason also where the device gave none', () => {
    expect(outcomeError('pi-01', { ...status, state: 'rolled-back' })?.exitCode).toBe(5);
    expect(outcomeError('pi-01', { ...status, state: 'rejected' })?.exitCode).toBe(4);
    expect(outcomeError('pi-01', { ...status, state: 'failed' })?.exitCode).toBe(6);
    expect(outcomeError('pi-01', { ...status, state: 'cancelled' })?.exitCode).toBe(130);
    expect(outcomeError('pi-01', { ...status, state: 'active' })).toBeUndefined();
  });

  it('what is no envelope is nothing', () => {
    expect(readDesired(new Uint8Array(0))).toBeUndefined();
    expect(readDesired(Uint8Array.of(0xd8, 0x6b, 0xa0))).toBeUndefined();
  });
});
