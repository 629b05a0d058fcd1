import { createHash } from 'node:crypto';
import { asIotError, type IotError } from '#runtime/base/errors.js';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import { ControlAgent, type ControlAgentOptions } from '#runtime/control/agent/agent.js';
import { DeviceClient } from '#runtime/control/client/device-client.js';
import { BrokerLink } from '#runtime/control/mqtt/link.js';
import type {
  ActorStatus,
  RpcHandlers,
  UpdateState,
  UpdateStatus,
} from '#runtime/control/protocol/messages.js';
import { equalBytes, toHex } from '#runtime/trust/cbor/bytes.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, type TrustDocument } from '#runtime/trust/document/document.js';
import { readEnvelope } from '#runtime/trust/suit/envelope.js';
import { readManifest } from '#runtime/trust/suit/manifest.js';
import { planManifest } from '#runtime/trust/suit/plan.js';

const signer = (byte: number): Signer => signerFromSeed(new Uint8Array(32).fill(byte));
export const root = signer(1);
export const release = signer(2);
export const control = signer(3);
export const stranger = signer(9);

export const trust: TrustDocument = createTrustDocument({
  version: 1,
  issued: 1_700_000_000,
  roles: {
    root: { keys: [root.publicKey] },
    release: { keys: [release.publicKey] },
    control: { keys: [control.publicKey] },
  },
});

/** Bytes without a pattern, the same every time. */
export function moduleOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let x = seed;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export async function until(test: () => boolean | undefined, what = 'condition', ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (test() !== true) {
    if (performance.now() > end) throw new Error(`${what} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function failure(promise: Promise<unknown>): Promise<IotError> {
  return promise.then(
    (value) => {
      throw new Error(`did not fail: ${JSON.stringify(value)}`);
    },
    (thrown: unknown) => asIotError(thrown),
  );
}

export const blink: ActorStatus = {
  name: 'blink',
  state: 'running',
  bindings: [],
  queued: 0,
  handled: 1,
  failed: 0,
  restarts: 0,
};

export const FAST = { silenceMs: 300, retriesMs: [200, 400, 800], pausesMs: [100, 200] };

/** Collects what has to be closed again. */
export class Cleanup {
  private readonly steps: (() => Promise<unknown>)[] = [];

  add<T>(value: T, step: () => Promise<unknown>): T {
    this.steps.push(step);
    return value;
  }

  async run(): Promise<void> {
    for (const step of this.steps.reverse().splice(0)) await step();
  }
}

/**
 * An agent with the smallest update machine that can be told from a real one: it takes what is newer, fetches it
 * through the agent, compares the digest, and says how it ended.
 */
export class FakeDevice {
  readonly agent: ControlAgent;
  readonly installed = new Map<string, Uint8Array>();
  readonly calls: unknown[] = [];
  readonly desired: Uint8Array[] = [];
  floor = 0;
  verdict: Pick<UpdateStatus, 'state' | 'reason' | 'unbound'> = { state: 'active' };
  /** Between fetching and the verdict. */
  probation: () => Promise<void> = async () => {};
  private running: { sequence: number; deployment: string; abort: AbortController } | undefined;
  private readonly done = new Map<string, UpdateStatus>();

  constructor(
    url: string,
    readonly name = 'pi-01',
    options: Partial<ControlAgentOptions> = {},
  ) {
    this.agent = new ControlAgent({
      url,
      device: name,
      session: 7,
      version: '0.1.0',
      board: 'sim',
      labels: { site: 'lab' },
      actors: () => [{ name: 'blink', state: 'running' }],
      trust: () => trust,
      handlers: this.handlers(),
      onDesired: (component, envelope) => this.take(component, envelope),
      timing: FAST,
      ...options,
    });
  }

  async start(): Promise<this> {
    await this.agent.start();
    return this;
  }

  handlers(): RpcHandlers {
    const status = { contract: 'wascc:keyvalue', name: 'default', implementation: 'memory', bindings: 0 };
    const unused = async (): Promise<never> => {
      throw new Error('not part of this test');
    };
    return {
      ps: async () => ({
        device: this.name,
        version: '0.1.0',
        session: 7,
        ready: true,
        problems: [],
        actors: [blink],
        providers: [],
      }),
      call: async (args) => {
        this.calls.push(args);
        return { reply: args.payload };
      },
      logs: async () => ({ lines: [{ time: 1, level: 'info', message: 'early', actor: 'blink' }] }),
      'providers.list': async () => ({ providers: [{ ...status, state: 'running' }], contracts: [] }),
      'providers.remove': async () => ({ ...status, state: 'removed' }),
      'providers.start': unused,
      'providers.swap': unused,
      'actors.start': async () => blink,
      'actors.stop': async () => ({ ...blink, state: 'stopped' }),
      'actors.restart': async () => blink,
      'actors.remove': async () => ({}),
      bind: unused,
      unbind: async () => blink,
      'trust.update': unused,
      abort: async () => {
        const aborted = this.running !== undefined;
        this.running?.abort.abort();
        return { aborted };
      },
    };
  }

  private async take(component: string, bytes: Uint8Array): Promise<void> {
    this.desired.push(bytes);
    if (bytes.length === 0) {
      this.running?.abort.abort();
      return;
    }
    const envelope = readEnvelope(bytes);
    const manifest = readManifest(envelope.manifest);
    const [module] = planManifest(manifest).components;
    if (module === undefined) throw new Error('no component');
    const deployment = toHex(envelope.authentication.digest);
    const { sequence } = manifest;
    const say = async (state: UpdateState, more: Partial<UpdateStatus> = {}): Promise<void> => {
      const status: UpdateStatus = {
        v: 1,
        component,
        deployment,
        state,
        sequence,
        floor: this.floor,
        ...more,
      };
      if (['active', 'rolled-back', 'rejected', 'failed', 'cancelled'].includes(state)) {
        this.done.set(deployment, status);
      }
      await this.agent.status.status(status);
    };
    const before = this.done.get(deployment);
    if (before !== undefined) return this.agent.status.status(before);
    if (this.running?.deployment === deployment) return;
    const known = Math.max(this.floor, this.running?.sequence ?? 0);
    if (sequence <= known) {
      return say('rejected', { reason: { code: 'E_OLDER', message: `older than ${known}` } });
    }
    this.running?.abort.abort(new Error('superseded'));
    const own = { sequence, deployment, abort: new AbortController() };
    this.running = own;
    await say('fetching', { percent: 0 });
    const target = new Uint8Array(module.size);
    try {
      await this.agent.source.fetch(
        {
          deployment: envelope.authentication.digest,
          digest: toHex(module.digest),
          size: module.size,
          uri: module.uri,
        },
        () => false,
        async (offset, piece) => target.set(piece, offset),
        own.abort.signal,
      );
      if (!equalBytes(createHash('sha256').update(target).digest(), module.digest)) {
        return await say('rejected', { reason: { code: 'E_DIGEST', message: 'wrong bytes' } });
      }
      await say('probation');
      await this.probation();
    } catch (thrown) {
      const replaced =
        own.abort.signal.reason instanceof Error && own.abort.signal.reason.message === 'superseded';
      const error = asIotError(thrown);
      if (replaced) await say('rejected', { reason: { code: 'E_SUPERSEDED', message: 'a newer one came' } });
      else await say(own.abort.signal.aborted ? 'cancelled' : 'failed', { reason: error.toJSON() });
      return;
    } finally {
      if (this.running === own) this.running = undefined;
    }
    if (this.verdict.state === 'active') {
      this.floor = sequence;
      this.installed.set(component, target);
    }
    await say(this.verdict.state, { reason: this.verdict.reason, unbound: this.verdict.unbound });
  }
}

export async function connectClient(
  url: string,
  device = 'pi-01',
  key: Signer | undefined = control,
): Promise<DeviceClient> {
  return DeviceClient.connect({ url, device, signer: key });
}

/** A bare connection, for those who do not keep to the protocol. */
export async function bareLink(url: string): Promise<BrokerLink> {
  const link = new BrokerLink({ url, clientId: `bare-${Math.random().toString(36).slice(2)}` });
  await link.open();
  return link;
}

export const chunkCount = (size: number): number => Math.ceil(size / CHUNK_BYTES);
