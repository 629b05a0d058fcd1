/** Turns calls into an async iterable: what is pushed is read in order, by one reader. */
export class Feed<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #over: { readonly error?: unknown } | undefined;
  #wake = () => {};

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    this.#over ??= {};
    this.#wake();
  }

  /** The reader's loop throws `error` once everything before it was read. */
  fail(error: unknown): void {
    this.#over ??= { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as T;
      if (this.#over !== undefined) {
        if ('error' in this.#over) throw this.#over.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
