import { IotError } from '../../base/errors.js';
import { MAX_MODULE_BYTES } from '../../base/limits.js';
import { toHex } from '../../trust/cbor/bytes.js';
import { sha256 } from '../../trust/cose/authentication.js';
import type { Signer } from '../../trust/cose/signer.js';
import { createEnvelope } from '../../trust/suit/create-envelope.js';
import { readEnvelope } from '../../trust/suit/envelope.js';
import { URI_MQTT } from '../../trust/suit/labels.js';
import { pause } from '../mqtt/link.js';
import { readRetained } from '../mqtt/retained.js';
import type { Presence, UpdateState, UpdateStatus } from '../protocol/messages.js';
import { topics } from '../protocol/topics.js';
import { clearBlobs, leaveBlobs, publishBlobs } from './blobs.js';
import { ChunkServer } from './chunk-server.js';
import { DeploymentWatch, type WatchEnd } from './deployment-watch.js';
import { currentDesired, type Desired } from './desired.js';
import type { DeviceClient } from './device-client.js';
import { requireName } from './names.js';
import { outcomeError, type PushOutcome } from './outcome.js';

/** Milliseconds that a push waits for the outcome. */
export const PUSH_TIMEOUT_MS = 60_000;
/** Seconds by which a floor may be ahead of the clock: beyond it somebody has made it up, or a key was stolen. */
const MAX_AHEAD_SECONDS = 366 * 24 * 3_600;

export interface PushProgress {
  /** `offline`: it waits for the device; `sent`: desired, not yet mentioned by the device. */
  readonly state: UpdateState | 'offline' | 'sent';
  /** As the device counts, while fetching. */
  readonly percent?: number | undefined;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

export interface PushOptions {
  readonly client: DeviceClient;
  /** The signed module. */
  readonly module: Uint8Array;
  /** Name of the slot. */
  readonly component: string;
  /** Keys of the role `release`. */
  readonly signers: readonly Signer[];
  /** Default: the larger of Unix seconds and the reported floor + 1. */
  readonly sequence?: number | undefined;
  /** Human version of the release, `1.2.3`. */
  readonly version?: string | undefined;
  /** Lets a module with another key take the slot. Default false. */
  readonly replaceIdentity?: boolean | undefined;
  /** Leave it with the broker and do not wait. */
  readonly detach?: boolean | undefined;
  /** Default 60 000. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a deployment of `module` for one device, lets the device fetch it, and resolves with the true outcome, good
 * or bad. Rejects when there is none: E_USAGE, E_TOO_LARGE, E_DEVICE_NOT_FOUND, E_BROKER_UNREACHABLE,
 * E_INTERRUPTED (`signal`), E_TIMEOUT (the update stays with the broker, and the device takes it when it can).
 */
export async function push(options: PushOptions): Promise<PushOutcome> {
  const push = await Push.prepare(options);
  return options.detach === true ? push.leave() : push.follow();
}

class Push {
  /** Modules that may lie with the broker: this one, and that of the deployment in whose place this one comes. */
  private readonly left = new Map<string, number>();
  private blobsLeft = false;
  private readonly server: ChunkServer;
  private readonly watch: DeploymentWatch;

  private constructor(
    private readonly options: PushOptions,
    private readonly presence: Presence,
    private readonly digest: string,
    private readonly sequence: number,
    private readonly envelope: Uint8Array,
    previous: Desired | undefined,
  ) {
    const { client, component, module } = options;
    const { device, link } = client;
    this.server = new ChunkServer(link, device, this.deployment, module, () => this.progress());
    const own = { device, component, deployment: toHex(this.deployment), sequence, envelope };
    this.watch = new DeploymentWatch(
      link,
      own,
      () => this.progress(),
      () => this.restore(),
      () => client.online,
    );
    for (const old of previous?.modules ?? []) this.left.set(old.digest, old.size);
    this.left.set(digest, module.length);
  }

  static async prepare(options: PushOptions): Promise<Push> {
    const { client, component, module } = options;
    requireName('component', component);
    if (module.length === 0) throw new IotError('E_USAGE', 'an empty file is no module');
    if (module.length > MAX_MODULE_BYTES) {
      throw new IotError('E_TOO_LARGE', `module of ${module.length} bytes exceeds ${MAX_MODULE_BYTES}`);
    }
    const presence = await client.presence();
    const [status, previous] = await Promise.all([
      client.status(component),
      currentDesired(client.link, client.device, component),
    ]);
    const sequence = options.sequence ?? nextSequence(client.device, status, previous);
    const digest = sha256(module);
    const envelope = createEnvelope({
      sequence,
      deviceName: client.device,
      signers: options.signers,
      components: [
        {
          id: ['actor', component],
          digest,
          size: module.length,
          uri: URI_MQTT,
          replaceIdentity: options.replaceIdentity === true,
        },
      ],
      ...(options.version === undefined ? {} : { version: options.version }),
    });
    return new Push(options, presence, toHex(digest), sequence, envelope, previous);
  }

  /** Leaves module and desired state with the broker and goes. */
  async leave(): Promise<PushOutcome> {
    const lying = this.lying([...this.left.keys()].filter((digest) => digest !== this.digest));
    await this.leaveBlobs();
    await this.tidy(await lying);
    return { ...this.names(), end: 'left' };
  }

  async follow(): Promise<PushOutcome> {
    const { timeoutMs = PUSH_TIMEOUT_MS, signal } = this.options;
    const leaving = new AbortController();
    const stopped = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
    const lying = this.lying([...this.left.keys()]);
    await this.server.start();
    await this.watch.start();
    try {
      const expired = pause(timeoutMs, stopped).then(() => undefined);
      const end = await Promise.race([this.begin().then(() => this.watch.ended), expired]);
      if (signal?.aborted === true) throw this.interrupted();
      if (end === undefined) throw await this.expired(timeoutMs);
      const outcome = this.outcome(end);
      await this.tidy(await lying);
      return outcome;
    } finally {
      leaving.abort();
      await this.watch.stop();
      await this.server.stop();
    }
  }

  private async begin(): Promise<void> {
    if (this.presence.state === 'online') await this.announce();
    else await this.leaveBlobs();
    this.progress();
  }

  private async announce(): Promise<void> {
    const { client, component } = this.options;
    const topic = topics.desired(client.device, component);
    await this.watch.arm(() => client.link.publish(topic, this.envelope, { retain: true }));
  }

  private async leaveBlobs(): Promise<void> {
    this.blobsLeft = true;
    await leaveBlobs(this.options.client.link, this.digest, this.options.module, () => this.announce());
  }

  /** After the broker forgot, or somebody wrote over it. */
  private async restore(): Promise<void> {
    if (this.blobsLeft) await publishBlobs(this.options.client.link, this.digest, this.options.module);
    await this.announce();
  }

  private progress(): void {
    const { latest } = this.watch;
    this.options.onProgress?.({
      state: latest?.state ?? (this.presence.state === 'offline' ? 'offline' : 'sent'),
      percent: latest?.percent,
      sentBytes: this.server.sentBytes,
      totalBytes: this.options.module.length,
    });
  }

  private names(): Pick<PushOutcome, 'device' | 'component' | 'deployment' | 'sequence'> {
    const { client, component } = this.options;
    const deployment = toHex(this.deployment);
    return { device: client.device, component, deployment, sequence: this.sequence };
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

  /** Those of `digests` that lie with the broker. */
  private async lying(digests: readonly string[]): Promise<ReadonlySet<string>> {
    const { link } = this.options.client;
    const found = await Promise.all(
      digests.map(async (digest) => {
        const first = topics.blob(digest, 0);
        const there = await readRetained(link, first).catch(() => new Map<string, Uint8Array>());
        return there.has(first) ? [digest] : [];
      }),
    );
    return new Set(found.flat());
  }

  /** Takes away what this deployment, or the one before it, had left with the broker. */
  private async tidy(lying: ReadonlySet<string>): Promise<void> {
    const { link } = this.options.client;
    for (const [digest, size] of this.left) {
      const own = digest === this.digest && this.blobsLeft && this.options.detach !== true;
      // What cannot be taken away now is taken away by the next push.
      if (own || lying.has(digest))
        await clearBlobs(link, { digest, size }, toHex(this.deployment)).catch(() => {});
    }
  }

  private async expired(timeoutMs: number): Promise<IotError> {
    const { client, component } = this.options;
    const { latest } = this.watch;
    const about = `device ${client.device}, ${component}`;
    const presence = await client.presence();
    const fetched = latest?.state === 'staged' || latest?.state === 'probation';
    if (!this.blobsLeft && !fetched) await publishBlobs(client.link, this.digest, this.options.module);
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
      {
        hint: `iot-host ps --device ${client.device}`,
      },
    );
  }

  private interrupted(): IotError {
    const { client, component } = this.options;
    const text = `device ${client.device}, ${component}: interrupted, the update is still wanted`;
    return new IotError('E_INTERRUPTED', text, {
      hint: `iot-host abort ${component} --device ${client.device}`,
    });
  }

  private get deployment(): Uint8Array {
    return readEnvelope(this.envelope).authentication.digest;
  }
}

/** Reported numbers are not signed: one far ahead of the clock would use up the numbers of the years until then. */
function nextSequence(
  device: string,
  status: UpdateStatus | undefined,
  previous: Desired | undefined,
): number {
  const now = Math.floor(Date.now() / 1000);
  const floor = status?.floor ?? 0;
  if (floor > now + MAX_AHEAD_SECONDS) {
    throw new IotError(
      'E_USAGE',
      `device ${device} reports sequence number ${floor}, years ahead of the clock`,
      {
        hint: `set this machine's clock, or give a sequence number above ${floor} yourself`,
      },
    );
  }
  // One that is still waiting and was made in this very second is outdone as well.
  const waiting = previous?.sequence ?? 0;
  return Math.max(now, floor + 1, waiting > now + MAX_AHEAD_SECONDS ? 0 : waiting + 1);
}
