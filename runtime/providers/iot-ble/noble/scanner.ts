import type { Noble } from './api.js';

/** Milliseconds after which a command of which nothing was heard is given again. */
const AGAIN_MS = 2_000;
/** Longest wait for the end of the last scan: an adapter that is let go of before would go on with it, for nobody. */
const CLOSE_MS = 1_000;

/**
 * Keeps the adapter's scan as it ought to be: the packages stop it by themselves while they connect, and an adapter may
 * refuse. While something is being connected to there is none: many adapters cannot do both.
 */
export class Scanner {
  #wish: { readonly duplicates: boolean } | undefined;
  #powered = false;
  #scanning = false;
  #duplicates = false;
  #anew = false;
  #paused = 0;
  #searching = 0;
  #closed = false;
  #commanded: NodeJS.Timeout | undefined;
  readonly #whenQuiet = new Set<() => void>();

  constructor(private readonly noble: Noble) {
    noble.on('scanStart', () => this.#settled(true));
    noble.on('scanStop', () => this.#settled(false));
  }

  power(on: boolean): void {
    this.#powered = on;
    if (!on) this.#settled(false);
    else this.#tune();
  }

  scan(wish: { readonly duplicates: boolean } | undefined): void {
    this.#wish = wish;
    this.#anew = true;
    this.#tune();
  }

  /** Scans for every advertisement until the returned function is called. */
  search(): () => void {
    this.#searching += 1;
    this.#tune();
    return () => {
      this.#searching -= 1;
      this.#tune();
    };
  }

  /**
   * Resolves when it does not scan, and it will not until the returned function is called. A command that is under way
   * is waited for, too: @stoprocent/noble resets the controller before a connection, and a scan that begins at that
   * moment would be believed to go on.
   */
  async pause(): Promise<() => void> {
    this.#paused += 1;
    this.#tune();
    while (!this.#closed && this.#isBusy()) await this.#quiet();
    return () => {
      this.#paused -= 1;
      this.#tune();
    };
  }

  /** For good. Resolves when the adapter has said that it does not scan, or after a bounded wait. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tune();
    this.#tellQuiet();
    const timer = setTimeout(() => {
      this.power(false);
    }, CLOSE_MS);
    while (this.#isBusy()) await this.#quiet();
    clearTimeout(timer);
    this.#powered = false;
  }

  #wanted(): { readonly duplicates: boolean } | undefined {
    if (this.#paused > 0 || this.#closed) return undefined;
    return this.#searching > 0 ? { duplicates: true } : this.#wish;
  }

  #tune(): void {
    if (!this.#powered || this.#commanded !== undefined) return;
    const wanted = this.#wanted();
    if (this.#scanning) {
      if (wanted !== undefined && wanted.duplicates === this.#duplicates && !this.#anew) return;
      this.#command(() => this.noble.stopScanning(() => {}));
    } else if (wanted !== undefined) {
      this.#duplicates = wanted.duplicates;
      this.#anew = false;
      this.#command(() => this.noble.startScanning([], wanted.duplicates, () => {}));
    }
  }

  #command(give: () => void): void {
    this.#commanded = setTimeout(() => {
      this.#commanded = undefined;
      this.#tune();
      this.#tellQuiet();
    }, AGAIN_MS);
    give();
  }

  #isBusy(): boolean {
    return this.#scanning || this.#commanded !== undefined;
  }

  #quiet(): Promise<void> {
    return new Promise((resolve) => this.#whenQuiet.add(resolve));
  }

  #tellQuiet(): void {
    for (const resume of this.#whenQuiet) resume();
    this.#whenQuiet.clear();
  }

  #settled(scanning: boolean): void {
    this.#scanning = scanning;
    clearTimeout(this.#commanded);
    this.#commanded = undefined;
    this.#tune();
    this.#tellQuiet();
  }
}
