import type { Board } from '../base/board.js';
import { type Where, whereIn } from '../base/config/line.js';
import type { LoadedConfig } from '../base/config/load.js';
import type { HostConfig, SlotConfig } from '../base/config/schema.js';
import { IotError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { type Environment, userFolder } from '../base/paths.js';
import { VERSION } from '../base/version.js';
import type { ControlAgent } from '../control/agent/agent.js';
import type { UpdateStatus } from '../control/protocol/messages.js';
import { createWasm3Engine, loadEngineModule } from '../engine/wasm3/index.js';
import { Host } from '../host/host.js';
import type { CheckedModule } from '../host/update.js';
import type { Updates } from '../ota/index.js';
import { loadContracts } from '../providers/discover.js';
import { makeAgent } from './agent.js';
import { announceDevice } from './announce.js';
import { boardOf } from './board.js';
import { type DeviceBroker, startBroker } from './broker.js';
import { DataDir } from './data-dir.js';
import { type Edges, readEdges } from './edges.js';
import { startHealth } from './health.js';
import { LogRing } from './log-ring.js';
import { LoopLag } from './loop-lag.js';
import { ModuleChecks } from './modules.js';
import { noTrust } from './no-trust.js';
import { Service } from './service/service.js';
import { TrustFile } from './trust-file.js';
import { makeUpdates } from './updates.js';

/** Milliseconds that a broker gets to take the device's first word before it counts as up without it. */
const ANNOUNCE_MS = 1_000;

/** How often it is looked whether there is another trust document on this machine, in milliseconds. */
const TRUST_FILE_MS = 2_000;

export interface DeviceOptions {
  /** Checked configuration, its paths absolute (`loadConfig`). */
  readonly config: HostConfig & Partial<Pick<LoadedConfig, 'file'>>;
  readonly logger?: Logger;
  /** Environment of a service: when a service manager listens (NOTIFY_SOCKET), it is told how the device is. */
  readonly serviceEnvironment?: Environment;
}

/** A running device: host, updates and control plane over one data folder. */
export interface Device {
  readonly host: Host;
  /** What is written here is in the log of the device, for `iot-host logs`, too. */
  readonly logger: Logger;
  /** Name of the board, known once it has started. */
  readonly board: string;
  /** Where it listens: `broker`, and `http`. */
  readonly urls: Readonly<Record<string, string>>;
  /** Why it is not ready; empty when it is. */
  problems(): string[];
  /** Rejects with E_CONFIG, E_BUSY, E_KEY, E_UNAVAILABLE; what had been started is stopped again. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The composition root: the one place that knows every part. Nothing runs before `start`. */
export function createHost(options: DeviceOptions): Device {
  return new ComposedDevice(options);
}

class ComposedDevice implements Device {
  /** Its board has a name of its own instead of `auto` once `start` has looked. */
  #config: DeviceOptions['config'];
  readonly #logs = new LogRing();
  readonly logger: Logger;
  readonly #environment: Environment;
  readonly #where: Where | undefined;
  readonly #urls: Record<string, string> = {};
  readonly #lag = new LoopLag();
  /** The last status of each update. */
  readonly #statuses = new Map<string, UpdateStatus>();
  /** Undoes what `start` did, last first. */
  readonly #undo: (() => Promise<void> | void)[] = [];
  #host: Host | undefined;
  #updates: Updates | undefined;
  #agent: ControlAgent | undefined;
  #service: Service | undefined;

  constructor({ config, logger = silentLogger, serviceEnvironment = {} }: DeviceOptions) {
    this.#config = config;
    this.#where = whereIn(config.file);
    this.#environment = serviceEnvironment;
    this.logger = this.#logs.tee(logger);
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error('the device was not started');
    return this.#host;
  }

  get board(): string {
    return this.#config.board;
  }

  get urls(): Readonly<Record<string, string>> {
    return this.#urls;
  }

  problems(): string[] {
    const others = [this.#updates?.trust.problem(), this.#agent?.problem(), this.#service?.problem()];
    return [...this.host.problems(), ...others.filter((problem) => problem !== undefined)];
  }

  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      await Promise.resolve(undo()).catch((thrown: unknown) =>
        this.logger.warn(`while stopping: ${String(thrown)}`),
      );
    }
  }

  async #start(): Promise<void> {
    const board = await boardOf(this.#config, this.logger, this.#where);
    this.#config = { ...this.#config, board: board.name };
    const config = this.#config;
    const edges = await readEdges(config);
    const data = await DataDir.open(config.dataDir ?? userFolder('state', process.env));
    this.#undo.push(() => data.close());
    const broker = await startBroker(config, edges, data.path, this.logger);
    this.#undo.push(() => broker.stop());
    Object.assign(this.#urls, broker.urls);
    this.#lag.start();
    this.#undo.push(() => this.#lag.stop());
    const compiled = await loadEngineModule();

    const checks = new ModuleChecks(config, createWasm3Engine(compiled), () => updates.trust.current());
    const updates: Updates = makeUpdates({
      ...{ config, checks, dataDir: data.path, deviceSeed: await data.deviceSeed() },
      trustFile: new TrustFile(config.trust.document, this.logger),
      logger: this.logger,
      host: () => this.host,
      agent: () => this.#running(),
      trustChanged: () => this.#agent?.readRetainedAgain(),
      statuses: this.#statuses,
    });
    this.#updates = updates;
    await updates.start();

    const host = await this.#makeHost({ data, board, broker, compiled, updates, checks });
    this.#undo.push(() => host.stop());
    host.onQuarantine((slot, { digest }, error) => void updates.crashed(slot, digest, error));
    await host.start();
    for (const slot of updates.slots) host.ensureSlot(slot);

    const agent = await makeAgent({
      ...{ config, broker, host, updates, logs: this.#logs, logger: this.logger },
      sourceCa: edges.updatesCa,
      where: this.#where,
      problems: () => this.problems(),
    });
    this.#agent = agent;
    await agent.start();
    this.#undo.push(() => agent.stop());
    // Stopped first: a module on trial must not be judged by how its host goes down.
    this.#undo.push(() => updates.stop());
    host.onChange(() => agent.actorsChanged());
    await this.#startHttp(agent, edges, updates.session);
    if (updates.trust.current() === undefined) this.#warnOfNoTrust();
    this.#watchTrust(updates.trust);
    // Whoever waits for `start` may ask for this device at once. Without its broker it works all the same.
    await agent.announced(ANNOUNCE_MS);
    // Now that the broker is there, if it is: a module that takes it away is to be noticed.
    updates.resume();
    this.#undo.push(await announceDevice(config, this.#urls.broker ?? '', this.logger));
    const service = this.#makeService(data.path);
    this.#service = service;
    this.#undo.push(() => service.stopping());
    await service.ready();
  }

  async #makeHost(parts: {
    data: DataDir;
    board: Board;
    broker: DeviceBroker;
    compiled: WebAssembly.Module;
    updates: Updates;
    checks: ModuleChecks;
  }): Promise<Host> {
    const { data, board, broker, compiled, updates, checks } = parts;
    const firstModule = async (slot: SlotConfig): Promise<CheckedModule | undefined> =>
      updates.installed(slot.name) ??
      (slot.path === undefined ? undefined : checks.readFile(slot, slot.path, updates.now()));
    const host = new Host({
      config: this.#config,
      pushed: updates.slots,
      where: this.#where,
      dataDir: data.path,
      brokerUrl: broker.url,
      brokerAccess: broker.access,
      board,
      logger: this.logger,
      engine: compiled,
      contracts: await loadContracts(),
      firstModule,
    });
    this.#host = host;
    return host;
  }

  async #startHttp(agent: ControlAgent, edges: Edges, session: number): Promise<void> {
    const server = await startHealth({
      ...{ config: this.#config, version: VERSION, host: this.host, lag: this.#lag, updates: this.#statuses },
      ...{ agent, edges, session },
      freshness: () => this.#updates?.freshness(),
      problems: () => this.problems(),
    });
    if (server === undefined) return;
    this.#undo.push(() => server.stop());
    this.#urls.http = server.url;
  }

  #makeService(dataDir: string): Service {
    return new Service({
      environment: this.#environment,
      dataDir,
      logger: this.logger,
      lag: (ms) => this.#lag.worst(ms),
      status: () => {
        const [problem, ...more] = this.problems();
        if (problem === undefined) return `${this.#config.device} is up`;
        return `not ready: ${problem}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
      },
    });
  }

  #running(): ControlAgent {
    if (this.#agent === undefined) throw new IotError('E_INTERNAL', 'the control plane is not up yet');
    return this.#agent;
  }

  /** The owner may put another document there at any time: what waits for it does not have to be sent again. */
  #watchTrust(trust: Updates['trust']): void {
    const timer = setInterval(() => trust.current(), TRUST_FILE_MS);
    timer.unref();
    this.#undo.push(() => clearInterval(timer));
  }

  #warnOfNoTrust(): void {
    const { device, trust } = this.#config;
    const { message, hint } = noTrust(device, trust.document);
    this.logger.warn(`${message}; what is pushed is refused`, { hint });
  }
}
