interface Address {
  /** What the answers to messages that are being handled must carry, first come first. */
  readonly open: { readonly correlation: Buffer | undefined }[];
  /** What the last message wanted, for answers that come later. */
  last: Buffer | undefined;
}

/** Reply addresses that one actor was given; the oldest is forgotten when there are too many. */
export class ReplyAddresses {
  readonly #addresses = new Map<string, Address>();

  constructor(private readonly most = 256) {}

  /**
   * A message with this address is on its way to the actor; call the result when it has been handled. `correlation`:
   * what the answer must carry (MQTT 5 correlation data).
   */
  add(subject: string, correlation: Buffer | undefined): () => void {
    const address = this.#addresses.get(subject) ?? { open: [], last: undefined };
    this.#addresses.delete(subject);
    this.#addresses.set(subject, address);
    const message = { correlation };
    address.open.push(message);
    address.last = correlation;
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > this.most && oldest !== undefined) this.#addresses.delete(oldest);
    return () => {
      address.open.splice(address.open.indexOf(message), 1);
    };
  }

  has(subject: string): boolean {
    return this.#addresses.has(subject);
  }

  /** An actor handles its messages one after the other: what it publishes belongs to the oldest. */
  correlation(subject: string): Buffer | undefined {
    const address = this.#addresses.get(subject);
    const [oldest] = address?.open ?? [];
    return oldest === undefined ? address?.last : oldest.correlation;
  }
}
