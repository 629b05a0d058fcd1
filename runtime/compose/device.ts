import { join } from 'node:path';
import type { Board } from '../base/board.js';
import { lineOf } from '../base/config/line.js';
import type { LoadedConfig } from '../base/config/load.js';
import type { HostConfig, SlotConfig } from '../base/config/schema.js';
import { asIotError, IotError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { userFolder } from '../base/paths.js';
import { VERSION } from '../base/version.js';
import { ControlAgent } from '../control/agent/agent.js';
import { type EmbeddedBroker, startEmbeddedBroker } from '../control/agent/broker.js';
import { type HealthServer, startHealthServer } from '../control/agent/http.js';
import { createWasm3Engine, loadEngineModule } from '../engine/wasm3/index.js';
import { Host } from '../host/host.js';
import type { CheckedModule } from '../host/update.js';
import { signedChecks, Updates } from '../ota/index.js';
import { loadContracts } from '../providers/discover.js';
import { loadBoard } from './board.js';
import { DataDir } from './data-dir.js';
import { rpcHandlers } from './handlers.js';
import { trustedIssuers } from './issuers.js';
import { LogRing } from './log-ring.js';
import { ModuleChecks } from './modules.js';
import { TrustFile } from './trust-file.js';

/** Milliseconds that a broker gets to take the device's first word before it counts as up without it. */
const ANNOUNCE_MS = 1_000;

export interface DeviceOptions {
  /** Checked configuration, its paths absolute (`loadConfig`). */
  readonly config: HostConfig & Partial<Pick<LoadedConfig, 'file'>>;
  readonly logger?: Logger;
}

/** A running device: host, updates and control plane over one data folder. */
export interface Device {
  readonly host: Host;
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
  readonly #config: DeviceOptions['config'];
  readonly #logs = new LogRing();
  readonly #logger: Logger;
  readonly #urls: Record<string, string> = {};
  /** Undoes what `start` did, last first. */
  readonly #undo: (() => Promise<void> | void)[] = [];
  #host: Host | undefined;
  #agent: ControlAgent | undefined;

  constructor({ config, logger = silentLogger }: DeviceOptions) {
    this.#config = config;
    this.#logger = this.#logs.tee(logger);
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error('the device was not started');
    return this.#host;
  }

  get urls(): Readonly<Record<string, string>> {
    return this.#urls;
  }

  problems(): string[] {
    const agent = this.#agent?.problem();
    return [...this.host.problems(), ...(agent === undefined ? [] : [agent])];
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
        this.#logger.warn(`while stopping: ${String(thrown)}`),
      );
    }
  }

  async #start(): Promise<void> {
    const config = this.#config;
    const board = await loadBoard(config.board);
    const data = await DataDir.open(config.dataDir ?? userFolder('state', process.env));
    this.#undo.push(() => data.close());
    const brokerUrl = await this.#startBroker(data.path);
    const compiled = await loadEngineModule();

    const trust = new TrustFile(config.trust.document, this.#logger, () => {
      updates.trustChanged().catch((thrown: unknown) => {
        this.#logger.error(`refusals are not forgotten: ${asIotError(thrown).message}`);
      });
    });
    const issuers = () => [...config.trust.issuers, ...trustedIssuers(trust.current())];
    const checks = new ModuleChecks(config, createWasm3Engine(compiled), issuers);
    const updates: Updates = this.#makeUpdates(data.path, await data.deviceSeed(), trust, checks);
    await updates.start();

    const host = await this.#makeHost({ data, board, brokerUrl, compiled, updates, checks });
    this.#undo.push(() => host.stop());
    await host.start();
    for (const slot of updates.slots) host.ensureSlot(slot);

    const agent = this.#makeAgent(brokerUrl, updates, trust);
    await agent.start();
    this.#undo.push(() => agent.stop());
    // Stopped first: a module on trial must not be judged by how its host goes down.
    this.#undo.push(() => updates.stop());
    host.onChange(() => agent.actorsChanged());
    updates.resume();
    await this.#startHttp();
    if (trust.current() === undefined) this.#warnOfNoTrust();
    // Whoever waits for `start` may ask for this device at once. Without its broker it works all the same.
    await agent.announced(ANNOUNCE_MS);
  }

  async #startBroker(dataDir: string): Promise<string> {
    const { broker } = this.#config;
    if (!broker.startsWith('embedded')) {
      this.#urls.broker = withoutPassword(broker);
      return broker;
    }
    const embedded: EmbeddedBroker = await startEmbeddedBroker({ broker, dataDir, logger: this.#logger });
    this.#undo.push(() => embedded.stop());
    this.#urls.broker = embedded.url;
    return embedded.url;
  }

  #makeUpdates(dataDir: string, deviceSeed: Uint8Array, trust: TrustFile, checks: ModuleChecks): Updates {
    const { device, board, updates } = this.#config;
    const memoryPages = Math.max(64, ...this.#config.actors.map(({ limits }) => limits.memoryPages));
    return new Updates({
      device,
      folder: join(dataDir, 'ota'),
      deviceSeed,
      checks: signedChecks({
        device,
        board,
        trust: () => trust.current(),
        maxModuleBytes: updates.maxModuleBytes,
        readModule: (bytes, now) => checks.read(bytes, now, memoryPages),
      }),
      // The slots, the source of bytes and the place for reports are there when the first update comes.
      target: {
        identity: (slot) => this.host.identity(slot),
        ensureSlot: (slot) => this.host.ensureSlot(slot),
        missingBindings: (slot, capabilities) => this.host.missingBindings(slot, capabilities),
        prepare: (slot, module) => this.host.prepare(slot, module),
        clear: (slot) => this.host.clear(slot),
      },
      source: { fetch: (...request) => this.#running().source.fetch(...request) },
      sink: {
        status: (status) => this.#running().status.status(status),
        report: (report) => this.#running().status.report(report),
      },
      log: this.#logger,
      ...updates,
    });
  }

  async #makeHost(parts: {
    data: DataDir;
    board: Board;
    brokerUrl: string;
    compiled: WebAssembly.Module;
    updates: Updates;
    checks: ModuleChecks;
  }): Promise<Host> {
    const { data, board, brokerUrl, compiled, updates, checks } = parts;
    const firstModule = async (slot: SlotConfig): Promise<CheckedModule | undefined> =>
      updates.installed(slot.name) ??
      (slot.path === undefined ? undefined : checks.readFile(slot, slot.path));
    const host = new Host({
      config: this.#config,
      pushed: updates.slots,
      where: (path) => this.#where(path),
      dataDir: data.path,
      brokerUrl,
      board,
      logger: this.#logger,
      engine: compiled,
      contracts: await loadContracts(),
      firstModule,
    });
    this.#host = host;
    return host;
  }

  #makeAgent(url: string, updates: Updates, trust: TrustFile): ControlAgent {
    const { device, board, labels } = this.#config;
    const { session } = updates;
    const agent = new ControlAgent({
      device,
      board,
      labels,
      session,
      version: VERSION,
      url,
      logger: this.#logger,
      trust: () => trust.current(),
      actors: () =>
        this.host.actors().map(({ name, state, key, digest, version }) => ({
          name,
          state,
          ...(key === undefined ? {} : { key, digest, version, sequence: updates.sequence(name) }),
        })),
      handlers: rpcHandlers({
        device,
        version: VERSION,
        session,
        host: this.host,
        logs: this.#logs,
        updates,
        pathLine: async (slot) => {
          const index = this.#config.actors.findIndex(
            ({ name, path }) => name === slot && path !== undefined,
          );
          return index < 0 ? undefined : this.#where(['actors', index, 'path']);
        },
        problems: () => this.problems(),
      }),
      onDesired: (component, envelope) => updates.desired(component, envelope),
    });
    this.#logs.onLine((line) => agent.publishLog(line));
    this.#agent = agent;
    return agent;
  }

  async #startHttp(): Promise<void> {
    const { http, device } = this.#config;
    if (http === undefined) return;
    const server: HealthServer = await startHealthServer({
      ...http,
      problems: () => this.problems(),
      health: () => ({
        device,
        version: VERSION,
        actors: this.host.actors(),
        providers: this.host.providers.list(),
      }),
    });
    this.#undo.push(() => server.stop());
    this.#urls.http = server.url;
  }

  /** `iot-host.yaml:12`: where the configuration says what stands at `path`. */
  #where(path: readonly PropertyKey[]): Promise<string> {
    return lineOf(this.#config.file, path);
  }

  #running(): ControlAgent {
    if (this.#agent === undefined) throw new IotError('E_INTERNAL', 'the control plane is not up yet');
    return this.#agent;
  }

  #warnOfNoTrust(): void {
    const { trust } = this.#config;
    const path = trust.document ?? './trust';
    const add =
      trust.document === undefined ? ', and add to the configuration: trust: {document: ./trust}' : '';
    this.#logger.warn(
      `no trust document: pushes are refused. To make one: iot-host keys trust ${path}${add}`,
    );
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}
