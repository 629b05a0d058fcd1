import { spawn } from 'node:child_process';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Deliver, Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/iot-mqtt/contract.js';
import { call, createProvider, failure, providerEnv, session, until } from '../helpers/providers.js';

export interface ContractBroker {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

interface Received {
  topic: string;
  text: string;
  qos: number;
  retain: boolean;
}

let nextTopic = 0;

/** What every implementation of `iot:mqtt` does. `start` gives a broker, empty, on `port` if it says so. */
export function testMqttContract(
  name: string,
  implementation: string,
  start: (options?: { port?: number }) => Promise<ContractBroker>,
): void {
  describe(`iot:mqtt ${implementation} with ${name}`, () => {
    let broker: ContractBroker;
    let observer: MqttClient;
    let lines: string[];
    let got: Received[];
    let handle: Deliver;
    /** A part of the topic space that no other test uses, for brokers that outlive a test. */
    let home: string;
    let cleanup: (() => Promise<unknown>)[];
    const grant = () => ({ publish: [`${home}/#`], subscribe: [`${home}/#`] });
    const blink = () => session(contract, `blink${home}`, grant());
    const texts = () => got.map(({ text }) => text);

    const deliver: Deliver = async (operation, message) => {
      expect(operation).toBe('Message');
      const seen = decodePayload('cbor', encodePayload('cbor', message)) as Received & {
        payload: Uint8Array;
      };
      const { payload, ...rest } = seen;
      got.push({ ...rest, text: Buffer.from(payload).toString() });
      return handle(operation, message);
    };
    const provide = async (settings: object = {}): Promise<Provider> => {
      const env = providerEnv({ brokerUrl: broker.url }, lines);
      const provider = await createProvider(contract, implementation, env, settings);
      cleanup.push(() => provider.stop());
      await provider.start(new AbortController().signal);
      return provider;
    };
    /** A provider with `blink` bound and subscribed to everything under `home`. */
    const subscribed = async (settings: object = {}) => {
      const provider = await provide(settings);
      await provider.bind(blink(), deliver);
      await call(contract, provider, blink(), 'Subscribe', { filter: `${home}/#` });
      return provider;
    };
    const say = (topic: string, text: string, options: { qos?: 0 | 1; retain?: boolean } = {}) =>
      observer.publishAsync(`${home}/${topic}`, text, { qos: 1, ...options });

    beforeEach(async () => {
      nextTopic += 1;
      home = `t${process.pid}x${nextTopic}`;
      lines = [];
      got = [];
      handle = async () => undefined;
      cleanup = [];
      broker = await start();
      observer = await connectAsync(broker.url, { reconnectPeriod: 50 });
      observer.on('error', () => {});
    });
    afterEach(async () => {
      for (const undo of cleanup.reverse()) await undo();
      observer.end(true);
      await broker.stop();
    });

    it('publishes bytes and text, with every quality of service', async () => {
      const provider = await provide();
      const heard: string[] = [];
      observer.on('message', (topic, payload, packet) => {
        heard.push(`${topic.slice(home.length)} ${payload.toString('hex')} ${packet.retain}`);
      });
      await observer.subscribeAsync(`${home}/#`, { qos: 1 });
      const publish = (request: object) => call(contract, provider, blink(), 'Publish', request);
      expect(await publish({ topic: `${home}/a`, payload: Uint8Array.of(0, 255) })).toBeUndefined();
      await publish({ topic: `${home}/b`, payload: 'ü', qos: 2 });
      await publish({ topic: `${home}/c` });
      await publish({ topic: `${home}/d`, payload: 'x', qos: 0 });
      await until(() => heard.length === 4, 'four messages');
      expect(heard.sort()).toEqual(['/a 00ff false', '/b c3bc false', '/c  false', '/d 78 false']);
      const qos0 = encodePayload('cbor', { topic: `${home}/d`, qos: 0 });
      expect(contract.handle(provider, blink(), 'Publish', qos0)).toBeInstanceOf(Uint8Array);
    });

    it('sends what the payload was at the time of the call, whatever becomes of its memory', async () => {
      const provider = await provide();
      const heard: string[] = [];
      observer.on('message', (_topic, payload) => heard.push(payload.toString()));
      await observer.subscribeAsync(`${home}/#`, { qos: 1 });
      const memory = encodePayload('cbor', { topic: `${home}/a`, payload: Buffer.from('before') });
      const published = contract.handle(provider, blink(), 'Publish', memory);
      memory.fill(0);
      await published;
      await until(() => heard.length === 1, 'the message');
      expect(heard).toEqual(['before']);
    });

    it('delivers, in order, retained ones marked', async () => {
      await say('state', 'kept', { retain: true });
      await subscribed();
      await until(() => got.length === 1, 'the retained message');
      for (let i = 0; i < 20; i += 1) await say('n', String(i));
      await until(() => got.length === 21, 'twenty messages');
      expect(got[0]).toEqual({ topic: `${home}/state`, text: 'kept', qos: 1, retain: true });
      expect(got[1]).toEqual({ topic: `${home}/n`, text: '0', qos: 1, retain: false });
      expect(texts().slice(1)).toEqual([...Array(20).keys()].map(String));
      await say('state', '', { retain: true });
    });

    it('acknowledges only what was handled: what a killed host had in hand comes again', async () => {
      const env = { device: 'pi-01', brokerUrl: broker.url };
      const child = spawn(process.execPath, ['--input-type=module', '-e', VICTIM], {
        env: { ...process.env, VICTIM: JSON.stringify({ env, home, grant: grant(), actor: blink().actor }) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      cleanup.push(async () => child.kill('SIGKILL'));
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
      });
      await until(() => said.includes('subscribed'), 'subscription of the victim');
      await say('a', 'first');
      await say('a', 'second');
      await until(() => said.includes('got first'), 'delivery to the victim');
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      await (await provide()).bind(blink(), deliver);
      await until(() => got.length === 2, 'redelivery');
      expect(texts()).toEqual(['first', 'second']);
    });

    it('offers a message again while the actor is away or busy, and delivers it once', async () => {
      await subscribed();
      const outcomes = ['E_QUEUE_FULL', 'E_NOT_RUNNING', 'E_QUEUE_FULL'] as const;
      let attempt = 0;
      handle = async () => {
        const code = outcomes[attempt];
        attempt += 1;
        if (code !== undefined) throw new IotError(code, 'not now');
      };
      await say('a', '1');
      await say('a', '2');
      await until(() => attempt === 5, 'the second message');
      expect(texts()).toEqual(['1', '1', '1', '1', '2']);
    });

    it('leaves unacknowledged what was never handled when it stops', async () => {
      const first = await subscribed();
      handle = () => Promise.reject(new IotError('E_NOT_RUNNING', 'blink is not running'));
      await say('a', 'waiting');
      await until(() => got.length > 1, 'a second attempt');
      await first.stop();
      got = [];
      handle = async () => undefined;
      await (await provide()).bind(blink(), deliver);
      await until(() => got.length === 1, 'redelivery');
      expect(texts()).toEqual(['waiting']);
    });

    it('counts a failing actor as having handled its message, and logs it', async () => {
      const first = await subscribed();
      handle = () => Promise.reject(new IotError('E_TRAP', 'unreachable'));
      await say('a', 'poison');
      handle = (_operation, message) =>
        Buffer.from((message as { payload: Uint8Array }).payload).toString() === 'poison'
          ? Promise.reject(new IotError('E_TRAP', 'unreachable'))
          : Promise.resolve();
      await say('a', 'good');
      await until(() => texts().includes('good'), 'the message behind');
      expect(lines.join()).toContain(`debug message on ${home}/a for blink${home}: unreachable`);
      await first.stop();
      got = [];
      await (await provide()).bind(blink(), deliver);
      await say('a', 'next');
      await until(() => texts().includes('next'), 'the next message');
      expect(texts()).not.toContain('poison');
    });

    it('lets an actor publish and subscribe while it handles a message', async () => {
      const provider = await subscribed();
      const calls: unknown[] = [];
      handle = async (_operation, message) => {
        const { topic } = message as { topic: string };
        if (topic !== `${home}/ask`) return undefined;
        const as = blink();
        calls.push(
          await call(contract, provider, as, 'Publish', { topic: `${home}/answer`, payload: 'yes' }),
        );
        calls.push(await call(contract, provider, as, 'Subscribe', { filter: `${home}/more/+` }));
        return undefined;
      };
      await say('ask', '?');
      // The answer may be handled while the message that asked for it still is.
      await until(() => texts().includes('yes') && calls.length === 2, 'the answer');
      expect(calls).toEqual([undefined, undefined]);
    });

    it('denies what is not granted, and iot/# and $ names however they are written', async () => {
      const provider = await provide();
      const all = session(contract, 'greedy', {
        publish: ['#', 'iot/#', '$SYS/#'],
        subscribe: ['#', 'iot/#', '$SYS/#'],
      });
      await provider.bind(all, deliver);
      const refused = (operation: string, request: object, as: Session) =>
        failure(() => call(contract, provider, as, operation, request));
      const filters = [
        '#',
        '+',
        '+/x',
        '+/#',
        'iot',
        'iot/#',
        'iot/v1/+',
        '$SYS/#',
        '$share/g/iot/x',
        '$share/g/#',
      ];
      for (const filter of filters) {
        expect([filter, await refused('Subscribe', { filter }, all)]).toEqual([
          filter,
          `E_NOT_GRANTED subscribe ${filter}: iot/# and topics that begin with $ are reserved`,
        ]);
      }
      for (const topic of ['iot', 'iot/v1/pi-01/x', '$SYS/x', '$share/g/home', '$delayed/1/iot/x']) {
        expect(await refused('Publish', { topic, payload: '' }, all)).toContain('are reserved');
      }
      const narrow = session(contract, 'narrow', { publish: [`${home}/+/state`] });
      await provider.bind(narrow, deliver);
      await call(contract, provider, narrow, 'Publish', { topic: `${home}/a/state` });
      expect(await refused('Publish', { topic: `${home}/a/b/state` }, narrow)).toContain('is not granted');
      expect(await refused('Subscribe', { filter: `${home}/a/state` }, narrow)).toBe(
        `E_NOT_GRANTED subscribe ${home}/a/state is not granted`,
      );
      expect(await refused('Publish', { topic: 'a' }, session(contract, 'none', {}))).toContain(
        'E_NOT_GRANTED',
      );
    });

    it('keeps messages of the broker session from an actor that may no longer have them', async () => {
      const first = await subscribed();
      await first.stop();
      await say('secret', 'x');
      await say('public', 'y');
      const second = await provide();
      const less = session(contract, blink().actor, { subscribe: [`${home}/public`] });
      await second.bind(less, deliver);
      await until(() => got.length === 1, 'the granted message');
      expect(texts()).toEqual(['y']);
      expect(lines.join()).toContain(`message on ${home}/secret for blink${home}: not granted`);
    });

    it('refuses bad requests and grants', async () => {
      const provider = await provide();
      await provider.bind(blink(), deliver);
      const bad = (operation: string, request?: unknown) =>
        failure(() => call(contract, provider, blink(), operation, request));
      for (const topic of ['', 'a/+', '#', 'a\0', 7])
        expect(await bad('Publish', { topic })).toContain('E_PAYLOAD');
      expect(await bad('Publish', { topic: 'a', qos: 3 })).toContain('E_PAYLOAD');
      expect(await bad('Publish', { topic: 'a', payload: 7 })).toContain('E_PAYLOAD');
      for (const filter of ['', 'a#', '#/a', 'a+/b'])
        expect(await bad('Subscribe', { filter })).toContain('E_PAYLOAD');
      expect(await bad('Subscribe', { filter: `${home}/a`, qos: 2 })).toContain('must be 0 or 1');
      expect(await bad('Publish')).toContain('E_PAYLOAD iot:mqtt Publish: topic');
      expect(() => contract.parseGrant({ subscribe: ['a#'] })).toThrow();
      expect(() => contract.parseGrant({ subscribe: 'a' })).toThrow();
      expect(() => contract.parseGrant({ topics: [] })).toThrow();
      const stranger = session(contract, 'stranger', grant());
      const message = await failure(() =>
        call(contract, provider, stranger, 'Subscribe', { filter: `${home}/a` }),
      );
      expect(message).toContain('E_NOT_BOUND');
    });

    it('gives every actor a session of its own, and refuses two that would share one', async () => {
      const provider = await provide();
      await provider.bind(session(contract, `a-b${home}`, grant(), 'c'), deliver);
      const twin = session(contract, 'a', grant(), `b${home}-c`);
      expect(await failure(() => provider.bind(twin, deliver))).toContain('E_CONFIG');
    });

    it('ends subscriptions: Unsubscribe, a narrower grant, new code that does not renew', async () => {
      const provider = await provide();
      await provider.bind(blink(), deliver);
      const run = (operation: string, filter: string) =>
        call(contract, provider, blink(), operation, { filter: `${home}/${filter}` });
      for (const filter of ['a', 'b', 'c', 'd']) await run('Subscribe', filter);
      await run('Unsubscribe', 'a');
      const narrower = { subscribe: [`${home}/b`, `${home}/d`] };
      await provider.bind(session(contract, blink().actor, narrower), deliver);
      const dropOld = provider.renew?.(session(contract, blink().actor, narrower));
      await run('Subscribe', 'd');
      await dropOld?.();
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const topic of ['a', 'b', 'c', 'd']) await say(topic, topic);
      await until(() => texts().includes('d'), 'the one that is left');
      expect(texts()).toEqual(['d']);
    });

    it('hands its subscriptions on, and loses and doubles nothing in between', async () => {
      const first = await subscribed();
      await say('a', '1');
      await until(() => got.length === 1, 'the first message');
      const state = structuredClone(await first.exportState?.());
      await first.stop();
      await say('a', '2');
      const second = await provide();
      await second.importState?.(state);
      await second.bind(blink(), deliver);
      await say('a', '3');
      await until(() => got.length === 3, 'all messages');
      expect(texts()).toEqual(['1', '2', '3']);
      expect(await second.exportState?.()).toEqual(state);
      const third = session(contract, 'other', { subscribe: [`${home}/x`] });
      const sessions = [{ actor: 'other', binding: 'default', subscriptions: [{ filter: 'iot/#', qos: 1 }] }];
      await second.importState?.({ sessions });
      await second.bind(third, deliver);
      expect(await second.exportState?.()).toMatchObject({ sessions: [{}, { subscriptions: [] }] });
      for (const bad of [
        undefined,
        {},
        { sessions: [{ ...sessions[0], subscriptions: [{ filter: 'a#', qos: 1 }] }] },
      ]) {
        expect(await failure(() => second.importState?.(bad))).toBe('E_PROVIDER iot:mqtt state is damaged');
      }
    });

    it('finishes with the message in hand before it stops, so that it does not come twice', async () => {
      const first = await subscribed();
      let finish: (value?: unknown) => void = () => {};
      handle = () => new Promise((resolve) => (finish = resolve));
      await say('a', '1');
      await until(() => got.length === 1, 'the message');
      const stopped = first.stop();
      setTimeout(finish, 50);
      await stopped;
      handle = async () => undefined;
      await (await provide()).bind(blink(), deliver);
      await say('a', '2');
      await until(() => texts().includes('2'), 'the next message');
      expect(texts()).toEqual(['1', '2']);
    });

    it('forgets everything of an actor that is unbound', async () => {
      const provider = await subscribed();
      await provider.unbind(blink());
      await say('a', 'lost');
      await provider.bind(blink(), deliver);
      await call(contract, provider, blink(), 'Subscribe', { filter: `${home}/#` });
      await say('a', 'new');
      await until(() => got.length > 0, 'a message');
      expect(texts()).toEqual(['new']);
    });

    it('is not upset by a connection that breaks while a message is in hand', async () => {
      const proxy = await startProxy(broker.port);
      cleanup.push(proxy.stop);
      await subscribed({ url: proxy.url });
      let finish: (value?: unknown) => void = () => {};
      handle = () => new Promise((resolve) => (finish = resolve));
      await say('a', '1');
      await until(() => got.length === 1, 'the message');
      proxy.cut();
      await until(() => proxy.connections >= 2, 'both connections to be back');
      await new Promise((resolve) => setTimeout(resolve, 100));
      handle = async () => undefined;
      finish();
      await say('a', '2');
      await until(() => texts().includes('2'), 'the next message');
      // The broker repeats the first; being marked as a repetition it is recognised. Not all brokers mark it.
      expect(texts().filter((text) => text === '2')).toHaveLength(1);
      if (name === 'mosquitto') expect(texts()).toEqual(['1', '2']);
    });

    it('starts without a broker, says so, fails by name meanwhile, and is there when the broker is', async () => {
      const { port } = broker;
      observer.end(true);
      await broker.stop();
      const provider = await provide();
      await provider.bind(blink(), deliver);
      expect(provider.problem?.()).toMatch(
        /^broker mqtt:\/\/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/,
      );
      const publish = (qos: number) =>
        failure(() =>
          call(contract, provider, blink(), 'Publish', { topic: `${home}/a`, payload: 'x', qos }),
        );
      expect(await publish(1)).toMatch(
        /^E_PROVIDER broker .* cannot be reached: .*; .*\/a was not published$/,
      );
      expect(await publish(0)).toBe('nothing was thrown');
      await call(contract, provider, blink(), 'Subscribe', { filter: `${home}/#` });
      broker = await start({ port });
      observer = await connectAsync(broker.url, { reconnectPeriod: 50 });
      await until(() => provider.problem?.() === undefined, 'connection');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await call(contract, provider, blink(), 'Publish', { topic: `${home}/a`, payload: 'back' });
      await until(() => got.length > 0, 'a message');
      expect(texts()).toEqual(['back']);
    });

    it('makes its subscriptions again with a broker that came back with an empty memory', async () => {
      const { port } = broker;
      const provider = await subscribed();
      await broker.stop();
      await until(() => provider.problem?.() !== undefined, 'loss of the connection');
      broker = await start({ port });
      await until(() => provider.problem?.() === undefined && observer.connected, 'connection');
      for (let i = 0; got.length === 0; i += 1) {
        await say('a', String(i));
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(i).toBeLessThan(200);
      }
      await provider.stop();
      expect(provider.problem?.()).toBeUndefined();
    });
  });
}

/** TCP between a client and the broker that a test can cut. */
async function startProxy(port: number) {
  const sockets = new Set<Socket>();
  const state = { connections: 0 };
  const server = createServer((client) => {
    const upstream = connectTcp(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    state.connections += 1;
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    state.connections = 0;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return state.connections;
    },
    cut,
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A host of its own that never finishes with its first message. */
const VICTIM = `
  const { env, home, grant, actor } = JSON.parse(process.env.VICTIM);
  const root = '${new URL('../../dist/runtime/', import.meta.url).href}';
  const contract = (await import(root + 'providers/iot-mqtt/contract.js')).default;
  const { encodePayload } = await import(root + 'base/codec.js');
  const { silentLogger } = await import(root + 'base/logger.js');
  const { create, settings } = await contract.loadImplementation('mqtt');
  const provider = create(settings.parse({}), { ...env, logger: silentLogger });
  await provider.start(new AbortController().signal);
  const session = { actor, binding: 'default', grant: contract.parseGrant(grant) };
  await provider.bind(session, (_operation, { payload }) => {
    process.stdout.write('got ' + Buffer.from(payload) + '\\n');
    return new Promise(() => {});
  });
  await contract.handle(provider, session, 'Subscribe', encodePayload('cbor', { filter: home + '/#' }));
  process.stdout.write('subscribed\\n');
`;
