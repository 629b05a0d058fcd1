import { randomBytes } from 'node:crypto';
import { asIotError } from '../../base/errors.js';
import { type Logger, silentLogger } from '../../base/logger.js';
import type { ModuleSource, StatusSink } from '../../ota/ports.js';
import type { TrustDocument } from '../../trust/document/document.js';
import type { TlsOptions } from '../mqtt/connect.js';
import { BrokerLink, type LinkOptions, type Message, pause, type Subscription } from '../mqtt/link.js';
import type { LogLine, RpcHandlers } from '../protocol/messages.js';
import { level, topics } from '../protocol/topics.js';
import { LogStream } from './log-stream.js';
import { type DeviceInfo, lastWill, type PresenceActors, PresencePublisher } from './presence.js';
import { RpcServer } from './rpc-server.js';
import { DeviceModuleSource } from './source/module-source.js';
import type { FetchTiming } from './source/timing.js';
import { MqttStatusSink } from './status.js';

export interface ControlAgentOptions extends DeviceInfo {
  /** URL of the broker; user and password may stand in it. */
  readonly url: string;
  readonly login?: LinkOptions['login'];
  readonly tls?: TlsOptions | undefined;
  readonly actors: () => PresenceActors;
  readonly trust: () => TrustDocument | undefined;
  readonly handlers: RpcHandlers;
  /** Whether reading is answered to unsigned requests too. Default false. */
  readonly openReading?: boolean | undefined;
  /**
   * A desired state: the envelope as it came, empty when it was cleared. The same one comes again after every
   * connect. What it rejects with is logged.
   */
  readonly onDesired: (component: string, envelope: Uint8Array) => void | Promise<void>;
  /** A freshness index, as it came; the same one comes again after every connect. */
  readonly onFresh?: (index: Uint8Array) => void | Promise<void>;
  /** There is a connection, the first one or another. */
  readonly onConnected?: () => void;
  readonly logger?: Logger;
  readonly timing?: Partial<FetchTiming>;
  /** PEM: one more authority for the certificates of HTTPS servers that modules come from. */
  readonly sourceCa?: string | undefined;
}

/** The device's end of the control plane: one connection to its broker. Works, and updates go on, without one. */
export class ControlAgent {
  readonly source: ModuleSource;
  readonly status: StatusSink;
  private readonly link: BrokerLink;
  private readonly logger: Logger;
  private readonly presence: PresencePublisher;
  private readonly statuses: MqttStatusSink;
  private readonly modules: DeviceModuleSource;
  private readonly rpc: RpcServer;
  private readonly logs: LogStream;
  /** To what is retained for this device. */
  private retained: Subscription[] = [];
  private stopListening: (() => void) | undefined;
  private rereading: Promise<void> = Promise.resolve();

  /** Throws E_CONFIG for what is no URL of a broker. */
  constructor(private readonly options: ControlAgentOptions) {
    const { device, url, tls, login } = options;
    this.logger = (options.logger ?? silentLogger).child({ part: 'control' });
    // A name of its own for every run: two hosts of one device name must not throw each other out for ever.
    const clientId = `iot-host-${device}-${randomBytes(4).toString('hex')}`;
    this.link = new BrokerLink({ url, tls, login, clientId, will: lastWill(options), logger: this.logger });
    this.presence = new PresencePublisher(this.link, options, options.actors, this.logger);
    this.statuses = new MqttStatusSink(this.link, device, this.logger);
    this.modules = new DeviceModuleSource(this.link, device, {
      timing: options.timing,
      logger: this.logger,
      ca: options.sourceCa,
    });
    this.logs = new LogStream(this.link, device);
    const handlers = { ...options.handlers, logs: this.leasing(options.handlers.logs) };
    this.rpc = new RpcServer(this.link, { ...options, handlers, logger: this.logger });
    this.source = this.modules;
    this.status = this.statuses;
  }

  /**
   * Registers everything and connects in the background: a device starts whether or not its broker is there.
   * `problem()` says so while it is not.
   */
  async start(): Promise<void> {
    this.statuses.start();
    const { onConnected } = this.options;
    if (onConnected !== undefined) this.stopListening = this.link.onConnect(onConnected);
    await this.rpc.start();
    await this.modules.start();
    await this.presence.start();
    await this.subscribeRetained();
    this.link.openInBackground();
  }

  /** Has the broker hand out what is desired, and the freshness index, once more, as after a connect. */
  readRetainedAgain(): void {
    this.rereading = this.rereading
      .then(async () => {
        if (this.retained.length === 0) return;
        await this.unsubscribeRetained();
        await this.subscribeRetained();
      })
      .catch((thrown: unknown) => this.logger.warn(`desired states: ${asIotError(thrown).message}`));
  }

  /** Resolves when others can see that the device is there, and after `timeoutMs` at the latest. */
  async announced(timeoutMs: number): Promise<void> {
    const enough = new AbortController();
    await Promise.race([this.presence.announced, pause(timeoutMs, enough.signal)]);
    enough.abort();
  }

  /** Publishes `offline` and disconnects. */
  async stop(): Promise<void> {
    await this.rereading;
    await this.unsubscribeRetained();
    await this.rpc.stop();
    await this.modules.stop();
    this.statuses.stop();
    this.stopListening?.();
    await this.presence.stop();
    await this.link.close();
  }

  /** For `/readyz`. */
  problem(): string | undefined {
    return this.link.problem();
  }

  get connected(): boolean {
    return this.link.connected;
  }

  /** Call it when actors came, went or changed state. */
  actorsChanged(): void {
    this.presence.refresh();
  }

  /** Goes to the `log` topic while somebody asks for it; costs nothing otherwise. */
  publishLog(line: LogLine): void {
    this.logs.publish(line);
  }

  private leasing(recent: RpcHandlers['logs']): RpcHandlers['logs'] {
    return async (args) => {
      const answer = await recent(args);
      if (args.leaseMs !== undefined) this.logs.lease(args.leaseMs);
      return answer;
    };
  }

  private async subscribeRetained(): Promise<void> {
    const { device, onFresh } = this.options;
    const desired = (message: Message) => this.receiveDesired(message);
    this.retained = [await this.link.subscribe(topics.desired(device, '+'), desired)];
    if (onFresh === undefined) return;
    const fresh = ({ payload }: Message) => this.received('freshness index', () => onFresh(payload));
    this.retained.push(await this.link.subscribe(topics.fresh(device), fresh));
  }

  private async unsubscribeRetained(): Promise<void> {
    for (const subscription of this.retained.splice(0)) await subscription.close();
  }

  private receiveDesired({ topic, payload }: Message): void {
    const component = level(topic, 4);
    this.received(`desired state of ${component}`, () => this.options.onDesired(component, payload));
  }

  private received(what: string, work: () => void | Promise<void>): void {
    Promise.resolve()
      .then(work)
      .catch((thrown: unknown) => {
        const error = asIotError(thrown);
        this.logger.error(`${what}: ${error.message}`, { code: error.code });
      });
  }
}
