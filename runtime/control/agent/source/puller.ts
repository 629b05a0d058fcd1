import type { Transfer } from './transfer.js';

/** One place where a module's bytes may be. */
export interface Puller {
  /**
   * Gets what it can of what is missing, and resolves when all is there, when it has nothing more to give, or when
   * `signal` aborts. Rejects with what `transfer.check` throws.
   */
  pull(transfer: Transfer, signal: AbortSignal): Promise<void>;
}

/** Times that a chunk may come spoilt before another source is tried. */
export const MAX_SPOILT = 3;
