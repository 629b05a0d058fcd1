import { createLogger } from '#runtime/base/pino-logger.js';
import { DeviceModuleSource } from '#runtime/control/agent/source/module-source.js';
import type { FetchTiming } from '#runtime/control/agent/source/timing.js';
import { type ChunkRequest, decodeChunkRequest, encodeChunk } from '#runtime/control/mqtt/chunks.js';
import type { BrokerLink } from '#runtime/control/mqtt/link.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { systemClock } from '#runtime/ota/clock.js';
import { type FileSystem, nodeFileSystem } from '#runtime/ota/index.js';
import type { Context } from '#runtime/ota/machine/context.js';
import { obtain } from '#runtime/ota/machine/obtain.js';
import { Blobs } from '#runtime/ota/storage/blobs.js';
import { chunkDigests } from '#runtime/trust/suit/chunk-digests.js';
import type { Cleanup } from '../../helpers/cleanup.js';
import { MemoryFileSystem } from '../../helpers/memory-fs.js';
import { bareLink, digestOf } from '../fixture.js';

export const DEPLOYMENT = new Uint8Array(32).fill(1);
const HEX = Buffer.from(DEPLOYMENT).toString('hex');

/** Quick enough for a test: a second is a few hundredths. */
export const QUICK: Partial<FetchTiming> = {
  silenceMs: 250,
  retriesMs: [100, 200, 400],
  pausesMs: [100, 200],
};

/** One piece as it was asked for. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** Somebody who answers on `ota/get`, as a script says; counts what was asked of it. */
export class ScriptedSender {
  readonly requests: ChunkRequest[] = [];
  /** Pieces asked for, in order. */
  readonly asked: Piece[] = [];

  constructor(
    readonly link: BrokerLink,
    readonly module: Uint8Array,
    /** Default: honest. */
    private readonly answer: (piece: Piece, sender: ScriptedSender) => void = (piece, sender) =>
      sender.send(piece),
    private readonly device = 'pi-01',
  ) {}

  async start(): Promise<this> {
    await this.link.subscribe(topics.get(this.device), ({ payload }) => {
      const request = decodeChunkRequest(payload);
      if (request === undefined) throw new Error('no request');
      this.requests.push(request);
      const { offset, length, count } = request;
      for (let n = 0; n < count; n++) {
        const at = offset + n * length;
        if (at >= this.module.length) continue;
        const piece = { offset: at, length: Math.min(length, this.module.length - at) };
        this.asked.push(piece);
        this.answer(piece, this);
      }
    });
    return this;
  }

  /** What is honest, or `bytes`, for deployment `of`. */
  send(
    { offset, length }: Piece,
    bytes = this.module.subarray(offset, offset + length),
    of: Uint8Array = DEPLOYMENT,
  ): void {
    this.publish(encodeChunk(of, offset, bytes));
  }

  publish(message: Uint8Array): void {
    this.link.publish(topics.data(this.device), message).catch(() => {});
  }

  /** Bytes asked for. */
  get askedBytes(): number {
    return this.asked.reduce((sum, { length }) => sum + length, 0);
  }
}

export interface RigOptions {
  readonly timing?: Partial<FetchTiming>;
  readonly fs?: FileSystem;
  readonly ca?: string;
}

/** The fetching half of a device: its broker connection, its source and its disk. */
export class Rig {
  private constructor(
    readonly link: BrokerLink,
    readonly source: DeviceModuleSource,
    readonly fs: FileSystem,
    /** What was logged. */
    readonly log: string[],
  ) {}

  static async start(cleanup: Cleanup, url: string, options: RigOptions = {}): Promise<Rig> {
    const link = await bareLink(url);
    cleanup.add(() => link.close());
    const log: string[] = [];
    const logger = createLogger('debug', {
      write: (line) => void log.push(String((JSON.parse(line) as { message: string }).message)),
    });
    const timing = { ...QUICK, ...options.timing };
    const source = new DeviceModuleSource(link, 'pi-01', { timing, logger, ca: options.ca });
    await source.start();
    cleanup.add(() => source.stop());
    return new Rig(link, source, options.fs ?? new MemoryFileSystem(), log);
  }

  /** One fetch of all of `module`, without a disk. */
  fetch(module: Uint8Array, uri = 'mqtt:'): Promise<void> {
    const request = { deployment: DEPLOYMENT, digest: digestOf(module), size: module.length, uri };
    return this.source.fetch(
      request,
      () => false,
      async () => {},
      AbortSignal.timeout(15_000),
    );
  }

  /** As the update machine does it: fetched, written, compared, and read again. */
  async obtain(
    module: Uint8Array,
    more: { uri?: string; signed?: boolean; signal?: AbortSignal; received?: (bytes: number) => void } = {},
  ): Promise<Uint8Array> {
    const {
      uri = 'mqtt:',
      signed = false,
      signal = new AbortController().signal,
      received = () => {},
    } = more;
    const log = createLogger('debug', { write: (line) => void this.log.push(line) });
    const folder = this.fs === nodeFileSystem ? '' : '/ota';
    const blobs = new Blobs(this.fs, `${folder}/blobs`, module.length, log);
    await blobs.open();
    const context = {
      fs: this.fs,
      tmp: `${folder}/tmp`,
      blobs,
      source: this.source,
      clock: systemClock(),
      log,
    };
    const wanted = {
      deployment: HEX,
      component: 'blink',
      slot: 'blink',
      digest: digestOf(module),
      size: module.length,
      uri,
      replaceIdentity: false,
      more: 0,
      ...(signed ? { chunkDigests: chunkDigests(module) } : {}),
    };
    return obtain(context as unknown as Context, wanted, received, signal);
  }
}
