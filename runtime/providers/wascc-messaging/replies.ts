/** Reply addresses that one actor was given; the oldest is forgotten when there are too many. */
export class ReplyAddresses {
  readonly #correlations = new Map<string, Buffer | undefined>();

  constructor(private readonly most = 256) {}

  /** `correlation`: what the answer must carry (MQTT 5 correlation data). */
  add(subject: string, correlation: Buffer | undefined): void {
    this.#correlations.delete(subject);
    this.#correlations.set(subject, correlation);
    const [oldest] = this.#correlations.keys();
    if (this.#correlations.size > this.most && oldest !== undefined) this.#correlations.delete(oldest);
  }

  has(subject: string): boolean {
    return this.#correlations.has(subject);
  }

  correlation(subject: string): Buffer | undefined {
    return this.#correlations.get(subject);
  }
}
