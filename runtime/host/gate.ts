/** Lets work through while open; closing it waits until what is inside has come out. */
export class Gate {
  #inside = 0;
  #opened: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #drained: (() => void) | undefined;

  async run<T>(work: () => T | Promise<T>): Promise<T> {
    while (this.#opened !== undefined) await this.#opened;
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#drained?.();
    }
  }

  /** Holds newcomers and waits for those inside, but no longer than `patienceMs`. */
  async close(patienceMs: number): Promise<void> {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
    if (this.#inside === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      timer = setTimeout(resolve, patienceMs);
    });
    clearTimeout(timer);
    this.#drained = undefined;
  }

  open(): void {
    this.#open?.();
    this.#open = undefined;
    this.#opened = undefined;
  }
}
