import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers } from '#runtime/base/mqtt/topics.js';
import contract from '#runtime/providers/wascc-messaging/contract.js';
import { ReplyAddresses } from '#runtime/providers/wascc-messaging/replies.js';
import { toFilter, toSubject, toTopic } from '#runtime/providers/wascc-messaging/subjects.js';
import { startAedes } from '../helpers/broker.js';
import { mosquittoMissing, startMosquitto } from '../helpers/mosquitto.js';
import { createProvider, providerEnv, session, until } from '../helpers/providers.js';
import { testMessagingContract } from './messaging.contract.js';

const config = ['set_tcp_nodelay true'];
const missing = mosquittoMissing();

testMessagingContract('aedes', 'mqtt', 4, startAedes);
if (missing === undefined) {
  testMessagingContract('mosquitto', 'mqtt', 5, (options) => startMosquitto({ ...options, config }));
} else {
  console.log(`wascc:messaging with mosquitto: not run, ${missing}`);
}

describe('wascc:messaging mqtt', () => {
  it.skipIf(missing !== undefined)(
    `speaks what the broker speaks that comes back in place of another ${missing ?? ''}`,
    async () => {
      const old = await startAedes();
      const provider = await createProvider(contract, 'mqtt', providerEnv({ brokerUrl: old.url }));
      await provider.start(new AbortController().signal);
      const lamp = session(contract, 'lamp', { SUBSCRIPTION: 'a', QUEUEGROUP_NAME: 'g' });
      await provider.bind(lamp, async () => undefined);
      expect(provider.problem?.()).toContain('speaks MQTT 3.1.1 only');
      await old.stop();
      await until(() => provider.problem?.()?.includes('cannot be reached') ?? false, 'the loss');
      const newer = await startMosquitto({ port: old.port, config });
      await until(() => provider.problem?.() === undefined, 'MQTT 5');
      await newer.stop();
      const older = await startAedes({ port: old.port });
      await until(() => provider.problem?.()?.includes('3.1.1 only') ?? false, 'MQTT 3.1.1');
      await provider.stop();
      await older.stop();
    },
  );
});

describe('subjects', () => {
  it.each([
    ['a', 'a'],
    ['home.kitchen.lamp', 'home/kitchen/lamp'],
    ['ä.b-c_d', 'ä/b-c_d'],
    ['', undefined],
    ['a..b', undefined],
    ['a.*', undefined],
    ['a.>', undefined],
    ['a/b', undefined],
    ['a+', undefined],
    ['a b', undefined],
    ['x'.repeat(65_536), undefined],
  ])('topic of %j is %j', (subject, topic) => {
    expect(toTopic(subject)).toBe(topic);
  });

  it.each([
    ['a.*.c', 'a/+/c'],
    ['a.>', 'a/#'],
    ['>', '#'],
    ['*', '+'],
    ['a.>.c', undefined],
    ['a*', undefined],
    ['a.b>', undefined],
    ['a.#', undefined],
    ['', undefined],
  ])('filter of %j is %j', (subject, filter) => {
    expect(toFilter(subject)).toBe(filter);
  });

  it('lead to a topic and back, whatever they are', () => {
    const text = fc.string({
      maxLength: 12,
      unit: fc.constantFrom('a', 'b', '.', '/', '+', '*', '>', '#', ' ', '$', 'é'),
    });
    fc.assert(
      fc.property(text, (any) => {
        const topic = toTopic(any);
        if (topic !== undefined) {
          expect(toSubject(topic)).toBe(any);
          expect(toFilter(any)).toBe(topic);
        }
        const subject = toSubject(any);
        if (subject !== undefined) expect(toTopic(subject)).toBe(any);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('with wildcards reach the same as in NATS, but for the level above >', () => {
    const token = fc.constantFrom('a', 'b');
    const subject = fc.array(token, { minLength: 1, maxLength: 4 });
    const pattern = fc.tuple(
      fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(subject, pattern, (tokens, [parts, rest]) => {
        const reaches =
          parts.every((part, i) => (part === '*' ? tokens[i] !== undefined : part === tokens[i])) &&
          (rest || tokens.length === parts.length);
        const filter = toFilter([...parts, ...(rest ? ['>'] : [])].join('.')) ?? '';
        expect(covers(filter, toTopic(tokens.join('.')) ?? '')).toBe(reaches);
      }),
      { seed: 6, numRuns: 1000 },
    );
  });
});

describe('reply addresses', () => {
  it('are bounded: the oldest is forgotten', () => {
    const replies = new ReplyAddresses(2);
    replies.add('a', Buffer.from('1'))();
    replies.add('b', undefined)();
    replies.add('a', Buffer.from('2'))();
    replies.add('c', undefined)();
    expect(['a', 'b', 'c'].map((address) => replies.has(address))).toEqual([true, false, true]);
    expect(replies.correlation('a')?.toString()).toBe('2');
    expect(replies.correlation('b')).toBeUndefined();
  });

  it('answer the message that is being handled when several have the same', () => {
    const replies = new ReplyAddresses();
    const [first, second, third] = ['1', undefined, '3'].map((id) =>
      replies.add('a', id === undefined ? undefined : Buffer.from(id)),
    );
    const seen = [first, second, third].map((done) => {
      const correlation = replies.correlation('a')?.toString();
      done?.();
      return correlation;
    });
    expect(seen).toEqual(['1', undefined, '3']);
    expect(replies.correlation('a')?.toString()).toBe('3');
  });
});
