import type { MqttClient } from 'mqtt';
import { asIotError, IotError } from '../../base/errors.js';
import { type Logger, silentLogger } from '../../base/logger.js';
import { type BrokerAddress, parseBroker } from './address.js';
import { reconnectDelay } from './backoff.js';
import { type ConnectOptions, connectBroker, unreachable } from './connect.js';
import { matches } from './filter.js';

export interface LinkOptions extends ConnectOptions {
  /** `mqtt://`, `mqtts://`, `ws://`, `wss://` or `embedded…`; user and password may stand in it. */
  readonly url: string;
  /** User and password when they do not stand in the address. */
  readonly login?: Pick<BrokerAddress, 'username' | 'password'> | undefined;
  readonly logger?: Logger;
}

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True when the broker had kept it and sends it because of the subscription. */
  readonly retained: boolean;
}
export type MessageHandler = (message: Message) => void;

export interface Subscription {
  /** Idempotent. */
  close(): Promise<void>;
}

interface Registration {
  readonly filters: readonly string[];
  readonly handler: MessageHandler;
  readonly qos: 0 | 1;
}

/** Filters in one SUBSCRIBE packet: Mosquitto takes any number, AWS IoT eight at a time. */
const FILTERS_PER_PACKET = 8;
/** Milliseconds that a broker gets to acknowledge what was sent before the connection is closed. */
const GOOD_BYE_MS = 1_000;

/**
 * A connection to a broker that comes back by itself, with all its subscriptions. What was published while it is
 * away is refused, not queued: whoever publishes state publishes it again in `onConnect`.
 */
export class BrokerLink {
  readonly address: BrokerAddress;
  /** Counts the connections: what was heard in an earlier one may have been forgotten by the broker. */
  connection = 0;
  private client: MqttClient | undefined;
  private ready = false;
  private failure: IotError | undefined;
  private readonly registrations = new Set<Registration>();
  private readonly waiting = new Set<(error: IotError) => void>();
  private readonly listeners = new Set<() => void>();
  private readonly closing = new AbortController();
  private readonly logger: Logger;
  private running: Promise<void> | undefined;

  /** Throws E_CONFIG for what is no URL of a broker. */
  constructor(private readonly options: LinkOptions) {
    this.address = { ...parseBroker(options.url), ...options.login };
    this.logger = options.logger ?? silentLogger;
  }

  /** Connects once; rejects with E_BROKER_UNREACHABLE within `timeoutMs`. Afterwards it reconnects by itself. */
  async open(signal?: AbortSignal): Promise<void> {
    const client = await connectBroker(this.address, this.options, signal);
    await this.up(client);
    this.running = this.keep(client);
  }

  /** Connects as soon as the broker can be reached, and does not wait for it. */
  openInBackground(): void {
    this.running = this.keep(undefined);
  }

  /** Whether there is a connection and all subscriptions stand. */
  get connected(): boolean {
    return this.ready;
  }

  /** Why there is no connection right now. */
  problem(): string | undefined {
    if (this.ready) return undefined;
    return this.failure?.message ?? `broker ${this.address.url} is not connected yet`;
  }

  /** Called after every connect, when the subscriptions stand again. Returns what removes the listener. */
  onConnect(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** QoS 1 unless told otherwise: resolves when the broker has it. Rejects with E_BROKER_UNREACHABLE. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: { retain?: boolean; qos?: 0 | 1 } = {},
  ): Promise<void> {
    const bytes = typeof payload === 'string' ? payload : Buffer.from(payload);
    const { retain = false, qos = 1 } = options;
    return this.exchange((client, settle) => client.publish(topic, bytes, { retain, qos }, settle));
  }

  /**
   * Hands every message under `filters` to `handler`, also after a reconnect. Resolves when the broker has agreed,
   * or at once while there is no connection. Rejects with E_UNAUTHORISED when the broker refuses.
   */
  async subscribe(
    filters: string | readonly string[],
    handler: MessageHandler,
    options: { qos?: 0 | 1 } = {},
  ): Promise<Subscription> {
    const list = typeof filters === 'string' ? [filters] : filters;
    const registration: Registration = { filters: list, handler, qos: options.qos ?? 1 };
    this.registrations.add(registration);
    try {
      if (this.client !== undefined) await this.sendSubscribe(list, registration.qos);
    } catch (thrown) {
      // Without a connection it stays registered: it is made again with the next one.
      if (asIotError(thrown).code !== 'E_BROKER_UNREACHABLE') {
        this.registrations.delete(registration);
        throw thrown;
      }
    }
    return { close: () => this.drop(registration) };
  }

  /** Resolves when the broker has worked off all that was sent before. Rejects with E_BROKER_UNREACHABLE. */
  barrier(): Promise<void> {
    return this.exchange((client, settle) => client.unsubscribe(`iot/-/${this.options.clientId}`, settle));
  }

  /** Says good-bye (no last will) and stays closed. */
  async close(): Promise<void> {
    this.closing.abort();
    const { client } = this;
    this.client = undefined;
    this.ready = false;
    this.fail(new IotError('E_CANCELLED', `connection to ${this.address.url} was closed`));
    if (client !== undefined) await goodBye(client);
    await this.running;
  }

  private async drop(registration: Registration): Promise<void> {
    if (!this.registrations.delete(registration) || this.client === undefined) return;
    const used = new Set([...this.registrations].flatMap((other) => other.filters));
    const unused = registration.filters.filter((filter) => !used.has(filter));
    if (unused.length === 0) return;
    const enough = new AbortController();
    const dropped = this.exchange((client, settle) => client.unsubscribe([...unused], settle))
      // A lost connection has dropped it as well.
      .catch(() => {})
      .finally(() => enough.abort());
    // Nobody listens any more: a broker that has stopped to answer is not worth waiting for.
    await Promise.race([dropped, pause(GOOD_BYE_MS, enough.signal)]);
  }

  private async keep(first: MqttClient | undefined): Promise<void> {
    let client = first;
    for (let attempt = 0; !this.closing.signal.aborted; ) {
      if (client !== undefined) {
        attempt = 0;
        await closed(client);
        this.down(unreachable(this.address, 'the connection was lost'));
        client = undefined;
      } else {
        client = await this.attempt(attempt);
        if (client !== undefined) continue;
      }
      await pause(reconnectDelay(attempt++), this.closing.signal);
    }
  }

  private async attempt(attempt: number): Promise<MqttClient | undefined> {
    try {
      const client = await connectBroker(this.address, this.options, this.closing.signal);
      await this.up(client);
      return client;
    } catch (thrown) {
      this.failure = asIotError(thrown, 'E_BROKER_UNREACHABLE');
      if (attempt === 0 && !this.closing.signal.aborted) this.logger.warn(this.failure.message);
      return undefined;
    }
  }

  private async up(client: MqttClient): Promise<void> {
    client.on('message', (topic, payload, packet) =>
      this.dispatch({ topic, payload, retained: packet.retain === true }),
    );
    if (!client.connected || this.closing.signal.aborted) {
      client.end(true);
      throw unreachable(this.address, 'it closed the connection');
    }
    this.client = client;
    this.connection++;
    this.failure = undefined;
    client.once('close', () => {
      if (this.client === client) this.down(unreachable(this.address, 'the connection was lost'));
    });
    for (const { filters, qos } of this.registrations) {
      await this.sendSubscribe(filters, qos).catch((thrown: unknown) =>
        this.logger.warn(asIotError(thrown).message),
      );
    }
    this.logger.debug(`connected to ${this.address.url}`);
    if (this.client !== client) return;
    this.ready = true;
    for (const listener of [...this.listeners]) listener();
  }

  private down(error: IotError): void {
    this.client = undefined;
    this.ready = false;
    this.failure = error;
    this.fail(error);
  }

  private fail(error: IotError): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const reject of waiting) reject(error);
  }

  private async sendSubscribe(filters: readonly string[], qos: 0 | 1): Promise<void> {
    for (let at = 0; at < filters.length; at += FILTERS_PER_PACKET) {
      const some = filters.slice(at, at + FILTERS_PER_PACKET);
      await this.exchange((client, settle) => client.subscribe(some, { qos }, settle));
    }
  }

  /** One packet and its acknowledgement, which never comes when the connection is lost meanwhile. */
  private exchange(
    send: (client: MqttClient, settle: (error?: Error | null) => void) => void,
  ): Promise<void> {
    const { client } = this;
    return new Promise((resolve, reject) => {
      if (client === undefined) {
        reject(this.failure ?? unreachable(this.address, 'not connected'));
        return;
      }
      this.waiting.add(reject);
      send(client, (error) => {
        if (!this.waiting.delete(reject)) return;
        if (error === undefined || error === null) resolve();
        else reject(this.exchangeError(error));
      });
    });
  }

  /** Only an answer of the broker is a refusal; all else that can go wrong here is a lost connection. */
  private exchangeError(error: Error & { packet?: unknown }): IotError {
    const text = `broker ${this.address.url} refuses: ${error.message}`;
    if (error.packet !== undefined) return new IotError('E_UNAUTHORISED', text, { cause: error });
    return unreachable(this.address, 'the connection was lost');
  }

  private dispatch(message: Message): void {
    for (const { filters, handler } of [...this.registrations]) {
      if (!filters.some((filter) => matches(filter, message.topic))) continue;
      try {
        handler(message);
      } catch (thrown) {
        this.logger.error(`message on ${message.topic} failed: ${asIotError(thrown).message}`);
      }
    }
  }
}

/** Waits for what is on its way, but not for ever: the broker may be gone without having said so. */
async function goodBye(client: MqttClient): Promise<void> {
  const ended = new AbortController();
  client.end(false, {}, () => ended.abort());
  await pause(GOOD_BYE_MS, ended.signal);
  // A second `end` would be ignored.
  if (!ended.signal.aborted) client.stream.destroy();
}

function closed(client: MqttClient): Promise<void> {
  return client.connected
    ? new Promise((resolve) => client.once('close', () => resolve()))
    : Promise.resolve();
}

/** Resolves after `ms`, or when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
