import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { covers, isFilter, isReserved, isTopic } from '../../base/mqtt/topics.js';

const Filter = z
  .string()
  .refine(isFilter, 'not an MQTT topic filter: + and # fill a whole level, # only the last one');
const Topic = z.string().refine(isTopic, 'not an MQTT topic name: no wildcards, 1 to 65535 bytes');

/** Topics the actor may publish to and subscribe to, as topic filters. What is missing means none. */
const Grant = z.strictObject({
  publish: z.array(Filter).default([]),
  subscribe: z.array(Filter).default([]),
});
export type Grant = z.infer<typeof Grant>;

/** `payload`: text is sent as UTF-8. `qos` default 1, `retain` default false. */
const Publish = z.object({
  topic: Topic,
  payload: z.union([z.instanceof(Uint8Array), z.string()]).default(''),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(1),
  retain: z.boolean().default(false),
});
export type Publish = z.infer<typeof Publish>;

/** `qos` default 1. There is no 2: a message could be lost between its two halves when the device loses power. */
const Subscribe = z.object({
  filter: Filter,
  qos: z.union([z.literal(0), z.literal(1)], 'must be 0 or 1').default(1),
});

/** What the actor gets. */
export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/**
 * `iot:mqtt`: ← `Message {topic, payload, qos, retain}`.
 *
 * A QoS 1 message is acknowledged to the broker only after the actor has handled it, so none is lost with the host:
 * it may come twice, never not at all. Messages are handled one at a time, in the broker's order; up to 32 are on their
 * way to the actor, and come again if the host dies. While the actor is not running or its queue is full they wait; an
 * actor that answers with an error or traps has handled its message.
 * A subscription is remembered until `Unsubscribe`, also while the broker is away, and by the broker while the device
 * is away. A message of a subscription from before may come before the actor subscribes again.
 * `Publish` with QoS 1 or 2 returns when the broker has the message, or fails with E_PROVIDER after a bounded wait (the
 * message may have got there nevertheless); with QoS 0 it returns at once and the message may get lost.
 * `iot/#` and every topic that begins with `$` are out of reach, also for filters that could match them.
 */
export interface Mqtt extends Provider<Grant> {
  publish(session: Session<Grant>, message: Publish): MaybePromise<void>;
  subscribe(session: Session<Grant>, filter: string, qos: 0 | 1): MaybePromise<void>;
  unsubscribe(session: Session<Grant>, filter: string): MaybePromise<void>;
}

/** Throws E_NOT_GRANTED unless one of the granted filters covers the topic or filter and it is nobody else's. */
export function check(granted: readonly string[], what: 'publish' | 'subscribe', topic: string): void {
  if (isReserved(topic) || (what === 'publish' && topic.startsWith('$'))) {
    throw new IotError('E_NOT_GRANTED', `${what} ${topic}: iot/# and topics that begin with $ are reserved`);
  }
  if (granted.some((filter) => covers(filter, topic))) return;
  throw new IotError('E_NOT_GRANTED', `${what} ${topic} is not granted`, {
    hint: granted.length === 0 ? `the binding has no ${what}:` : `granted are ${granted.join(', ')}`,
  });
}

export default defineContract<Mqtt, Grant>({
  id: 'iot:mqtt',
  codec: 'cbor',
  summary: 'messages to and from an MQTT broker',
  grant: Grant,
  operations: {
    Publish: operation({
      request: Publish,
      authorize: (grant: Grant, { topic }) => check(grant.publish, 'publish', topic),
      oneWay: ({ qos }) => qos === 0,
      perform: (provider: Mqtt, session: Session<Grant>, message) => provider.publish(session, message),
    }),
    Subscribe: operation({
      request: Subscribe,
      authorize: (grant: Grant, { filter }) => check(grant.subscribe, 'subscribe', filter),
      perform: (provider: Mqtt, session: Session<Grant>, { filter, qos }) =>
        provider.subscribe(session, filter, qos),
    }),
    Unsubscribe: operation({
      request: z.object({ filter: Filter }),
      authorize() {},
      perform: (provider: Mqtt, session: Session<Grant>, { filter }) => provider.unsubscribe(session, filter),
    }),
  },
  implementations: { mqtt: async () => (await import('./mqtt.js')).implementation },
  defaultImplementation: 'mqtt',
});
