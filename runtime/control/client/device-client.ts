import { randomBytes } from 'node:crypto';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { PlainValue } from '../../trust/cbor/value.js';
import type { Signer } from '../../trust/cose/signer.js';
import { createRequest, encodeRequest } from '../../trust/rpc/request.js';
import type { TlsOptions } from '../mqtt/connect.js';
import { BrokerLink } from '../mqtt/link.js';
import { readRetained } from '../mqtt/retained.js';
import {
  type Presence,
  READING,
  type RpcOperation,
  type RpcOperations,
  type UpdateStatus,
} from '../protocol/messages.js';
import { parseStatus } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';
import { requireName } from './names.js';
import { PresenceWatch } from './presence-watch.js';
import { nextCounter, PendingReplies } from './replies.js';

/** Milliseconds that a device gets to answer a request. */
export const RPC_TIMEOUT_MS = 5_000;

/** How a device answers what it wants to have signed; E_ENVELOPE is the word of those that know no other way. */
const CLOSED: ReadonlySet<string> = new Set(['E_UNSIGNED', 'E_ENVELOPE']);
/** How it answers a signature that does not count there. */
const DISBELIEVED: ReadonlySet<string> = new Set(['E_UNAUTHORISED', 'E_NO_TRUST']);

export interface DeviceClientOptions {
  /** URL of the broker, or `embedded…` for that of a host on this machine; user and password may stand in it. */
  readonly url: string;
  readonly device: string;
  /** Key of the role `control`; only requests need it, and those that read only where the device has not opened it. */
  readonly signer?: Signer | undefined;
  readonly tls?: TlsOptions | undefined;
  /** Milliseconds to connect in, default 5000. */
  readonly timeoutMs?: number | undefined;
  readonly logger?: Logger | undefined;
}

/** The sender's end of the control plane: one device, over its broker. */
export class DeviceClient {
  readonly link: BrokerLink;
  readonly device: string;
  private readonly clientId = `iot-cli-${randomBytes(6).toString('hex')}`;
  private readonly watch: PresenceWatch;
  private readonly replies = new PendingReplies();

  private constructor(private readonly options: DeviceClientOptions) {
    const { url, tls, timeoutMs, logger } = options;
    this.device = requireName('device', options.device);
    this.link = new BrokerLink({
      url,
      clientId: this.clientId,
      tls,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(logger === undefined ? {} : { logger }),
    });
    this.watch = new PresenceWatch(this.link, this.device);
  }

  /** Rejects with E_USAGE (no device name), E_CONFIG (no URL of a broker), E_BROKER_UNREACHABLE, E_CANCELLED. */
  static async connect(options: DeviceClientOptions, signal?: AbortSignal): Promise<DeviceClient> {
    const client = new DeviceClient(options);
    await client.link.open(signal);
    await client.watch.start();
    await client.link.subscribe(topics.response(client.device, client.clientId), ({ payload }) =>
      client.replies.receive(payload),
    );
    return client;
  }

  async close(): Promise<void> {
    this.replies.rejectAll(new IotError('E_CANCELLED', `connection to device ${this.device} was closed`));
    await this.link.close();
  }

  /** Online or offline as its broker knows it. Rejects with E_DEVICE_NOT_FOUND after `timeoutMs` (1500). */
  presence(timeoutMs?: number): Promise<Presence> {
    return this.watch.known(timeoutMs);
  }

  /** As far as is known right now. */
  get online(): boolean {
    return this.watch.current?.state === 'online';
  }

  /** Called with every change of the presence. Returns what removes the listener. */
  onPresence(listener: (presence: Presence) => void): () => void {
    return this.watch.listen(listener);
  }

  /** The last update state that the device reported of a component. Rejects with E_BROKER_UNREACHABLE. */
  async status(component: string): Promise<UpdateStatus | undefined> {
    const topic = topics.state(this.device, requireName('component', component));
    const payload = (await readRetained(this.link, topic)).get(topic);
    return payload === undefined ? undefined : parseStatus(payload);
  }

  /**
   * One request, signed; reading is asked unsigned too where the key is missing or not believed. Rejects with what the
   * device answered, or E_DEVICE_NOT_FOUND, E_DEVICE_OFFLINE, E_TIMEOUT (`timeoutMs`, default 5000: it may have been
   * carried out all the same), E_KEY (no control key), E_PAYLOAD, E_TOO_LARGE, E_BROKER_UNREACHABLE.
   */
  async rpc<K extends RpcOperation>(
    operation: K,
    args: RpcOperations[K]['args'],
    options: { timeoutMs?: number; signer?: Signer } = {},
  ): Promise<RpcOperations[K]['result']> {
    const { timeoutMs = RPC_TIMEOUT_MS, signer = this.options.signer } = options;
    const ask = (key: Signer | undefined) => this.ask(operation, args, timeoutMs, key);
    if (!READING.has(operation)) return ask(signer ?? this.missingKey(operation));
    try {
      return await ask(signer);
    } catch (thrown) {
      const { code } = asIotError(thrown);
      if (signer === undefined && CLOSED.has(code)) return this.missingKey(operation);
      if (signer === undefined || !DISBELIEVED.has(code)) throw thrown;
      return ask(undefined).catch(() => {
        throw thrown;
      });
    }
  }

  private async ask<K extends RpcOperation>(
    operation: K,
    args: RpcOperations[K]['args'],
    timeoutMs: number,
    signer: Signer | undefined,
  ): Promise<RpcOperations[K]['result']> {
    const presence = await this.presence();
    if (presence.state === 'offline') throw this.offline(operation);
    const { device } = this;
    const counter = nextCounter();
    const { session } = presence;
    const content = { device, session, counter, operation, args: args as PlainValue };
    const request = signer === undefined ? encodeRequest(content) : createRequest(signer, content);
    const reply = this.replies.wait(counter, timeoutMs, () => this.expired(operation, timeoutMs));
    const stop = this.onPresence(({ state }) => {
      if (state === 'offline') this.replies.reject(counter, this.offline(operation));
    });
    this.link.publish(topics.request(this.device, this.clientId), request).catch((error: IotError) => {
      this.replies.reject(counter, error);
    });
    try {
      // What the device signed for is its word; its shape is as trustworthy as its broker.
      return (await reply) as RpcOperations[K]['result'];
    } finally {
      stop();
    }
  }

  private missingKey(operation: string): never {
    throw new IotError(
      'E_KEY',
      `${operation} on device ${this.device} must be signed, and there is no control key`,
      {
        hint: 'iot-host keys gen',
      },
    );
  }

  private offline(operation: string): IotError {
    return new IotError(
      'E_DEVICE_OFFLINE',
      `device ${this.device} is off, ${operation} cannot be asked of it`,
      {
        hint: 'start it with `iot-host up`; a push with --detach is taken when it comes back',
      },
    );
  }

  private expired(operation: string, timeoutMs: number): IotError {
    return new IotError(
      'E_TIMEOUT',
      `device ${this.device} did not answer ${operation} within ${timeoutMs} ms`,
      { hint: 'it may still be working on it: look with `iot-host ps`, or give a longer --timeout' },
    );
  }
}
