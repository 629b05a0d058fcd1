import { createHash } from 'node:crypto';
import { IotError } from '#runtime/base/errors.js';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import type { FetchRequest, ModuleSource } from '#runtime/ota/index.js';

/** A sender in memory: has modules by digest, may be away, and may stop in the middle. */
export class MemorySource implements ModuleSource {
  private readonly modules = new Map<string, Uint8Array>();
  /** Attempts that still fail with E_FETCH. */
  away = 0;
  /** Chunk before which it waits for ever, until its signal is aborted. */
  stallAt: number | undefined;
  /** `digest:chunk` of everything that was sent. */
  readonly sent: string[] = [];
  private stalled: (() => void)[] = [];

  /** Puts `bytes` on offer, under their digest or, to lie, under another. */
  offer(bytes: Uint8Array, digest = createHash('sha256').update(bytes).digest('hex')): void {
    this.modules.set(digest, bytes);
  }

  withdraw(): void {
    this.modules.clear();
  }

  /** Resolves once it waits at `stallAt`. */
  untilStalled(): Promise<void> {
    return new Promise((resolve) => this.stalled.push(resolve));
  }

  async fetch(
    request: FetchRequest,
    have: (chunk: number) => boolean,
    sink: (offset: number, bytes: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = this.modules.get(request.digest);
    if (bytes === undefined || this.away > 0) {
      this.away -= 1;
      throw new IotError('E_FETCH', 'nobody answers');
    }
    for (let chunk = 0; chunk * CHUNK_BYTES < request.size; chunk++) {
      if (have(chunk)) continue;
      if (chunk === this.stallAt) await this.stall(signal);
      this.sent.push(`${request.digest.slice(0, 4)}:${chunk}`);
      await sink(chunk * CHUNK_BYTES, bytes.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES));
    }
  }

  private stall(signal: AbortSignal): Promise<never> {
    for (const resolve of this.stalled.splice(0)) resolve();
    return new Promise((_, reject) => {
      const stop = () => reject(new IotError('E_CANCELLED', 'aborted'));
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop);
    });
  }
}
