import { Backoff } from '../backoff.js';
import type { HostClock } from '../clock.js';

/** Something that is tried again later, each time after a longer wait, until it is taken back. */
export class Retry {
  readonly #clock: HostClock;
  readonly #backoff: Backoff;
  #takeBack: () => void = () => undefined;

  constructor(clock: HostClock) {
    this.#clock = clock;
    this.#backoff = new Backoff(() => clock.now());
  }

  /** In place of what was to be tried before. `wanted` tells a work that had to wait whether it was taken back. */
  later(work: (wanted: () => boolean) => void): void {
    const waitMs = this.#backoff.next();
    this.takeBack();
    let wanted = true;
    const cancel = this.#clock.after(waitMs, () => work(() => wanted));
    this.#takeBack = () => {
      wanted = false;
      cancel();
    };
  }

  takeBack(): void {
    this.#takeBack();
  }
}
