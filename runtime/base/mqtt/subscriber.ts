import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { IotError } from '../errors.js';
import type { Logger } from '../logger.js';
import { Registrations } from '../sessions.js';
import { type Broker, BrokerConnection } from './connection.js';
import { type Handle, Inbox } from './inbox.js';
import { isReserved } from './topics.js';
import { Unacknowledged } from './unacknowledged.js';

/** Whom a subscriber serves: one actor through one binding. */
export interface Member {
  /** For messages, as `sessionName` gives it. */
  readonly name: string;
  /** Whether it may have everything that `filter` matches. */
  granted(filter: string): boolean;
  readonly handle: Handle;
}

/** How long the actor may take to finish with a message when its session closes, in milliseconds. */
const DRAIN_MS = 2_000;
/** Longest wait for the broker's answer to a subscription: it may stand behind a message for the waiting actor. */
const SUBACK_MS = 100;
const DISCARD_MS = 2_000;
const REFUSED = 128;
/** Keeps mqtt.js from acknowledging a message by itself. */
const NOT_YET = new Error('acknowledged when it was handled');

/**
 * The broker session of one actor binding: its own connection, so that a slow actor holds up nobody else. The
 * connection sends no pings: while the actor has all it can take nothing is read, and an answer would go unseen; a broker
 * that vanished is noticed by TCP.
 */
export class Subscriber {
  readonly subscriptions = new Registrations<{ readonly qos: 0 | 1 }>();
  readonly #confirmed = new Set<string>();
  /** Filters that the broker may still have from before. */
  readonly #unwanted = new Set<string>();
  readonly #connection: BrokerConnection;
  readonly #inbox: Inbox;
  readonly #unacknowledged = new Unacknowledged(() => this.#connection.up?.stream);
  #refused: string | undefined;

  constructor(
    private member: Member,
    private readonly broker: Broker,
    readonly clientId: string,
    private readonly logger: Logger,
    private readonly protocol?: 'newest',
  ) {
    const onUp = (sessionPresent: boolean) => this.#reconcile(sessionPresent);
    const options = { broker, clientId, protocol, keepalive: 0 };
    this.#connection = new BrokerConnection({ ...options, clean: false, onUp });
    this.#inbox = new Inbox(member.handle, {
      allows: (topic) => !isReserved(topic) && this.member.granted(topic),
      dropped: (topic, why) => this.logger.warn(`message on ${topic} for ${this.member.name}: ${why}`),
      // Its slot has told already.
      failed: (topic, why) => this.logger.debug(`message on ${topic} for ${this.member.name}: ${why}`),
    });
  }

  /** The protocol version of its connection, while there is one. */
  get version(): 4 | 5 | undefined {
    return this.#connection.version;
  }

  get problem(): string | undefined {
    return this.#connection.problem ?? this.#refused;
  }

  open(): Promise<void> {
    return this.#connection.open((client) => {
      client.handleMessage = (packet, done) => void this.#handle(client, packet, done);
    });
  }

  /** Another grant or another way to the actor; subscriptions that are no longer granted end. */
  rebind(member: Member): void {
    this.member = member;
    this.#inbox.redirect(member.handle);
    for (const [filter] of this.subscriptions.entries()) {
      if (!this.member.granted(filter)) this.unsubscribe(filter);
    }
  }

  /** Remembers the subscription and tells the broker. Throws E_PROVIDER when it refuses at once. */
  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    this.subscriptions.set(filter, { qos });
    this.#unwanted.delete(filter);
    const client = this.#connection.up;
    if (client === undefined) return;
    const answer = this.#ask(client, filter, qos);
    if (this.#inbox.full) return;
    const late = new AbortController();
    const outcome = await Promise.race([answer, sleep(SUBACK_MS, undefined, { signal: late.signal })]);
    late.abort();
    if (outcome === 'refused')
      throw new IotError('E_PROVIDER', `the broker refuses a subscription to ${filter}`);
  }

  /** Takes over a subscription of another provider, as far as it is granted. */
  async restore(filter: string, qos: 0 | 1): Promise<void> {
    if (!isReserved(filter) && this.member.granted(filter)) await this.subscribe(filter, qos);
  }

  unsubscribe(filter: string): void {
    this.subscriptions.delete(filter);
    this.#confirmed.delete(filter);
    this.#unwanted.add(filter);
    const client = this.#connection.up;
    if (client !== undefined) this.#withdraw(client, filter);
  }

  /** Leaves; the broker keeps the session, and every message that was not acknowledged. */
  async close(): Promise<void> {
    await this.#inbox.close(DRAIN_MS);
    await this.#connection.end();
  }

  /** Leaves for good: the broker forgets the session. */
  async discard(): Promise<void> {
    await this.close();
    const { broker, clientId, protocol } = this;
    const last = new BrokerConnection({ broker, clientId, protocol, clean: true, keepalive: 0 });
    await last.open();
    if ((await last.whenUp(DISCARD_MS)) === undefined) {
      this.logger.warn(`${last.problem}; it keeps session ${clientId} until it is removed there`);
    }
    await last.end();
  }

  async #handle(client: MqttClient, packet: IPublishPacket, done: (error?: Error) => void): Promise<void> {
    const { stream } = client;
    if (packet.qos !== 1) void this.#inbox.take(packet);
    else if (!this.#unacknowledged.again(packet, stream)) {
      const taken = this.#unacknowledged.add(packet, stream);
      void this.#inbox.take(packet).then((handled) => {
        if (handled) this.#unacknowledged.handled(taken);
      });
    }
    if (this.#inbox.full) await this.#inbox.room();
    // mqtt.js goes on to the next message without having acknowledged this one.
    done(packet.qos === 1 ? NOT_YET : undefined);
  }

  #reconcile(sessionPresent: boolean): void {
    const client = this.#connection.up;
    if (client === undefined) return;
    if (!sessionPresent) this.#confirmed.clear();
    if (sessionPresent) for (const filter of this.#unwanted) this.#withdraw(client, filter);
    else this.#unwanted.clear();
    for (const [filter, { qos }] of this.subscriptions.entries()) {
      if (!this.#confirmed.has(filter)) void this.#ask(client, filter, qos);
    }
  }

  /** `later`: the connection broke, the subscription is made with the next one. */
  #ask(client: MqttClient, filter: string, qos: 0 | 1): Promise<'made' | 'refused' | 'later'> {
    return new Promise((resolve) => {
      client.subscribe(filter, { qos }, (error, granted, packet) => {
        const refused = packet?.granted?.some((code) => Number(code) >= REFUSED) ?? granted?.some(isRefusal);
        if (refused) {
          this.subscriptions.delete(filter);
          this.#refused = `broker refused ${this.member.name} a subscription to ${filter}`;
          this.logger.warn(this.#refused);
        } else if (error === null && this.subscriptions.get(filter) !== undefined) {
          this.#confirmed.add(filter);
          this.#refused = undefined;
        }
        resolve(refused ? 'refused' : error === null ? 'made' : 'later');
      });
    });
  }

  #withdraw(client: MqttClient, filter: string): void {
    client.unsubscribe(filter, (error) => {
      if (!error) this.#unwanted.delete(filter);
    });
  }
}

function isRefusal({ qos }: { qos: number }): boolean {
  return qos >= REFUSED;
}
