import { createHash } from 'node:crypto';
import { type Logger, silentLogger } from '#runtime/base/logger.js';
import { VERSION } from '#runtime/base/version.js';
import { trustedIssuers } from '#runtime/compose/issuers.js';
import { ControlAgent, type ControlAgentOptions } from '#runtime/control/agent/agent.js';
import type { ActorStatus, RpcHandlers, UpdateStatus } from '#runtime/control/protocol/messages.js';
import { type Clock, signedChecks, Updates } from '#runtime/ota/index.js';
import type { TrustDocument } from '#runtime/trust/document/document.js';
import { requireIssuer, verifyModule } from '#runtime/trust/wascap/index.js';
import { MemoryFileSystem } from './memory-fs.js';
import { MemoryTarget } from './update-target.js';

export interface SimDeviceOptions {
  /** URL of its broker. */
  readonly url: string;
  readonly name: string;
  readonly trust: TrustDocument;
  readonly labels?: Readonly<Record<string, string>>;
  /** Least milliseconds on probation; default 0. */
  readonly dwellMs?: number;
  readonly clock?: Clock;
  readonly timing?: ControlAgentOptions['timing'];
  readonly logger?: Logger;
}

/**
 * A device without engine and disk: the production's agent, update machine and checks of envelopes and claims, over a
 * file system and a host in memory. Modules must be signed; they behave as the name in their claims says, or as
 * `target.behaviour` does. Some hundred of them fit into one process.
 */
export class SimDevice {
  readonly disk = new MemoryFileSystem();
  readonly target = new MemoryTarget();
  /** What it reported, in order, over all its starts. */
  readonly statuses: UpdateStatus[] = [];
  #running: { readonly updates: Updates; readonly agent: ControlAgent } | undefined;

  constructor(readonly options: SimDeviceOptions) {}

  static async start(options: SimDeviceOptions): Promise<SimDevice> {
    const device = new SimDevice(options);
    await device.on();
    return device;
  }

  get name(): string {
    return this.options.name;
  }

  get updates(): Updates {
    return this.#parts.updates;
  }

  get agent(): ControlAgent {
    return this.#parts.agent;
  }

  get #parts() {
    if (this.#running === undefined) throw new Error(`${this.name} is off`);
    return this.#running;
  }

  /** Starts on what is on the disk, and connects in the background. */
  async on(): Promise<void> {
    const { name, trust, dwellMs = 0, clock, logger = silentLogger } = this.options;
    const updates = new Updates({
      device: name,
      folder: '/ota',
      deviceSeed: createHash('sha256').update(name).digest(),
      checks: signedChecks({
        device: name,
        board: 'sim',
        trust: () => trust,
        readModule: (bytes, now) => {
          const claims = verifyModule(bytes, { now: now.seconds, timeTrusted: now.trusted });
          requireIssuer(claims, trustedIssuers(trust));
          return { key: claims.subject, name: claims.name, version: claims.ver, capabilities: claims.caps };
        },
      }),
      target: this.target,
      source: { fetch: (...request) => this.agent.source.fetch(...request) },
      sink: {
        status: (status) => {
          this.statuses.push(status);
          this.agent.actorsChanged();
          return this.agent.status.status(status);
        },
        report: (report) => this.agent.status.report(report),
      },
      log: logger,
      fs: this.disk,
      dwellMs,
      ...(clock === undefined ? {} : { clock }),
    });
    await updates.start();
    this.target.running.clear();
    for (const slot of updates.slots) {
      const module = updates.installed(slot);
      if (module !== undefined) this.target.running.set(slot, module);
    }
    const agent = this.#makeAgent(updates);
    this.#running = { updates, agent };
    updates.resume();
    await agent.start();
  }

  /** Stops as a host does that is told to. */
  async off(): Promise<void> {
    const { updates, agent } = this.#parts;
    await updates.stop();
    await agent.stop();
    this.#running = undefined;
  }

  /** How often it switched to another module, for better or worse. */
  activations(): number {
    return this.target.log.filter((line) => line.startsWith('activate ')).length;
  }

  #makeAgent(updates: Updates): ControlAgent {
    const { url, name, trust, labels = {}, timing, logger = silentLogger } = this.options;
    return new ControlAgent({
      ...{ url, device: name, board: 'sim', version: VERSION, labels, session: updates.session, logger },
      ...(timing === undefined ? {} : { timing }),
      trust: () => trust,
      actors: () =>
        this.#actors(updates).map(({ name, state, key, digest, version, sequence }) => ({
          ...{ name, state },
          ...(key === undefined ? {} : { key }),
          ...(digest === undefined ? {} : { digest }),
          ...(version === undefined ? {} : { version }),
          ...(sequence === undefined ? {} : { sequence }),
        })),
      handlers: this.#handlers(updates),
      onDesired: (component, envelope) => updates.desired(component, envelope),
    });
  }

  #actors(updates: Updates): ActorStatus[] {
    return [...this.target.running].map(([name, { key, digest, version, capabilities }]) => ({
      ...{ name, state: 'running', key, digest, version, sequence: updates.sequence(name), capabilities },
      ...{ bindings: [], queued: 0, handled: 0, failed: 0, restarts: 0 },
    }));
  }

  /** Only what the update machine itself can answer: there are no actors to be called, bound or stopped. */
  #handlers(updates: Updates): RpcHandlers {
    const { name: device } = this.options;
    const known: Partial<RpcHandlers> = {
      ps: async () => ({
        ...{ device, version: VERSION, session: updates.session, ready: true, problems: [], providers: [] },
        actors: this.#actors(updates),
      }),
    };
    return new Proxy(known, {
      get: (handlers, operation) =>
        Reflect.get(handlers, operation) ??
        (() => Promise.reject(new Error(`a simulated device has no ${String(operation)}`))),
    }) as RpcHandlers;
  }
}
