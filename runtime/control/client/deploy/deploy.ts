import { asIotError, IotError } from '../../../base/errors.js';
import { toHex } from '../../../trust/cbor/bytes.js';
import { pause } from '../../mqtt/link.js';
import type { Presence } from '../../protocol/messages.js';
import { topics } from '../../protocol/topics.js';
import { ChunkServer } from '../chunk-server.js';
import { DeploymentWatch, type WatchEnd } from '../deployment-watch.js';
import { outcomeError, type PushOutcome } from '../outcome.js';
import { isSent, requireArtifacts } from './artifact.js';
import { Leftovers } from './leftovers.js';
import { type DeployOptions, PUSH_TIMEOUT_MS } from './options.js';
import { type SignedDeployment, signDeployment } from './signed.js';

/**
 * Signs a deployment for one device, lets the device fetch what it has not, and resolves with the true outcome, good
 * or bad. Rejects when there is none: E_USAGE, E_TOO_LARGE, E_UNSIGNED (no signer), E_DEVICE_NOT_FOUND,
 * E_BROKER_UNREACHABLE (only before anything was announced, or with nothing left of `timeoutMs`), E_INTERRUPTED
 * (`signal`), E_TIMEOUT (the update stays with the broker, and the device takes it when it can).
 */
export async function deploy(options: DeployOptions): Promise<PushOutcome> {
  requireArtifacts(options.component, options.artifacts);
  const presence = await options.client.presence();
  const deployment = new Deployment(options, presence, await signDeployment(options));
  return options.detach === true ? deployment.leave() : deployment.follow();
}

class Deployment {
  private readonly name: string;
  private readonly leftovers: Leftovers;
  private readonly server: ChunkServer;
  private readonly watch: DeploymentWatch;
  /** From when the broker may know of it. */
  private announcing = false;

  constructor(
    private readonly options: DeployOptions,
    private readonly presence: Presence,
    private readonly signed: SignedDeployment,
  ) {
    const { client, component, artifacts } = options;
    const { device, link } = client;
    const { id, sequence, envelope, before } = signed;
    this.name = toHex(id);
    const modules = artifacts.map((artifact) => (isSent(artifact) ? artifact : { size: artifact.size }));
    this.server = new ChunkServer(link, device, id, modules, () => this.progress());
    this.watch = new DeploymentWatch(
      link,
      { device, component, deployment: this.name, sequence, envelope },
      () => this.progress(),
      () => this.restore(),
      () => client.online,
    );
    this.leftovers = new Leftovers(client, artifacts, before, options.shelf);
    this.leftovers.look();
  }

  /** Leaves modules and desired state with the broker and goes. */
  async leave(): Promise<PushOutcome> {
    await this.leftovers.leave(() => this.announce());
    await this.leftovers.tidy(this.name, true);
    return { ...this.names(), end: 'left' };
  }

  async follow(): Promise<PushOutcome> {
    const { timeoutMs = PUSH_TIMEOUT_MS, signal } = this.options;
    const leaving = new AbortController();
    const stopped = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
    await this.server.start();
    await this.watch.start();
    try {
      const expired = pause(timeoutMs, stopped).then(() => undefined);
      const end = await Promise.race([this.begin().then(() => this.watch.ended), expired]);
      if (signal?.aborted === true) throw this.interrupted();
      if (end === undefined) throw await this.expired(timeoutMs);
      const outcome = this.outcome(end);
      await this.leftovers.tidy(this.name, false);
      return outcome;
    } finally {
      leaving.abort();
      await this.watch.stop();
      await this.server.stop();
    }
  }

  private async begin(): Promise<void> {
    try {
      if (this.presence.state === 'online') await this.announce();
      else await this.leftovers.leave(() => this.announce());
    } catch (thrown) {
      // The broker may have taken it: the watch says it again when it is back, nobody signs another one.
      if (asIotError(thrown).code !== 'E_BROKER_UNREACHABLE' || !this.announcing) throw thrown;
    }
    this.progress();
  }

  private async announce(): Promise<void> {
    const { client, component } = this.options;
    const topic = topics.desired(client.device, component);
    this.announcing = true;
    await this.watch.arm(() => client.link.publish(topic, this.signed.envelope, { retain: true }));
  }

  /** After the broker forgot, or somebody wrote over it. */
  private async restore(): Promise<void> {
    if (this.leftovers.left) await this.leftovers.publish();
    await this.announce();
  }

  private progress(): void {
    const { latest } = this.watch;
    this.options.onProgress?.({
      state: latest?.state ?? (this.presence.state === 'offline' ? 'offline' : 'sent'),
      percent: latest?.percent,
      sentBytes: this.server.sentBytes,
      totalBytes: this.server.totalBytes,
    });
  }

  private names(): Pick<PushOutcome, 'device' | 'component' | 'deployment' | 'sequence'> {
    const { client, component } = this.options;
    return { device: client.device, component, deployment: this.name, sequence: this.signed.sequence };
  }

  private outcome(end: WatchEnd): PushOutcome {
    if ('error' in end) return { ...this.names(), ...end };
    const { status } = end;
    const error = outcomeError(this.options.client.device, status);
    return {
      ...this.names(),
      end: status.state as PushOutcome['end'],
      status,
      ...(error === undefined ? {} : { error }),
    };
  }

  private async expired(timeoutMs: number): Promise<IotError> {
    const { client, component } = this.options;
    const { latest } = this.watch;
    const about = `device ${client.device}, ${component}`;
    const presence = await client.presence();
    const fetched = latest?.state === 'staged' || latest?.state === 'probation';
    if (!this.leftovers.left && !fetched) await this.leftovers.publish();
    if (presence.state === 'offline') {
      return new IotError(
        'E_TIMEOUT',
        `${about}: the device is off and did not come back within ${timeoutMs} ms; the update is left for it and ` +
          'will be taken when it comes back',
        { hint: `iot-host abort ${component} --device ${client.device}, to take it back` },
      );
    }
    const state = latest === undefined ? 'it has not mentioned it yet' : `its last word was ${latest.state}`;
    return new IotError(
      'E_TIMEOUT',
      `${about}: no outcome within ${timeoutMs} ms, ${state}; it goes on by itself`,
      { hint: `iot-host ps --device ${client.device}` },
    );
  }

  private interrupted(): IotError {
    const { client, component } = this.options;
    const text = `device ${client.device}, ${component}: interrupted, the update is still wanted`;
    return new IotError('E_INTERRUPTED', text, {
      hint: `iot-host abort ${component} --device ${client.device}`,
    });
  }
}
