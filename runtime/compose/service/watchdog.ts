import type { Logger } from '../../base/logger.js';

export interface WatchdogParts {
  /** Time within which the manager wants a sign of life, in milliseconds. */
  readonly withinMs: number;
  /** The worst delay of the main thread in the last `ms` milliseconds. */
  lag(ms: number): number;
  /** Rejects when the host cannot do its work and a restart may help. */
  check(): Promise<void>;
  /** Tells the manager. */
  alive(): Promise<void>;
  readonly logger: Logger;
}

/**
 * Signs of life at half of the time that the manager grants, as sd_watchdog_enabled(3) advises, but only while the
 * main thread keeps up and the state folder works. When something is wrong it looks again soon and stays silent: what
 * passes by itself costs no restart, what does not ends in one. A broker that is away is no reason: the device
 * works without it, a restart would not bring it back, and `/readyz` says so.
 */
export class Watchdog {
  readonly #parts: WatchdogParts;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#in(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #in(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look(), ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { withinMs, alive, logger } = this.#parts;
    const began = performance.now();
    const problem = await this.#problem();
    if (this.#stopped) return;
    if (problem === undefined) await alive();
    else logger.error(`no sign of life for the service manager: ${problem}`);
    const wait = problem === undefined ? withinMs / 2 : withinMs / 10;
    this.#in(Math.max(0, wait - (performance.now() - began)));
  }

  async #problem(): Promise<string | undefined> {
    const { withinMs, lag, check } = this.#parts;
    const late = lag(withinMs / 10);
    if (late > withinMs / 4) return `the main thread was ${Math.round(late)} ms late`;
    return check().then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    );
  }
}
