import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Deliver, Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/wascc-messaging/contract.js';
import { call, createProvider, failure, providerEnv, session, until } from '../helpers/providers.js';

export interface MessagingBroker {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

interface Delivered {
  subject: string;
  replyTo: string;
  body: string;
}

const ONLY_311 =
  /^E_PROVIDER broker mqtt:\/\/127\.0\.0\.1:\d+ speaks MQTT 3\.1\.1 only: it cannot carry a reply address$/;

/** What every implementation of `wascc:messaging` does; `version`: the newest MQTT that the broker speaks. */
export function testMessagingContract(
  name: string,
  implementation: string,
  version: 4 | 5,
  start: (options?: { port?: number }) => Promise<MessagingBroker>,
): void {
  describe(`wascc:messaging ${implementation} with ${name}`, () => {
    let broker: MessagingBroker;
    let observer: MqttClient;
    let lines: string[];
    let got: Delivered[];
    let handle: (message: Delivered) => Promise<void>;
    let cleanup: (() => Promise<unknown>)[];
    const GRANT = { SUBSCRIPTION: 'home.>, svc.*', PUBLISH: 'home.>, svc.*' };
    const lamp = (grant: object = GRANT) => session(contract, 'lamp', grant);

    const deliver: Deliver = async (operation, value) => {
      expect(operation).toBe('DeliverMessage');
      const seen = decodePayload('msgpack', encodePayload('msgpack', value)) as {
        message: { subject: string; replyTo: string; body: Uint8Array };
      };
      const { message, ...bare } = seen;
      expect(bare).toEqual(message);
      const delivered = { ...message, body: Buffer.from(message.body).toString() };
      got.push(delivered);
      await handle(delivered);
      return undefined;
    };
    const provide = async (settings: object = {}): Promise<Provider> => {
      const env = providerEnv({ brokerUrl: broker.url }, lines);
      const provider = await createProvider(contract, implementation, env, settings);
      cleanup.push(() => provider.stop());
      await provider.start(new AbortController().signal);
      return provider;
    };
    const bound = async (grant: object = GRANT) => {
      const provider = await provide();
      await provider.bind(lamp(grant), deliver);
      return provider;
    };
    const publish = (provider: Provider, subject: string, body = '', replyTo = '', as: Session = lamp()) =>
      call(contract, provider, as, 'Publish', { message: { subject, replyTo, body: Buffer.from(body) } });
    const say = (topic: string, text: string, properties: object = {}) =>
      observer.publishAsync(topic, text, { qos: 1, properties });
    const hear = async (filter: string) => {
      const heard: { topic: string; text: string; properties: unknown }[] = [];
      observer.on('message', (topic, payload, packet) => {
        heard.push({ topic, text: payload.toString(), properties: packet.properties });
      });
      await observer.subscribeAsync(filter, { qos: 1 });
      return heard;
    };
    const bodies = () => got.map(({ body }) => body);

    beforeEach(async () => {
      lines = [];
      got = [];
      handle = async () => {};
      cleanup = [];
      broker = await start();
      observer = await connectAsync(broker.url, { reconnectPeriod: 50, protocolVersion: version });
      observer.on('error', () => {});
    });
    afterEach(async () => {
      for (const undo of cleanup.reverse()) await undo();
      observer.end(true);
      await broker.stop();
    });

    it('publishes on the topic of the subject', async () => {
      const provider = await bound();
      const heard = await hear('home/#');
      expect(await publish(provider, 'home.kitchen.lamp', 'on')).toBeUndefined();
      await until(() => heard.length === 1, 'the message');
      expect(heard[0]).toMatchObject({ topic: 'home/kitchen/lamp', text: 'on' });
    });

    it('takes a message in every form that actors write', async () => {
      const provider = await bound();
      const heard = await hear('home/#');
      const bare = { subject: 'home.b', replyTo: '', body: Buffer.from('2') };
      for (const request of [
        { message: { ...bare, subject: 'home.a' } },
        bare,
        ['home.c', '', [51]],
        [['home.d', '', Buffer.from('4')]],
        { message: { subject: 'home.e', replyTo: null } },
      ]) {
        const payload = Buffer.concat([encodePayload('msgpack', request), Buffer.from([0])]);
        expect(await contract.handle(provider, lamp(), 'Publish', payload)).toEqual(new Uint8Array(0));
      }
      await until(() => heard.length === 5, 'five messages');
      const texts = heard.map(({ topic, text }) => `${topic} ${text}`);
      expect(texts).toEqual(['home/a 2', 'home/b 2', 'home/c 3', 'home/d 4', 'home/e ']);
    });

    it('sends what the body was at the time of the call', async () => {
      const provider = await bound();
      const heard = await hear('home/#');
      const memory = encodePayload('msgpack', ['home.a', '', Buffer.from('before')]);
      const published = contract.handle(provider, lamp(), 'Publish', memory);
      memory.fill(0);
      await published;
      await until(() => heard.length === 1, 'the message');
      expect(heard[0]?.text).toBe('before');
    });

    it('delivers what the binding subscribes to, in order, and nothing else', async () => {
      await bound({ SUBSCRIPTION: 'home.*.cmd,svc.>' });
      await say('home/a/cmd', '1');
      await say('home/a/b/cmd', 'no');
      await say('svc/x/y', '2');
      await say('other', 'no');
      for (let i = 3; i < 20; i += 1) await say('svc/n', String(i));
      await until(() => got.length === 19, 'nineteen messages');
      expect(bodies()).toEqual([...Array(19).keys()].map((i) => String(i + 1)));
      expect(got[0]).toEqual({ subject: 'home.a.cmd', replyTo: '', body: '1' });
      expect(got[1]?.subject).toBe('svc.x.y');
    });

    it('names topics that are no subjects, and goes on', async () => {
      await bound();
      for (const topic of ['home/v1.2', 'home//x', 'home/a b', 'home/*']) await say(topic, 'lost');
      await say('home/good', 'kept');
      await until(() => got.length > 0, 'the good one');
      expect(bodies()).toEqual(['kept']);
      expect(lines.join()).toContain('warn message on home/v1.2 for lamp: the topic is no subject');
    });

    it('acknowledges only what was handled, and offers it again while the actor is away', async () => {
      const first = await bound();
      handle = () => Promise.reject(new IotError('E_NOT_RUNNING', 'lamp is not running'));
      await say('home/a', '1');
      await until(() => got.length > 1, 'a second attempt');
      await first.stop();
      await say('home/a', '2');
      got = [];
      handle = async () => {};
      await bound();
      await until(() => got.length === 2, 'both messages');
      expect(bodies()).toEqual(['1', '2']);
    });

    it('forgets everything of an actor that is unbound', async () => {
      const provider = await bound();
      await provider.unbind(lamp());
      await say('home/a', 'lost');
      await provider.bind(lamp(), deliver);
      await say('home/a', 'new');
      await until(() => got.length > 0, 'a message');
      expect(bodies()).toEqual(['new']);
    });

    it('follows a change of the grant', async () => {
      const provider = await bound({ SUBSCRIPTION: 'home.a,home.b' });
      await provider.bind(lamp({ SUBSCRIPTION: ['home.b', 'home.c'] }), deliver);
      for (const topic of ['home/a', 'home/b', 'home/c']) await say(topic, topic);
      await until(() => got.length === 2, 'two messages');
      expect(bodies()).toEqual(['home/b', 'home/c']);
      await provider.bind(lamp({}), deliver);
      await say('home/b', 'late');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(got).toHaveLength(2);
    });

    it('denies what is not granted', async () => {
      const provider = await bound();
      const refused = (subject: string, replyTo = '', grant: object = GRANT) =>
        failure(() => publish(provider, subject, '', replyTo, lamp(grant)));
      expect(await refused('other.a')).toBe('E_NOT_GRANTED publish other.a is not granted');
      expect(await refused('home.a', '', {})).toBe('E_NOT_GRANTED publish home.a is not granted');
      expect(await refused('home.a', 'other.a')).toBe('E_NOT_GRANTED reply to other.a is not granted');
      for (const subject of ['iot.pi-01.ota', 'iot', '$SYS.x', '$share.g.home']) {
        expect(await refused(subject, '', { PUBLISH: '>' })).toContain('are reserved');
        expect(await refused('home.a', subject, { PUBLISH: '>' })).toContain('are reserved');
      }
      for (const [subject, replyTo] of [
        ['_inbox.pi-02.guess', ''],
        ['home.a', '_inbox.pi-02.guess'],
      ] as const) {
        expect(await refused(subject, replyTo, { PUBLISH: '>' })).toBe(
          'E_NOT_GRANTED _inbox.pi-02.guess is no reply address that lamp was given',
        );
      }
      const ask = (subject: string, grant: object) =>
        failure(() => call(contract, provider, lamp(grant), 'Request', { subject, body: [], timeout: 50 }));
      expect(await ask('other.a', GRANT)).toContain('E_NOT_GRANTED request other.a');
      expect(await ask('_inbox.pi-02.guess', { PUBLISH: '>' })).toContain('E_NOT_GRANTED');
      const stranger = session(contract, 'stranger', GRANT);
      expect(await failure(() => publish(provider, 'home.a', '', '', stranger))).toContain('E_NOT_BOUND');
    });

    it('refuses bad requests and grants', async () => {
      const provider = await bound();
      const bad = (operation: string, request?: unknown) =>
        failure(() => call(contract, provider, lamp(), operation, request));
      for (const subject of [
        '',
        'home.*',
        'home.>',
        'home/a',
        'home..a',
        '.home',
        'home.',
        'a b',
        'a\0',
        'a#',
        7,
      ]) {
        expect([subject, await bad('Publish', { message: { subject, replyTo: '', body: [] } })]).toEqual([
          subject,
          expect.stringMatching(/^E_PAYLOAD wascc:messaging Publish: subject/),
        ]);
      }
      expect(await bad('Publish')).toContain('E_PAYLOAD');
      expect(await bad('Publish', 'text')).toContain('E_PAYLOAD');
      expect(await bad('Publish', { subject: 'home.a', replyTo: 'a b' })).toContain('E_PAYLOAD');
      expect(await bad('Publish', { subject: 'home.a', body: 'text' })).toContain('E_PAYLOAD');
      expect(await bad('Publish', { subject: 'home.a', body: [256] })).toContain('E_PAYLOAD');
      for (const timeout of [undefined, 0, -1, 1.5]) {
        expect(await bad('Request', { subject: 'home.a', body: [], timeout })).toContain('E_PAYLOAD');
      }
      const wrong: object[] = [
        { SUBSCRIPTION: '>' },
        { SUBSCRIPTION: '*' },
        { SUBSCRIPTION: 'iot.>' },
        { SUBSCRIPTION: '_inbox.pi-01.>' },
        { SUBSCRIPTION: '$SYS.>' },
        { SUBSCRIPTION: '$share.g.home' },
        { SUBSCRIPTION: 'a/b' },
        { SUBSCRIPTION: 'a.>.b' },
        { SUBSCRIPTION: 7 },
        { PUBLISH: ['a b'] },
        { QUEUEGROUP_NAME: 'a/b' },
        { QUEUEGROUP_NAME: '' },
        { URL: 'nats://x' },
      ];
      for (const grant of wrong) expect(() => contract.parseGrant(grant), JSON.stringify(grant)).toThrow();
      expect(contract.parseGrant({ SUBSCRIPTION: '', PUBLISH: ' a , b.>,' })).toEqual({
        SUBSCRIPTION: [],
        PUBLISH: ['a', 'b/#'],
      });
    });

    it('starts without a broker, says so, fails by name, and is there when the broker is', async () => {
      const { port } = broker;
      observer.end(true);
      await broker.stop();
      const provider = await bound();
      expect(provider.problem?.()).toMatch(/^broker mqtt:.* cannot be reached: .*ECONNREFUSED/);
      expect(await failure(() => publish(provider, 'home.a'))).toMatch(
        /^E_PROVIDER broker .* was not published$/,
      );
      const asked = await failure(() =>
        call(contract, provider, lamp(), 'Request', { subject: 'home.a', body: [], timeout: 1000 }),
      );
      expect(asked).toMatch(/^E_PROVIDER broker .* cannot be reached/);
      broker = await start({ port });
      observer = await connectAsync(broker.url, { protocolVersion: version });
      await until(() => provider.problem?.() === undefined, 'the connections');
      for (let i = 0; got.length === 0; i += 1) {
        await say('home/a', String(i));
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(i).toBeLessThan(200);
      }
    });

    if (version === 4) {
      it('names what a broker of MQTT 3.1.1 cannot do, and does the rest', async () => {
        const provider = await bound();
        expect(await failure(() => publish(provider, 'home.a', 'x', 'home.answers'))).toMatch(ONLY_311);
        const request = { subject: 'svc.a', body: [], timeout: 1000 };
        expect(await failure(() => call(contract, provider, lamp(), 'Request', request))).toMatch(ONLY_311);
        expect(provider.problem?.()).toBeUndefined();
        await publish(provider, 'home.a', 'plain');
        await until(() => got.length === 1, 'the plain message');
        expect(bodies()).toEqual(['plain']);
        await provider.bind(lamp({ ...GRANT, QUEUEGROUP_NAME: 'fleet' }), deliver);
        expect(provider.problem?.()).toMatch(
          /speaks MQTT 3\.1\.1 only: it cannot share a subscription, which lamp needs/,
        );
      });
      return;
    }

    it('asks and is answered: an actor, over the broker, by another', async () => {
      const provider = await bound();
      const asker = session(contract, 'asker', { PUBLISH: 'svc.*' });
      await provider.bind(asker, deliver);
      handle = ({ replyTo, body }) => publish(provider, replyTo, `re: ${body}`) as Promise<never>;
      const ask = async (
        body: string,
        as: unknown = { subject: 'svc.echo', body: Buffer.from(body), timeout: 5000 },
      ) =>
        Buffer.from(
          await contract.handle(provider, asker, 'Request', encodePayload('msgpack', as)),
        ).toString();
      // The body as it stands, with nothing around it.
      expect(await ask('1')).toBe('re: 1');
      expect(await ask('', ['svc.echo', [50], 5000])).toBe('re: 2');
      expect(await Promise.all(['3', '4', '5'].map((body) => ask(body)))).toEqual([
        're: 3',
        're: 4',
        're: 5',
      ]);
      expect(got[0]?.replyTo).toMatch(/^_inbox\.pi-01\.[0-9a-f]{16}\.[0-9a-f]{32}$/);
      expect(new Set(got.map(({ replyTo }) => replyTo)).size).toBe(5);
      handle = async ({ replyTo }) => void (await publish(provider, replyTo));
      expect(await ask('empty')).toBe('');
    });

    it('fails by name when nobody answers in time', async () => {
      const provider = await bound();
      const request = { subject: 'svc.nobody', body: [], timeout: 60 };
      expect(await failure(() => call(contract, provider, lamp(), 'Request', request))).toBe(
        'E_TIMEOUT no answer on svc.nobody within 60 ms',
      );
      const long = { ...request, timeout: 50_000 };
      const waiting = failure(() => call(contract, provider, lamp(), 'Request', long));
      await until(() => got.length === 2, 'the request');
      await provider.stop();
      expect(await waiting).toBe('E_PROVIDER wascc:messaging was stopped before an answer came');
    });

    it('carries reply addresses both ways, and what the asker wants to see again', async () => {
      const provider = await bound();
      const heard = await hear('home/#');
      await publish(provider, 'home.ask', 'x', 'home.answers');
      await until(() => heard.length === 1, 'the message');
      expect(heard[0]?.properties).toMatchObject({ responseTopic: 'home/answers' });
      await until(() => got.length === 1, 'delivery');
      expect(got[0]).toEqual({ subject: 'home.ask', replyTo: 'home.answers', body: 'x' });
      const correlationData = Buffer.from('7');
      await say('svc/a', 'y', { responseTopic: 'home/tool/1', correlationData });
      await until(() => got.length === 2, 'the request');
      expect(got[1]?.replyTo).toBe('home.tool.1');
      await publish(provider, 'home.tool.1', 'z');
      await until(() => heard.length === 2, 'the answer');
      expect(heard[1]).toMatchObject({ topic: 'home/tool/1', text: 'z', properties: { correlationData } });
    });

    it('lets an actor answer only where it was asked from', async () => {
      const provider = await bound();
      await say('svc/a', 'x', { responseTopic: '_inbox/pi-02/abc' });
      await say('svc/a', 'x', { responseTopic: 'factory/stop' });
      await say('svc/a', 'x', { responseTopic: 'iot/pi-01/ota/desired/lamp' });
      await say('svc/a', 'x', { responseTopic: 'an/odd.name' });
      await until(() => got.length === 4, 'four requests');
      expect(got.map(({ replyTo }) => replyTo)).toEqual(['_inbox.pi-02.abc', 'factory.stop', '', '']);
      expect(await publish(provider, '_inbox.pi-02.abc')).toBeUndefined();
      expect(await failure(() => publish(provider, 'factory.stop'))).toContain('E_NOT_GRANTED');
      expect(lines.join()).toContain('nobody can reply to iot/pi-01/ota/desired/lamp');
      // It may pass the address on, and another actor may not use it.
      expect(await publish(provider, 'home.a', '', '_inbox.pi-02.abc')).toBeUndefined();
      const other = session(contract, 'other', { PUBLISH: '>' });
      await provider.bind(other, deliver);
      expect(await failure(() => publish(provider, '_inbox.pi-02.abc', '', '', other))).toContain(
        'E_NOT_GRANTED',
      );
    });

    it('gives each message to one of a group', async () => {
      const grant = { SUBSCRIPTION: 'svc.>', QUEUEGROUP_NAME: 'fleet' };
      const one = await bound(grant);
      const env = providerEnv({ brokerUrl: broker.url, device: 'pi-02' }, lines);
      const two = await createProvider(contract, implementation, env);
      cleanup.push(() => two.stop());
      await two.start(new AbortController().signal);
      await two.bind(lamp(grant), deliver);
      for (let i = 0; i < 10; i += 1) await say('svc/a', String(i));
      await until(() => got.length >= 10, 'ten messages');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(
        bodies()
          .map(Number)
          .sort((a, b) => a - b),
      ).toEqual([...Array(10).keys()]);
      expect([one.problem?.(), two.problem?.()]).toEqual([undefined, undefined]);
    });
  });
}
