import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Deliver, Implementation, ProviderEnv, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { type Broker, BrokerConnection } from '../../base/mqtt/connection.js';
import { BrokerSettings, brokerOf } from '../../base/mqtt/settings.js';
import { type Member, Subscriber } from '../../base/mqtt/subscriber.js';
import { covers, isFilter } from '../../base/mqtt/topics.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import type { Grant, Message, Mqtt, Publish } from './contract.js';

const KEEPALIVE_S = 30;

const StateShape = z.object({
  sessions: z.array(
    z.object({
      actor: z.string(),
      binding: z.string(),
      subscriptions: z.array(
        z.object({ filter: z.string().refine(isFilter), qos: z.union([z.literal(0), z.literal(1)]) }),
      ),
    }),
  ),
});
type Subscriptions = z.infer<typeof StateShape>['sessions'][number]['subscriptions'];

/**
 * Any MQTT 3.1.1 broker. One connection publishes for all actors, and each binding that may subscribe has one of its
 * own: the acknowledgement of a publish could never be read behind a message that waits for the same actor.
 */
class MqttProvider implements Mqtt {
  readonly #broker: Broker;
  readonly #subscribers = new SessionMap<Subscriber>();
  /** Subscriptions taken over for sessions that are not bound yet. */
  readonly #restored = new SessionMap<Subscriptions>();
  #publisher: BrokerConnection | undefined;

  constructor(
    private readonly settings: BrokerSettings,
    private readonly env: ProviderEnv,
  ) {
    this.#broker = brokerOf(settings, env);
  }

  async start(): Promise<void> {
    const clientId = `${this.env.device}-publish-${randomBytes(4).toString('hex')}`;
    const options = { broker: this.#broker, clientId, clean: true, keepalive: KEEPALIVE_S };
    this.#publisher = new BrokerConnection(options);
    await this.#publisher.open();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscribers.values().map((subscriber) => subscriber.close()));
    this.#subscribers.clear();
    this.#restored.clear();
    await this.#publisher?.end();
    this.#publisher = undefined;
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const known = this.#subscribers.get(session);
    if (session.grant.subscribe.length === 0) {
      if (known !== undefined) await this.unbind(session);
    } else if (known !== undefined) {
      known.rebind(memberOf(session, deliver));
    } else {
      await this.#open(session, deliver);
    }
  }

  async unbind(session: Session<Grant>): Promise<void> {
    this.#restored.delete(session);
    await this.#subscribers.delete(session)?.discard();
  }

  renew(session: Session<Grant>): () => Promise<void> {
    const subscriber = this.#subscribers.get(session);
    if (subscriber === undefined) return async () => {};
    return subscriber.subscriptions.renew((filter) => subscriber.unsubscribe(filter));
  }

  publish(_session: Session<Grant>, { topic, payload, qos, retain }: Publish): Promise<void> | undefined {
    // The payload may be a view into the guest's memory, good for this call only.
    const bytes = Buffer.from(payload as Uint8Array);
    if (qos > 0) return this.#publishSurely(topic, bytes, { qos, retain });
    this.#publisher?.up?.publish(topic, bytes, { qos, retain });
    return undefined;
  }

  subscribe(session: Session<Grant>, filter: string, qos: 0 | 1): Promise<void> {
    return this.#subscriber(session).subscribe(filter, qos);
  }

  unsubscribe(session: Session<Grant>, filter: string): void {
    this.#subscriber(session).unsubscribe(filter);
  }

  problem(): string | undefined {
    if (this.#publisher === undefined) return undefined;
    const connections = [this.#publisher, ...this.#subscribers.values()];
    return connections.find(({ problem }) => problem !== undefined)?.problem;
  }

  async exportState(): Promise<unknown> {
    const sessions = this.#subscribers.entries().map(([{ actor, binding }, { subscriptions }]) => ({
      actor,
      binding,
      subscriptions: subscriptions.entries().map(([filter, { qos }]) => ({ filter, qos })),
    }));
    return { sessions };
  }

  async importState(state: unknown): Promise<void> {
    const parsed = StateShape.safeParse(state);
    if (!parsed.success)
      throw new IotError('E_PROVIDER', 'iot:mqtt state is damaged', { cause: parsed.error });
    for (const { actor, binding, subscriptions } of parsed.data.sessions) {
      const session = { actor, binding, grant: undefined };
      const subscriber = this.#subscribers.get(session);
      if (subscriber === undefined) this.#restored.set(session, subscriptions);
      else await this.#restore(subscriber, subscriptions);
    }
  }

  async #open(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const clientId = `${this.env.device}-${session.actor}-${session.binding}`;
    const other = this.#subscribers.entries().find(([, subscriber]) => subscriber.clientId === clientId);
    if (other !== undefined) {
      const names = `${sessionName(session)} and ${sessionName(other[0])}`;
      throw new IotError('E_CONFIG', `${names} would have the same MQTT client id ${clientId}`, {
        hint: 'rename one of the two bindings',
      });
    }
    const subscriber = new Subscriber(memberOf(session, deliver), this.#broker, clientId, this.env.logger);
    this.#subscribers.set(session, subscriber);
    await subscriber.open();
    await this.#restore(subscriber, this.#restored.delete(session) ?? []);
  }

  async #restore(subscriber: Subscriber, subscriptions: Subscriptions): Promise<void> {
    for (const { filter, qos } of subscriptions) await subscriber.restore(filter, qos);
  }

  async #publishSurely(
    topic: string,
    bytes: Buffer,
    options: { qos: 0 | 1 | 2; retain: boolean },
  ): Promise<void> {
    if (this.#publisher === undefined) {
      throw new IotError('E_PROVIDER', `iot:mqtt is not running; ${topic} was not published`);
    }
    await this.#publisher.publish(topic, bytes, options, this.settings.timeoutMs);
  }

  #subscriber(session: Session<Grant>): Subscriber {
    const subscriber = this.#subscribers.get(session);
    if (subscriber !== undefined) return subscriber;
    throw new IotError(
      'E_NOT_BOUND',
      `${sessionName(session)} is not bound to iot:mqtt with anything to subscribe to`,
    );
  }
}

function memberOf(session: Session<Grant>, deliver: Deliver): Member {
  return {
    name: sessionName(session),
    granted: (filter) => session.grant.subscribe.some((granted) => covers(granted, filter)),
    handle({ topic, qos, retain, payload }) {
      const message: Message = { topic, payload: new Uint8Array(Buffer.from(payload)), qos, retain };
      return deliver('Message', message);
    },
  };
}

export const implementation: Implementation<Mqtt, BrokerSettings> = {
  settings: BrokerSettings,
  create: (settings, env) => new MqttProvider(settings, env),
};
