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
  readonly uri: string;
}

/** Where module bytes come from. Implemented over MQTT by the device's agent. */
export interface ModuleSource {
  /**
   * Pulls what `have` says is still missing and hands each piece to `sink` (offset in bytes) as it comes; resolves
   * when all was handed over. Nothing it delivers is trusted before the digest of the whole was checked.
   * Rejects with E_FETCH, or E_CANCELLED when `signal` aborts.
   */
  fetch(
    request: FetchRequest,
    have: (chunk: number) => boolean,
    sink: (offset: number, bytes: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Where an update's progress goes: retained `ota/state/<component>`, and a signed report at its end. */
export interface StatusSink {
  status(status: UpdateStatus): Promise<void>;
  report(report: Uint8Array): Promise<void>;
}
