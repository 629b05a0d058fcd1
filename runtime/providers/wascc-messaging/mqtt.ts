import { randomBytes } from 'node:crypto';
import type { IClientPublishOptions, IPublishPacket, MqttClient } from 'mqtt';
import type { Deliver, Implementation, ProviderEnv, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { type Broker, BrokerConnection, brokerName, RECONNECT_WAIT_MS } from '../../base/mqtt/connection.js';
import { BrokerSettings, brokerOf } from '../../base/mqtt/settings.js';
import { type Member, Subscriber } from '../../base/mqtt/subscriber.js';
import { covers, isReserved } from '../../base/mqtt/topics.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import { type BrokerMessage, type Grant, isInbox, type Messaging, type Request } from './contract.js';
import { ReplyAddresses } from './replies.js';
import { Requester } from './requester.js';
import { toSubject, toTopic } from './subjects.js';

const KEEPALIVE_S = 30;

interface Bound {
  readonly replies: ReplyAddresses;
  grant: Grant;
  subscriber: Subscriber | undefined;
}

/**
 * Any MQTT broker; with MQTT 5 where it has that. As in `iot:mqtt` one connection publishes for all actors, and each
 * binding that subscribes has one of its own.
 */
class MqttMessaging implements Messaging {
  readonly #broker: Broker;
  readonly #bound = new SessionMap<Bound>();
  #publisher: BrokerConnection | undefined;
  #requester: Requester;

  constructor(
    private readonly settings: BrokerSettings,
    private readonly env: ProviderEnv,
  ) {
    this.#broker = brokerOf(settings, env);
    this.#requester = new Requester(env.device);
  }

  async start(): Promise<void> {
    const clientId = `${this.env.device}.messaging-${randomBytes(4).toString('hex')}`;
    const requester = new Requester(this.env.device);
    this.#requester = requester;
    this.#publisher = new BrokerConnection({
      ...{ broker: this.#broker, clientId, clean: true, keepalive: KEEPALIVE_S, protocol: 'newest' },
    });
    await this.#publisher.open((client) => requester.attach(client));
  }

  async stop(): Promise<void> {
    this.#requester.close();
    const bound = this.#bound.values();
    this.#bound.clear();
    await Promise.all(bound.map(({ subscriber }) => subscriber?.close()));
    await this.#publisher?.end();
    this.#publisher = undefined;
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const { grant } = session;
    const bound = this.#bound.get(session) ?? { grant, replies: new ReplyAddresses(), subscriber: undefined };
    this.#bound.set(session, bound);
    bound.grant = grant;
    if (grant.SUBSCRIPTION.length === 0) {
      const { subscriber } = bound;
      bound.subscriber = undefined;
      await subscriber?.discard();
      return;
    }
    const member = this.#member(session, deliver, bound.replies);
    if (bound.subscriber === undefined) {
      const clientId = `${this.env.device}.messaging.${session.actor}.${session.binding}`;
      bound.subscriber = new Subscriber(member, this.#broker, clientId, this.env.logger, 'newest');
      await bound.subscriber.open();
    } else {
      bound.subscriber.rebind(member);
    }
    const wanted = filtersOf(grant);
    for (const [filter] of bound.subscriber.subscriptions.entries()) {
      if (!wanted.includes(filter)) bound.subscriber.unsubscribe(filter);
    }
    for (const filter of wanted) {
      // A broker that refuses is a problem that `/readyz` shows; it may think better of it at the next connection.
      await bound.subscriber.subscribe(filter, 1).catch(() => undefined);
    }
  }

  async unbind(session: Session<Grant>): Promise<void> {
    await this.#bound.delete(session)?.subscriber?.discard();
  }

  async publish(session: Session<Grant>, { subject, replyTo, body }: BrokerMessage): Promise<void> {
    const { replies } = this.#of(session);
    for (const address of [subject, replyTo]) {
      if (!isInbox(address) || replies.has(address)) continue;
      throw new IotError(
        'E_NOT_GRANTED',
        `${address} is no reply address that ${sessionName(session)} was given`,
      );
    }
    // The body may be a view into the guest's memory, good for this call only.
    const bytes = Buffer.from(body);
    const correlationData = replies.correlation(subject);
    const responseTopic = replyTo === '' ? undefined : toTopic(replyTo);
    if (responseTopic !== undefined) await this.#mqtt5();
    const properties = {
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(correlationData === undefined ? {} : { correlationData }),
    };
    await this.#send(toTopic(subject) ?? '', bytes, properties);
  }

  async request(_session: Session<Grant>, { subject, body, timeout }: Request): Promise<Uint8Array> {
    const bytes = Buffer.from(body);
    const client = await this.#mqtt5();
    return this.#requester.request(client, subject, timeout, (responseTopic) =>
      this.#send(toTopic(subject) ?? '', bytes, { responseTopic }),
    );
  }

  problem(): string | undefined {
    if (this.#publisher?.problem !== undefined) return this.#publisher.problem;
    for (const [session, { subscriber, grant }] of this.#bound.entries()) {
      if (subscriber?.problem !== undefined) return subscriber.problem;
      if (grant.QUEUEGROUP_NAME === undefined || subscriber?.version !== 4) continue;
      return `${this.#only311('share a subscription')}, which ${sessionName(session)} needs for its QUEUEGROUP_NAME`;
    }
    return undefined;
  }

  async #send(
    topic: string,
    bytes: Buffer,
    properties: NonNullable<IClientPublishOptions['properties']>,
  ): Promise<void> {
    const publisher = this.#publisher;
    if (publisher === undefined) throw new IotError('E_PROVIDER', 'wascc:messaging is not running');
    const carried = publisher.version === 5 && Object.keys(properties).length > 0;
    const options = { qos: 1 as const, ...(carried ? { properties } : {}) };
    await publisher.publish(topic, bytes, options, this.settings.timeoutMs);
  }

  /** The connected client, if it can carry a reply address. */
  async #mqtt5(): Promise<MqttClient> {
    const client = await this.#publisher?.whenUp(RECONNECT_WAIT_MS);
    if (client === undefined) {
      throw new IotError('E_PROVIDER', this.#publisher?.problem ?? 'wascc:messaging is not running');
    }
    if (this.#publisher?.version === 5) return client;
    throw new IotError('E_PROVIDER', this.#only311('carry a reply address'), {
      hint: 'use a broker that speaks MQTT 5, such as Mosquitto',
    });
  }

  #only311(what: string): string {
    return `${brokerName(this.#broker)} speaks MQTT 3.1.1 only: it cannot ${what}`;
  }

  #of(session: Session): Bound {
    const bound = this.#bound.get(session);
    if (bound !== undefined) return bound;
    throw new IotError('E_NOT_BOUND', `${sessionName(session)} is not bound to wascc:messaging`);
  }

  #member(session: Session<Grant>, deliver: Deliver, replies: ReplyAddresses): Member {
    const name = sessionName(session);
    const granted = (topic: string) => session.grant.SUBSCRIPTION.some((filter) => covers(filter, topic));
    return {
      name,
      granted,
      handle: async (packet) => {
        const subject = toSubject(packet.topic);
        if (subject === undefined) {
          const hint = 'the contract iot:mqtt delivers every topic';
          this.env.logger.warn(`message on ${packet.topic} for ${name}: the topic is no subject`, { hint });
          return;
        }
        const replyTo = this.#replyTo(packet, name);
        const message: BrokerMessage = {
          subject,
          replyTo,
          body: new Uint8Array(Buffer.from(packet.payload)),
        };
        const handled = replyTo === '' ? undefined : replies.add(replyTo, packet.properties?.correlationData);
        try {
          await deliver('DeliverMessage', { message, ...message });
        } finally {
          handled?.();
        }
      },
    };
  }

  /** The reply address of a message, if it has one that actors may have. */
  #replyTo({ properties }: IPublishPacket, name: string): string {
    const topic = properties?.responseTopic;
    if (topic === undefined || topic === '') return '';
    const subject = toSubject(topic);
    if (subject === undefined || topic.startsWith('$') || isReserved(topic)) {
      this.env.logger.warn(`message for ${name}: nobody can reply to ${topic}`);
      return '';
    }
    return subject;
  }
}

function filtersOf({ SUBSCRIPTION, QUEUEGROUP_NAME }: Grant): string[] {
  if (QUEUEGROUP_NAME === undefined) return SUBSCRIPTION;
  return SUBSCRIPTION.map((filter) => `$share/${QUEUEGROUP_NAME}/${filter}`);
}

export const implementation: Implementation<Messaging, BrokerSettings> = {
  settings: BrokerSettings,
  create: (settings, env) => new MqttMessaging(settings, env),
};
