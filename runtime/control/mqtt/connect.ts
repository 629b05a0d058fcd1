import type { IClientOptions, MqttClient } from 'mqtt';
import { IotError } from '../../base/errors.js';
import type { BrokerAddress } from './address.js';

/** Milliseconds until a broker must have accepted the connection. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** Seconds; a dead peer is noticed after one and a half of these. */
const KEEPALIVE_SECONDS = 20;

export interface TlsOptions {
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface ConnectOptions {
  readonly clientId: string;
  readonly timeoutMs?: number;
  readonly will?: { readonly topic: string; readonly payload: Uint8Array } | undefined;
  readonly tls?: TlsOptions | undefined;
}

/**
 * One MQTT 3.1.1 connection with a clean session, that never reconnects by itself (`BrokerLink` does).
 * Rejects with E_BROKER_UNREACHABLE within `timeoutMs` (default 5 s).
 */
export async function connectBroker(
  address: BrokerAddress,
  options: ConnectOptions,
  signal?: AbortSignal,
): Promise<MqttClient> {
  const { connect } = await import('mqtt');
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  if (signal?.aborted === true)
    throw new IotError('E_CANCELLED', `connecting to ${address.url} was cancelled`);
  return new Promise((resolve, reject) => {
    const client = connect(address.url, clientOptions(address, options, timeoutMs));
    const give = (why: string, error?: IotError): void => {
      done();
      client.end(true);
      reject(error ?? unreachable(address, why));
    };
    const refused = (error: Error): void => give(reason(error));
    const closed = (): void => give('it closed the connection');
    const cancelled = (): void =>
      give('', new IotError('E_CANCELLED', `connecting to ${address.url} was cancelled`));
    const timer = setTimeout(() => give(`no answer within ${timeoutMs} ms`), timeoutMs);
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancelled);
      client.removeListener('close', closed);
      client.removeListener('error', refused);
      // Errors go on to be emitted after the end; each also closes the connection, which is what is listened to.
      client.on('error', () => {});
    };
    signal?.addEventListener('abort', cancelled, { once: true });
    client.on('error', refused);
    client.on('close', closed);
    client.once('connect', () => {
      done();
      withoutDelay(client);
      resolve(client);
    });
  });
}

function clientOptions(address: BrokerAddress, options: ConnectOptions, timeoutMs: number): IClientOptions {
  const { will } = options;
  return {
    clientId: options.clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE_SECONDS,
    // Later than the timer here, whose message says more.
    connectTimeout: timeoutMs + 1_000,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(will === undefined
      ? {}
      : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
    ...options.tls,
  };
}

/** Small QoS 1 round trips would each wait some 40 ms for Nagle's algorithm. Web sockets have no such switch. */
function withoutDelay(client: MqttClient): void {
  const stream: { setNoDelay?: (on: boolean) => unknown } = client.stream as never;
  stream.setNoDelay?.(true);
}

export function unreachable(address: BrokerAddress, why: string): IotError {
  const started = /ECONNREFUSED/.test(why);
  return new IotError('E_BROKER_UNREACHABLE', `broker ${address.url} cannot be reached: ${why}`, {
    hint: started
      ? `start it (\`iot-host up\` with broker: embedded, or mosquitto), or name another broker`
      : 'check the address, the user and the password of the broker',
  });
}

function reason(error: Error): string {
  // A name with several addresses fails with an error for each and no text of its own.
  const inner = error instanceof AggregateError ? error.errors[0] : undefined;
  const text = inner instanceof Error ? inner.message : error.message;
  return text === '' ? error.name : text;
}
