/** Changes of one thing, one after the other, each once the one before has ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` in its turn; ends as that does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
