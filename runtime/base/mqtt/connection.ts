import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type IClientPublishOptions, type MqttClient } from 'mqtt';
import { IotError } from '../errors.js';
import { revealed } from '../secret.js';

/** How to get in at a broker. */
export interface BrokerAccess {
  readonly username?: string | undefined;
  /** The password, or `secret://NAME` for one that is read when the connection is opened. */
  readonly password?: string | undefined;
  /** Certificate authority, PEM. */
  readonly ca?: string | undefined;
  /** Certificate and private key of this client, PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface Broker extends BrokerAccess {
  readonly url: string;
}

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly clientId: string;
  /** `false`: the broker keeps subscriptions and messages while the client is away. */
  readonly clean: boolean;
  /** Seconds between pings, 0 for none. */
  readonly keepalive: number;
  /**
   * `newest`: MQTT 5 where the broker speaks it, else 3.1.1; asked anew for every connection. Default: 3.1.1, which
   * every broker speaks.
   */
  readonly protocol?: 'newest' | undefined;
  /** Called after every CONNACK. */
  readonly onUp?: (sessionPresent: boolean) => void;
}

/** CONNACK codes for a protocol version that the broker does not speak, of MQTT 3.1.1 and 5. */
const UNACCEPTABLE_VERSION = new Set<unknown>([1, 132]);
/** Seconds that a session lives without a connection: for ever, as in MQTT 3.1.1. */
const NEVER_EXPIRES = 0xffff_ffff;
/** First and longest pause between attempts, in milliseconds. */
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 30_000;
const CONNACK_TIMEOUT_MS = 5_000;
/** How long to wait for a connection that is down before an operation fails for it, in milliseconds. */
export const RECONNECT_WAIT_MS = 100;
/** How long `open` waits for the first attempt, and `end` for the connection to close. */
const FIRST_ATTEMPT_MS = 1_000;
const END_MS = 500;
/** TCP asks whether the broker is still there after this much silence. */
const TCP_KEEPALIVE_MS = 30_000;

/** One connection to a broker that comes back by itself, with longer and longer pauses. */
export class BrokerConnection {
  #client: MqttClient | undefined;
  #failure: string | undefined = 'no attempt yet';

  constructor(private readonly options: ConnectionOptions) {}

  /** The client while it is connected. */
  get up(): MqttClient | undefined {
    return this.#client?.connected ? this.#client : undefined;
  }

  /** The protocol version of the connection; `undefined` while there is none. */
  get version(): 4 | 5 | undefined {
    const client = this.up;
    return client === undefined ? undefined : client.options.protocolVersion === 5 ? 5 : 4;
  }

  /** What is wrong right now; `undefined` while connected. */
  get problem(): string | undefined {
    return this.up === undefined
      ? `${brokerName(this.options.broker)} cannot be reached: ${this.#failure}`
      : undefined;
  }

  /**
   * Begins to connect; resolves after the first attempt, whether it succeeded or not. `prepare` sees the client first.
   * Throws E_CONFIG for a password that cannot be read.
   */
  async open(prepare: (client: MqttClient) => void = () => {}): Promise<void> {
    const { broker, clientId, clean, keepalive, onUp, protocol } = this.options;
    const spoken = (protocolVersion: 4 | 5) => ({
      protocolVersion,
      // The broker's default in MQTT 5 is to forget the session with the connection.
      properties: protocolVersion === 5 && !clean ? { sessionExpiryInterval: NEVER_EXPIRES } : {},
    });
    const password = await revealed(broker.password);
    const client = connect(broker.url, {
      clientId,
      clean,
      keepalive,
      ...(broker.username === undefined ? {} : { username: broker.username }),
      ...(password === undefined ? {} : { password }),
      ...(broker.ca === undefined ? {} : { ca: broker.ca }),
      ...(broker.cert === undefined ? {} : { cert: broker.cert }),
      ...(broker.key === undefined ? {} : { key: broker.key }),
      connectTimeout: CONNACK_TIMEOUT_MS,
      reconnectPeriod: MIN_PAUSE_MS,
      reconnectOnConnackError: true,
      queueQoSZero: false,
      resubscribe: false,
      ...spoken(protocol === 'newest' ? 5 : 4),
    });
    this.#client = client;
    prepare(client);
    let refused = false;
    const speak = (version: 4 | 5) => Object.assign(client.options, spoken(version));
    client.on('connect', ({ sessionPresent }) => {
      refused = false;
      const socket = client.stream as Partial<Socket>;
      socket.setNoDelay?.(true);
      socket.setKeepAlive?.(true, TCP_KEEPALIVE_MS);
      client.options.reconnectPeriod = MIN_PAUSE_MS;
      this.#failure = undefined;
      onUp?.(sessionPresent);
    });
    client.on('error', (error: Error & { code?: unknown }) => {
      this.#failure = error.message || String(error.code);
      if (client.options.protocolVersion !== 5 || !UNACCEPTABLE_VERSION.has(error.code)) return;
      refused = true;
      speak(4);
    });
    client.on('close', () => {
      // It may be another broker that comes back.
      if (this.#failure === undefined && protocol === 'newest') speak(5);
      this.#failure ??= 'connection lost';
      const pause = (client.options.reconnectPeriod ?? MIN_PAUSE_MS) * 2;
      client.options.reconnectPeriod = Math.min(pause * (0.9 + Math.random() * 0.2), MAX_PAUSE_MS);
    });
    await this.#either(['connect', 'close'], FIRST_ATTEMPT_MS);
    if (refused) await this.#either(['connect', 'close'], FIRST_ATTEMPT_MS);
  }

  /** The connected client, waiting at most `ms` for it. */
  async whenUp(ms: number): Promise<MqttClient | undefined> {
    if (this.up === undefined && this.#client !== undefined) await this.#either(['connect'], ms);
    return this.up;
  }

  /**
   * Publishes, and resolves when the broker has taken the message. Throws E_PROVIDER when it cannot be reached, or did
   * not take it within `timeoutMs`: then the message may have got there nevertheless.
   */
  async publish(
    topic: string,
    payload: Buffer,
    options: IClientPublishOptions,
    timeoutMs: number,
  ): Promise<void> {
    const client = await this.whenUp(RECONNECT_WAIT_MS);
    if (client === undefined) throw new IotError('E_PROVIDER', `${this.problem}; ${topic} was not published`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Error>((resolve) => {
      const why = `${brokerName(this.options.broker)} did not take ${topic} within ${timeoutMs} ms`;
      timer = setTimeout(() => resolve(new Error(why)), timeoutMs);
    });
    const taken = new Promise<Error | undefined>((resolve) => {
      client.publish(topic, payload, options, (error) => resolve(error ?? undefined));
    });
    const error = await Promise.race([taken, late]);
    clearTimeout(timer);
    if (error !== undefined) throw new IotError('E_PROVIDER', error.message, { cause: error });
  }

  /** Says goodbye to the broker and closes; whoever does not answer is cut off. */
  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#failure = 'closed';
    if (client === undefined) return;
    // A client whose input is held back never sees the other side close.
    const ended = client.endAsync(false).catch(() => {});
    const late = new AbortController();
    await Promise.race([ended, sleep(END_MS, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    client.stream.destroy();
  }

  #either(events: readonly ('connect' | 'close')[], ms: number): Promise<void> {
    const client = this.#client;
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timeout);
        for (const event of events) client?.removeListener(event, finish);
        resolve();
      };
      const timeout = setTimeout(finish, ms);
      for (const event of events) client?.once(event, finish);
    });
  }
}

/** The broker's address without credentials. */
export function brokerName({ url }: Broker): string {
  const { protocol, host } = new URL(url);
  return `broker ${protocol}//${host}`;
}
