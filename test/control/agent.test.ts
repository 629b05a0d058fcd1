import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReplayWindow } from '#runtime/control/agent/replay.js';
import { DeviceClient } from '#runtime/control/client/device-client.js';
import { followLogs } from '#runtime/control/client/logs.js';
import { listDevices } from '#runtime/control/client/presence-watch.js';
import { nextCounter } from '#runtime/control/client/replies.js';
import type { LogLine } from '#runtime/control/protocol/messages.js';
import { topics } from '#runtime/control/protocol/topics.js';
import type { PlainValue } from '#runtime/trust/cbor/value.js';
import type { Signer } from '#runtime/trust/cose/signer.js';
import { decodeReply, type Reply } from '#runtime/trust/rpc/reply.js';
import { createRequest, encodeRequest, MAX_REQUEST_BYTES } from '#runtime/trust/rpc/request.js';
import { BROKERS } from '../helpers/broker.js';
import type { RunningBroker } from '../helpers/mosquitto.js';
import {
  bareLink,
  Cleanup,
  connectClient,
  control,
  FakeDevice,
  failure,
  release,
  stranger,
  until,
} from './fixture.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

for (const { name, start, missing } of BROKERS) {
  describe.skipIf(missing !== undefined)(
    `agent and client over ${name}${missing === undefined ? '' : `: ${missing}`}`,
    () => {
      let broker: RunningBroker;

      beforeEach(async () => {
        broker = await start();
        cleanup.add(broker, () => broker.stop());
      });

      const device = async (name?: string, options = {}): Promise<FakeDevice> => {
        const fake = await new FakeDevice(broker.url, name, options).start();
        cleanup.add(fake, () => fake.agent.stop());
        await until(() => fake.agent.connected, 'device connected');
        return fake;
      };
      const client = async (name?: string, key?: Signer): Promise<DeviceClient> => {
        const made = await connectClient(broker.url, name, key);
        return cleanup.add(made, () => made.close());
      };
      const bare = async () => {
        const link = await bareLink(broker.url);
        return cleanup.add(link, () => link.close());
      };

      it('finds a device, sees its actors change, and sees it go with and without a word', async () => {
        let state: 'running' | 'stopped' = 'running';
        const first = await device('pi-01', { actors: () => [{ name: 'blink', state }] });
        const watcher = await client();
        expect(await watcher.presence()).toMatchObject({
          v: 1,
          state: 'online',
          device: 'pi-01',
          session: 7,
          board: 'sim',
          labels: { site: 'lab' },
          actors: [{ name: 'blink', state: 'running' }],
        });
        const seen: string[] = [];
        watcher.onPresence((presence) => seen.push(`${presence.state} ${presence.actors[0]?.state}`));
        state = 'stopped';
        first.agent.actorsChanged();
        await until(() => seen.includes('online stopped'), 'changed presence');
        await first.agent.stop();
        await until(() => seen.includes('offline stopped'), 'offline');
        const link = await bare();
        // Only the last will remains of one that dies: the agent's socket is cut under it.
        const second = await device('pi-02');
        const other = await client('pi-02');
        await other.presence();
        const inner = second.agent as unknown as { link: { client: { stream: { destroy(): void } } } };
        const gone = new Promise<void>((resolve) => {
          other.onPresence(({ state }) => state === 'offline' && resolve());
        });
        inner.link.client.stream.destroy();
        await gone;
        // It comes back by itself, and an old will that comes late does not stay.
        await until(() => second.agent.connected, 'reconnect');
        await link.publish(
          topics.presence('pi-02'),
          JSON.stringify({ ...(await other.presence()), state: 'offline' }),
          {
            retain: true,
          },
        );
        let last = '';
        other.onPresence((presence) => {
          last = presence.state;
        });
        await until(() => last === 'online', 'online again');
      });

      it('says where it looked for a device that is not there, unharmed by a hundred others', async () => {
        const link = await bare();
        const presence = {
          v: 1,
          state: 'offline',
          session: 1,
          version: '1',
          board: 'sim',
          labels: {},
          actors: [],
        };
        await Promise.all(
          Array.from({ length: 100 }, (_, n) => {
            const name = `pi-${String(n + 10)}`;
            return link.publish(topics.presence(name), JSON.stringify({ ...presence, device: name }), {
              retain: true,
            });
          }),
        );
        await link.publish(topics.presence('liar'), JSON.stringify({ ...presence, device: 'pi-01' }), {
          retain: true,
        });
        await link.publish(topics.presence('noise'), 'no JSON', { retain: true });
        const seeker = await client('pi-00');
        const error = await failure(seeker.presence(200));
        expect(error.code).toBe('E_DEVICE_NOT_FOUND');
        expect(error.exitCode).toBe(3);
        expect(error.message).toContain(broker.url);
        expect(error.message).toContain('pi-10');
        expect(error.message).toContain('95 more');
        expect(error.hint).toContain('devices add pi-00');
        expect(await listDevices(link)).toHaveLength(100);
        await device('pi-01');
        const finder = await client('pi-01');
        expect((await finder.presence()).state).toBe('online');
      });

      it('answers signed requests', async () => {
        const fake = await device();
        const caller = await client();
        expect(await caller.rpc('ps', {})).toMatchObject({
          device: 'pi-01',
          ready: true,
          actors: [{ name: 'blink' }],
        });
        const payload = Uint8Array.of(1, 2, 3);
        const answers = await Promise.all(
          Array.from({ length: 10 }, () => caller.rpc('call', { actor: 'blink', operation: 'Do', payload })),
        );
        expect(answers.map(({ reply }) => [...reply])).toEqual(Array.from({ length: 10 }, () => [1, 2, 3]));
        expect(fake.calls).toHaveLength(10);
        const big = new Uint8Array(1024 * 1024 - 1).fill(5);
        const { reply } = await caller.rpc('call', { actor: 'blink', operation: 'Do', payload: big });
        expect(Buffer.compare(reply, big)).toBe(0);
      });

      it('passes on errors with code and hint', async () => {
        await device();
        const caller = await client();
        const error = await failure(
          caller.rpc('bind', { actor: 'blink', contract: 'iot:gpio', settings: {} }),
        );
        expect(error).toMatchObject({ code: 'E_INTERNAL', message: 'not part of this test' });
        const wrong = await failure(caller.rpc('call', { actor: 'blink' } as never));
        expect(wrong.code).toBe('E_PAYLOAD');
        expect(wrong.message).toBe('call: operation: is missing, expected text; payload: must be bytes');
        const unknown = await failure(caller.rpc('explode' as never, {} as never));
        expect(unknown.code).toBe('E_OPERATION');
        expect(unknown.hint).toContain('ps');
        expect((await failure(caller.rpc('__proto__' as never, {} as never))).code).toBe('E_OPERATION');
        const huge = new Uint8Array(MAX_REQUEST_BYTES);
        const large = await failure(caller.rpc('call', { actor: 'a', operation: 'b', payload: huge }));
        expect(large.code).toBe('E_TOO_LARGE');
      });

      it('refuses keys without the role, and a device without trust', async () => {
        await device();
        for (const key of [release, stranger]) {
          const error = await failure((await client('pi-01', key)).rpc('ps', {}));
          expect(error.code).toBe('E_UNAUTHORISED');
          expect(error.exitCode).toBe(4);
          expect(error.hint).toContain('keys trust');
        }
        await device('pi-02', { trust: () => undefined });
        expect((await failure((await client('pi-02')).rpc('ps', {}))).code).toBe('E_NO_TRUST');
        const keyless = await DeviceClient.connect({ url: broker.url, device: 'pi-01' });
        cleanup.add(keyless, () => keyless.close());
        expect((await failure(keyless.rpc('ps', {}))).code).toBe('E_KEY');
      });

      it('refuses what is unsigned, replayed, retained, too large or meant for others, and does nothing of it', async () => {
        const fake = await device();
        const link = await bare();
        const replies: Reply[] = [];
        await link.subscribe(topics.response('pi-01', 'mallory'), ({ payload }) =>
          replies.push(decodeReply(payload)),
        );
        const call = { actor: 'blink', operation: 'Do', payload: Uint8Array.of(1) } as PlainValue;
        const request = {
          device: 'pi-01',
          session: 7,
          counter: nextCounter(),
          operation: 'call',
          args: call,
        };
        const send = async (bytes: Uint8Array, retain = false) => {
          const before = replies.length;
          await link.publish(topics.request('pi-01', 'mallory'), bytes, { retain });
          await until(() => replies.length > before, 'reply');
          const reply = replies.at(-1)!;
          return 'error' in reply ? reply.error.code : 'done';
        };
        const good = createRequest(control, request);
        expect(await send(good)).toBe('done');
        expect(fake.calls).toHaveLength(1);
        // The same once more, by two ways: neither answered nor carried out.
        await link.publish(topics.request('pi-01', 'mallory'), good);
        await link.publish(topics.request('pi-01', 'eve'), good);
        expect(await send(encodeRequest({ ...request, counter: nextCounter() }))).toBe('E_UNSIGNED');
        expect(await send(createRequest(control, { ...request, session: 6, counter: nextCounter() }))).toBe(
          'E_REPLAY',
        );
        const elsewhere = createRequest(control, { ...request, device: 'pi-02', counter: nextCounter() });
        expect(await send(elsewhere)).toBe('E_WRONG_DEVICE');
        const forged = Uint8Array.from(createRequest(control, { ...request, counter: nextCounter() }));
        forged[forged.length - 1]! ^= 1;
        expect(await send(forged)).toBe('E_SIGNATURE');
        expect(await send(new Uint8Array(MAX_REQUEST_BYTES + 1))).toBe('E_TOO_LARGE');
        expect(await send(Uint8Array.of(0xff))).toBe('E_ENVELOPE');
        expect(fake.calls).toHaveLength(1);
        // A request that the broker keeps would be carried out at every start of the host.
        const other = createRequest(control, { ...request, device: 'pi-03', counter: nextCounter() });
        await link.publish(topics.request('pi-03', 'mallory'), other, { retain: true });
        const late = await device('pi-03');
        await (await client('pi-03')).rpc('ps', {});
        expect(late.calls).toHaveLength(0);
      });

      it('knows when a device is off, before and while it asks', async () => {
        const slow = new Promise<never>(() => {});
        const fake = await device('pi-01', {
          handlers: { ...new FakeDevice(broker.url).handlers(), ps: () => slow },
        });
        const caller = await client();
        const timeout = await failure(caller.rpc('ps', {}, { timeoutMs: 100 }));
        expect(timeout.code).toBe('E_TIMEOUT');
        for (const part of ['pi-01', 'ps', '100 ms']) expect(timeout.message).toContain(part);
        const asking = failure(caller.rpc('ps', {}));
        await caller.rpc('call', { actor: 'a', operation: 'b', payload: new Uint8Array(0) });
        await fake.agent.stop();
        expect((await asking).code).toBe('E_DEVICE_OFFLINE');
        const after = await failure(caller.rpc('ps', {}));
        expect(after.code).toBe('E_DEVICE_OFFLINE');
        expect(after.message).toContain('pi-01');
      });

      it('works on a bounded number of requests', async () => {
        let release = (): void => {};
        const gate = new Promise<void>((resolve) => {
          release = resolve;
        });
        const handlers = new FakeDevice(broker.url).handlers();
        let working = 0;
        let most = 0;
        await device('pi-01', {
          handlers: {
            ...handlers,
            call: async (args: { payload: Uint8Array }) => {
              most = Math.max(most, ++working);
              await gate;
              working--;
              return { reply: args.payload };
            },
          },
        });
        const caller = await client();
        const payload = new Uint8Array(1);
        let refused = 0;
        const calls = Array.from({ length: 18 }, () =>
          caller.rpc('call', { actor: 'a', operation: 'b', payload }).then(
            () => 'ok',
            (error) => {
              refused++;
              return error.code as string;
            },
          ),
        );
        // Not before both: the last request would be let in if it came when the others have ended.
        await until(() => refused === 2, 'two refusals');
        expect([working, most]).toEqual([16, 16]);
        release();
        const ends = await Promise.all(calls);
        expect(ends.filter((end) => end === 'ok')).toHaveLength(16);
        expect(ends.filter((end) => end === 'E_QUEUE_FULL')).toHaveLength(2);
      });

      it('streams log lines to those who ask, and to nobody otherwise', async () => {
        const fake = await device();
        const link = await bare();
        const raw: Uint8Array[] = [];
        await link.subscribe(topics.log('pi-01'), ({ payload }) => raw.push(payload));
        fake.agent.publishLog({ time: 1, level: 'info', message: 'unheard' });
        const lines: LogLine[] = [];
        const end = new AbortController();
        const following = followLogs({
          client: await client(),
          select: { actor: 'blink' },
          signal: end.signal,
          onLine: (line) => lines.push(line),
        });
        await until(() => lines.length === 1, 'recent line');
        fake.agent.publishLog({ time: 2, level: 'info', message: 'other', actor: 'other' });
        fake.agent.publishLog({ time: 3, level: 'info', message: 'live', actor: 'blink', pin: 4 });
        await until(() => lines.length === 2, 'live line');
        expect(lines.map(({ message }) => message)).toEqual(['early', 'live']);
        expect(lines[1]).toMatchObject({ time: 3, pin: 4 });
        end.abort();
        await following;
        await until(() => raw.length === 2, 'raw lines');
        expect(Buffer.concat(raw).toString()).not.toContain('unheard');
      });

      it('goes on after the broker died and came back with nothing in its memory', async () => {
        const fake = await device();
        const caller = await client();
        await caller.rpc('ps', {});
        const status = { v: 1 as const, component: 'blink', deployment: 'd', floor: 5 };
        await fake.agent.status.status({ ...status, state: 'fetching' });
        await broker.kill();
        await until(() => !fake.agent.connected, 'disconnect');
        // An update does not wait for a broker.
        await fake.agent.status.status({ ...status, state: 'active' });
        expect((await failure(fake.agent.status.report(Uint8Array.of(1)))).code).toBe('E_BROKER_UNREACHABLE');
        expect((await failure(caller.rpc('ps', {}))).code).toBe('E_BROKER_UNREACHABLE');
        broker = await start({ port: broker.port });
        await until(() => fake.agent.connected && caller.link.connected, 'reconnect');
        expect(await caller.rpc('ps', {})).toMatchObject({ device: 'pi-01' });
        const newcomer = await client();
        expect((await newcomer.presence()).state).toBe('online');
        expect((await newcomer.status('blink'))?.state).toBe('active');
      });
    },
  );
}

describe('replay window', () => {
  it('takes every counter once, in any order, and forgets only downwards', () => {
    const window = new ReplayWindow();
    expect(window.take('a', 5)).toBe(true);
    expect(window.take('a', 5)).toBe(false);
    expect(window.take('a', 3)).toBe(true);
    expect(window.take('b', 5)).toBe(true);
    for (let n = 10; n < 5_000; n++) expect(window.take('a', n)).toBe(true);
    for (let n = 0; n < 5_000; n++) expect(window.take('a', n)).toBe(false);
    expect(window.floor('a')).toBeGreaterThan(3_000);
    expect(window.take('a', 5_000)).toBe(true);
  });

  it('counters only rise, even when the clock does not', () => {
    const counters = [nextCounter(1_000), nextCounter(1_000), nextCounter(500), nextCounter()];
    expect([...counters].sort((a, b) => a - b)).toEqual(counters);
    expect(new Set(counters).size).toBe(4);
    expect(counters.every(Number.isSafeInteger)).toBe(true);
  });
});
