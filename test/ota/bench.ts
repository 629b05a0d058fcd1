import { createHash } from 'node:crypto';
import { IotError } from '#runtime/base/errors.js';
import { type Logger, silentLogger } from '#runtime/base/logger.js';
import type { ReasonCode } from '#runtime/base/reasons.js';
import {
  type Checks,
  type FileSystem,
  type SignedChecksOptions,
  signedChecks,
  Updates,
} from '#runtime/ota/index.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, type TrustDocument } from '#runtime/trust/document/document.js';
import { createEnvelope, type EnvelopeOptions } from '#runtime/trust/suit/create-envelope.js';
import { URI_MQTT } from '#runtime/trust/suit/labels.js';
import { ManualClock } from '../helpers/manual-clock.js';
import { MemoryFileSystem } from '../helpers/memory-fs.js';
import { MemorySource } from '../helpers/module-source.js';
import { MemorySink } from '../helpers/status-sink.js';
import { MemoryTarget } from '../helpers/update-target.js';

const root = signerFromSeed(new Uint8Array(32).fill(1));
export const release = signerFromSeed(new Uint8Array(32).fill(2));
export const deviceSeed = new Uint8Array(32).fill(3);
export const KEY = 'M-BLINK';

export const trust: TrustDocument = createTrustDocument({
  version: 1,
  issued: 1_700_000_000,
  roles: {
    root: { keys: [root.publicKey] },
    release: { keys: [release.publicKey], components: [['actor']], capabilities: ['iot:gpio', 'iot:mqtt'] },
  },
});

export interface ModuleOptions {
  key?: string;
  capabilities?: string[];
  /** Bytes; default 40,000: three chunks. */
  size?: number;
  /** Makes admission refuse it: with E_IMPORT, or that. */
  refused?: boolean | ReasonCode;
  /** Its claims have a date that cannot be compared. */
  timeUnverified?: boolean;
}

/** Stands in for a module: what it is and how it behaves stands in front, the rest is filling. */
export function moduleBytes(name: string, options: ModuleOptions = {}): Uint8Array {
  const { key = KEY, capabilities = ['iot:gpio'], size = 40_000, refused = false, timeUnverified } = options;
  const text = JSON.stringify({ name, key, capabilities, refused, timeUnverified, version: '1.0.0' });
  return Uint8Array.from(Buffer.from(`${text}\n`.padEnd(size, '.')));
}

export const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export function envelopeFor(
  sequence: number,
  bytes: Uint8Array,
  options: Partial<EnvelopeOptions> & {
    slot?: string;
    probationSeconds?: number;
    securityFloor?: number;
  } = {},
): Uint8Array {
  const { slot = 'blink', probationSeconds, securityFloor, ...more } = options;
  const digest = Uint8Array.from(Buffer.from(digestOf(bytes), 'hex'));
  const component = { id: ['actor', slot], digest, size: bytes.length, uri: URI_MQTT };
  const extra = {
    ...(probationSeconds === undefined ? {} : { probationSeconds }),
    ...(securityFloor === undefined ? {} : { securityFloor }),
  };
  return createEnvelope({
    sequence,
    components: [{ ...component, ...extra }],
    deviceName: 'pi-01',
    signers: [release],
    ...more,
  });
}

/** One envelope for several slots. */
export function releaseFor(
  sequence: number,
  modules: Readonly<Record<string, Uint8Array>>,
  options: Partial<EnvelopeOptions> = {},
): Uint8Array {
  const components = Object.entries(modules).map(([slot, bytes]) => ({
    ...{ id: ['actor', slot], size: bytes.length, uri: URI_MQTT },
    digest: Uint8Array.from(Buffer.from(digestOf(bytes), 'hex')),
  }));
  return createEnvelope({ sequence, components, deviceName: 'pi-01', signers: [release], ...options });
}

/** The checks of a device over modules as `moduleBytes` makes them. */
export function benchChecks(trusted: SignedChecksOptions['trust'], strictTime?: boolean): Checks {
  return signedChecks({
    device: 'pi-01',
    board: 'sim',
    strictTime,
    trust: trusted,
    readModule: (bytes) => {
      const { refused, ...claims } = JSON.parse(Buffer.from(bytes).toString().split('\n')[0] ?? '');
      if (refused) throw new IotError(refused === true ? 'E_IMPORT' : refused, 'imports env.system');
      return claims;
    },
  });
}

export interface BenchOptions {
  fs?: FileSystem;
  folder?: string;
  dwellMs?: number;
  clock?: ManualClock;
  trust?: TrustDocument | undefined;
  /** With it the device holds its trust documents itself, and this is its local file. */
  given?: GivenTrust;
  hostVersion?: string;
  strictTime?: boolean;
  /** Nobody takes reports. */
  deaf?: boolean;
  log?: Logger;
  connected?: () => boolean;
}

/** The trust document that a device's owner puts on it. */
export class GivenTrust {
  #bytes: Uint8Array | undefined;

  constructor(bytes?: Uint8Array) {
    this.#bytes = bytes;
  }

  put(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  take(): Uint8Array | undefined {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    return bytes;
  }
}

/** A device with everything around its update machine in memory. */
export class Bench {
  readonly fs: FileSystem;
  readonly clock: ManualClock;
  readonly target = new MemoryTarget();
  readonly source = new MemorySource();
  readonly sink = new MemorySink();
  readonly updates: Updates;
  trust: TrustDocument | undefined;
  /** How often the retained desires would have been asked for again. */
  trustChanges = 0;

  private constructor(readonly options: BenchOptions) {
    this.fs = options.fs ?? new MemoryFileSystem();
    this.clock = options.clock ?? new ManualClock();
    this.sink.deaf = options.deaf ?? false;
    this.trust = 'trust' in options ? options.trust : trust;
    const checks = benchChecks(
      (now) => (options.given === undefined ? this.trust : this.updates.trust.inForce(now)),
      options.strictTime,
    );
    this.updates = new Updates({
      ...{ device: 'pi-01', folder: options.folder ?? '/ota', deviceSeed, checks },
      ...{ target: this.target, source: this.source, sink: this.sink, fs: this.fs, clock: this.clock },
      ...(options.connected === undefined ? {} : { connected: options.connected }),
      log: options.log ?? silentLogger,
      ...(options.given === undefined ? {} : { givenTrust: () => options.given?.take() }),
      ...(options.hostVersion === undefined ? {} : { hostVersion: options.hostVersion }),
      onTrustChanged: () => {
        this.trustChanges += 1;
      },
      dwellMs: options.dwellMs ?? 0,
    });
  }

  /** Starts the device: its actors run what `installed` says. */
  static async start(options: BenchOptions = {}): Promise<Bench> {
    const bench = new Bench(options);
    await bench.updates.start();
    for (const slot of bench.updates.slots) {
      const module = bench.updates.installed(slot);
      if (module !== undefined) bench.target.running.set(slot, module);
    }
    bench.updates.resume();
    return bench;
  }

  /** Starts another one on what the disk holds now. */
  restart(options: BenchOptions = {}): Promise<Bench> {
    const fs = this.fs instanceof MemoryFileSystem ? this.fs.clone() : this.fs;
    return Bench.start({ ...this.options, fs, ...options });
  }

  get memory(): MemoryFileSystem {
    if (this.fs instanceof MemoryFileSystem) return this.fs;
    throw new Error('this bench uses the real disk');
  }

  get running(): string | undefined {
    return this.target.running.get('blink')?.name;
  }

  /** Slots → names of the modules that run in them. */
  get all(): Record<string, string> {
    return Object.fromEntries([...this.target.running].map(([slot, { name }]) => [slot, name]));
  }

  /** As `push`, for several slots under the name of a release. */
  async release(
    sequence: number,
    modules: Readonly<Record<string, Uint8Array>>,
    name = 'house',
  ): Promise<Uint8Array> {
    for (const bytes of Object.values(modules)) this.source.offer(bytes);
    const envelope = releaseFor(sequence, modules);
    this.updates.desired(name, envelope);
    await this.updates.idle();
    return envelope;
  }

  /** Offers `bytes`, sends an envelope for them and waits until nothing goes on any more. */
  async push(
    sequence: number,
    bytes: Uint8Array,
    options: Parameters<typeof envelopeFor>[2] = {},
  ): Promise<Uint8Array> {
    this.source.offer(bytes);
    const envelope = envelopeFor(sequence, bytes, options);
    this.updates.desired(options.slot ?? 'blink', envelope);
    await this.updates.idle();
    return envelope;
  }
}

export const HAPPY = [
  'received',
  'verified',
  'fetching 0',
  'fetching 40',
  'fetching 81',
  'fetching 100',
  'staged',
  'probation',
  'active',
];
