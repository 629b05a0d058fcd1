import type { UpdateStatus } from '../control/protocol/messages.js';

/** What one deployment asks for: `size` bytes whose SHA-256 is `digest`. */
export interface FetchRequest {
  /** SHA-256 of the manifest, 32 bytes: correlates chunk requests and answers. */
  readonly deployment: Uint8Array;
  /** Where the module begins among those of the deployment (`partOffsets`), in bytes; default 0. */
  readonly base?: number | undefined;
  /** Hex. */
  readonly digest: string;
  readonly size: number;
  /** `mqtt:` or `https://…`. */
  readonly uri: string;
  /** Signed: 16 bytes for each chunk (`isChunk`). Without them a spoilt chunk is noticed when all is there. */
  readonly chunkDigests?: Uint8Array | undefined;
  /** Complete fetches whose bytes were wrong: the next one begins with another source. Default 0. */
  readonly spoilt?: number;
  /** Told of every byte that comes for the deployment, wanted or not. What it throws ends the fetch. */
  readonly onReceived?: (bytes: number) => void;
}

/** Takes one whole chunk, `offset` in bytes. */
export interface Sink {
  (offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes durable what was taken, so that a power cut costs no more than what came since. */
  readonly sync?: () => Promise<void>;
}

/** Where module bytes come from. Implemented over MQTT and HTTPS by the device's agent. */
export interface ModuleSource {
  /**
   * Pulls what `have` says is still missing and hands each piece to `sink`, one at a time, as it comes; resolves
   * when all was handed over. Nothing it delivers is trusted before the digest of the whole was checked.
   * Rejects with E_FETCH, E_CANCELLED when `signal` aborts, or what `sink` and `onReceived` throw.
   */
  fetch(
    request: FetchRequest,
    have: (chunk: number) => boolean,
    sink: Sink,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Where an update's progress goes: retained `ota/state/<component>`, and a signed report at its end. */
export interface StatusSink {
  status(status: UpdateStatus): Promise<void>;
  report(report: Uint8Array): Promise<void>;
}
