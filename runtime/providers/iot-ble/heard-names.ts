/** Names of peripherals heard that are remembered. */
const MAX_NAMES = 1024;

/** What peripherals call themselves, for grants that go by name; the one heard longest ago is the first forgotten. */
export class HeardNames {
  readonly #names = new Map<string, string>();

  of(id: string): string | undefined {
    return this.#names.get(id);
  }

  remember(id: string, name: string | undefined): void {
    if (name === undefined || name === '') return;
    this.#names.delete(id);
    this.#names.set(id, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
  }
}
